/* Arrays of any index. A node's slots stand for 1 << shift indexes each. The head is one, or the entry of index 0. */
#include <linux/slab.h>
#include <linux/xarray.h>
#include "lib.h"

#define BITS	6
#define SLOTS	(1UL << BITS)
#define MASK	(SLOTS - 1)
#define MARKS	(XA_MARK_MAX + 1)
#define LEVELS	((BITS_PER_LONG + BITS - 1) / BITS)

struct xa_node {
	unsigned char shift;
	unsigned char count;
	void *slots[SLOTS];
	unsigned long marks[MARKS][SLOTS / BITS_PER_LONG];
};

static struct xa_node *node_of(const void *entry)
{
	return xa_is_internal(entry) && (unsigned long)entry > 4096 ? (void *)((unsigned long)entry - 2) : NULL;
}

static void *entry_of(struct xa_node *node)
{
	return (void *)((unsigned long)node | 2);
}

/* How many levels of nodes there are, and are to be for an index. */
static int levels(const struct xarray *xa)
{
	struct xa_node *node = node_of(xa->xa_head);

	return node ? node->shift / BITS + 1 : 0;
}

static int levels_for(const struct xarray *xa, unsigned long index)
{
	int count = levels(xa);

	while (count < LEVELS && index >> count * BITS)
		count++;
	return count;
}

/*
 * The nodes on the way to an index, from the top, as far as there are any; how many. *entry becomes what the way ends
 * with: the entry, or NULL.
 */
static int path_to(const struct xarray *xa, unsigned long index, struct xa_node **path, void **entry)
{
	struct xa_node *node;
	int depth = 0;

	*entry = levels_for(xa, index) > levels(xa) ? NULL : xa->xa_head;
	while ((node = node_of(*entry)) != NULL) {
		path[depth++] = node;
		*entry = node->slots[index >> node->shift & MASK];
	}
	return depth;
}

static void *visible(void *entry)
{
	return xa_is_zero(entry) ? NULL : entry;
}

LIB void *xa_load(struct xarray *xa, unsigned long index)
{
	struct xa_node *path[LEVELS];
	void *entry;

	rcu_read_lock();
	path_to(xa, index, path, &entry);
	rcu_read_unlock();
	return visible(entry);
}

/* Marks */

static bool node_marked(const struct xa_node *node, unsigned long offset, xa_mark_t mark)
{
	return test_bit(offset, node->marks[mark]);
}

LIB bool xa_get_mark(struct xarray *xa, unsigned long index, xa_mark_t mark)
{
	struct xa_node *path[LEVELS];
	void *entry;
	int depth = path_to(xa, index, path, &entry);

	if (!entry)
		return false;
	return depth ? node_marked(path[depth - 1], index & MASK, mark) : xa_marked(xa, mark);
}

LIB void __xa_set_mark(struct xarray *xa, unsigned long index, xa_mark_t mark)
{
	struct xa_node *path[LEVELS];
	void *entry;
	int depth = path_to(xa, index, path, &entry);

	if (!entry)
		return;
	while (depth--)
		__set_bit(index >> path[depth]->shift & MASK, path[depth]->marks[mark]);
	xa->xa_flags |= XA_FLAGS_MARK(mark);
}

LIB void __xa_clear_mark(struct xarray *xa, unsigned long index, xa_mark_t mark)
{
	struct xa_node *path[LEVELS];
	void *entry;
	int depth = path_to(xa, index, path, &entry);

	if (!entry)
		return;
	while (depth--) {
		unsigned long *marks = path[depth]->marks[mark];

		__clear_bit(index >> path[depth]->shift & MASK, marks);
		if (marks[0] | marks[1])
			return;
	}
	xa->xa_flags &= ~XA_FLAGS_MARK(mark);
}

LIB void xa_set_mark(struct xarray *xa, unsigned long index, xa_mark_t mark)
{
	xa_lock(xa);
	__xa_set_mark(xa, index, mark);
	xa_unlock(xa);
}

LIB void xa_clear_mark(struct xarray *xa, unsigned long index, xa_mark_t mark)
{
	xa_lock(xa);
	__xa_clear_mark(xa, index, mark);
	xa_unlock(xa);
}

/* Storing. Nodes that are allocated before they are needed are linked by their first slots. */

static struct xa_node *take(struct xa_node **stock)
{
	struct xa_node *node = *stock;

	*stock = node->slots[0];
	node->slots[0] = NULL;
	return node;
}

/* How many nodes are to be added before an index has its slot. */
static int missing(const struct xarray *xa, unsigned long index)
{
	int wanted = levels_for(xa, index), there = levels(xa), depth;
	struct xa_node *path[LEVELS];
	void *entry;

	if (!xa->xa_head)
		return wanted;
	if (wanted > there)
		return wanted - there + wanted - 1;
	depth = path_to(xa, index, path, &entry);
	return entry ? 0 : there - depth;
}

/* The stock has what is missing. */
static void add(struct xarray *xa, unsigned long index, void *entry, struct xa_node **stock)
{
	int wanted = levels_for(xa, index), level;
	struct xa_node *parent = NULL;
	void **slot = &xa->xa_head;
	xa_mark_t mark;

	for (level = levels(xa); xa->xa_head && level < wanted; level++) {
		struct xa_node *node = take(stock);

		for (mark = 0; mark < MARKS; mark++)
			if (xa_marked(xa, mark))
				__set_bit(0, node->marks[mark]);
		node->shift = level * BITS;
		node->count = 1;
		node->slots[0] = xa->xa_head;
		rcu_assign_pointer(xa->xa_head, entry_of(node));
	}
	for (level = wanted - 1; level >= 0; level--) {
		if (!*slot) {
			struct xa_node *node = take(stock);

			node->shift = level * BITS;
			if (parent)
				parent->count++;
			rcu_assign_pointer(*slot, entry_of(node));
		}
		parent = node_of(*slot);
		slot = &parent->slots[index >> parent->shift & MASK];
	}
	if (parent && !*slot)
		parent->count++;
	rcu_assign_pointer(*slot, entry);
}

static void take_out(struct xarray *xa, unsigned long index)
{
	struct xa_node *path[LEVELS], *node;
	void *entry;
	int depth = path_to(xa, index, path, &entry);
	xa_mark_t mark;

	if (!entry)
		return;
	for (mark = 0; mark < MARKS; mark++)
		__xa_clear_mark(xa, index, mark);
	while (depth--) {
		node = path[depth];
		node->slots[index >> node->shift & MASK] = NULL;
		if (--node->count)
			break;
		kfree(node);
	}
	if (depth < 0)
		xa->xa_head = NULL;
	while ((node = node_of(xa->xa_head)) != NULL && node->count == 1 && node->slots[0]) {
		xa->xa_head = node->slots[0];
		kfree(node);
	}
}

static void lock(struct xarray *xa)
{
	if (xa->xa_flags & XA_FLAGS_LOCK_IRQ)
		xa_lock_irq(xa);
	else if (xa->xa_flags & XA_FLAGS_LOCK_BH)
		xa_lock_bh(xa);
	else
		xa_lock(xa);
}

static void unlock(struct xarray *xa)
{
	if (xa->xa_flags & XA_FLAGS_LOCK_IRQ)
		xa_unlock_irq(xa);
	else if (xa->xa_flags & XA_FLAGS_LOCK_BH)
		xa_unlock_bh(xa);
	else
		xa_unlock(xa);
}

static bool add_node(struct xarray *xa, struct xa_node **stock, gfp_t gfp)
{
	struct xa_node *node;

	if (gfp & __GFP_WAIT)
		unlock(xa);
	node = kzalloc(sizeof(*node), gfp);
	if (gfp & __GFP_WAIT)
		lock(xa);
	if (!node)
		return false;
	node->slots[0] = *stock;
	*stock = node;
	return true;
}

static void free_stock(struct xa_node *stock)
{
	while (stock)
		kfree(take(&stock));
}

/* `entry` takes the place of what is there, if that is `old`, or if there is no `old`; what was there, or an error. */
static void *exchange(struct xarray *xa, unsigned long index, void **old, void *entry, gfp_t gfp)
{
	struct xa_node *path[LEVELS], *stock = NULL;
	void *found;
	int count;

	if (WARN_ON_ONCE(xa_is_internal(entry) && !xa_is_zero(entry)))
		return XA_ERROR(-EINVAL);
	for (count = 0;; count++) {
		path_to(xa, index, path, &found);
		if (old && found != *old)
			break;
		if (!entry) {
			take_out(xa, index);
			break;
		}
		if (count >= missing(xa, index)) {
			add(xa, index, entry, &stock);
			break;
		}
		if (!add_node(xa, &stock, gfp)) {
			found = XA_ERROR(-ENOMEM);
			break;
		}
	}
	free_stock(stock);
	return found;
}

LIB void *__xa_store(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp)
{
	if (xa->xa_flags & XA_FLAGS_TRACK_FREE && !entry)
		entry = XA_ZERO_ENTRY;
	return visible(exchange(xa, index, NULL, entry, gfp));
}

LIB void *__xa_erase(struct xarray *xa, unsigned long index)
{
	return visible(exchange(xa, index, NULL, NULL, 0));
}

LIB void *__xa_cmpxchg(struct xarray *xa, unsigned long index, void *old, void *entry, gfp_t gfp)
{
	return visible(exchange(xa, index, &old, entry, gfp));
}

LIB int __xa_insert(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp)
{
	void *old = NULL, *found = exchange(xa, index, &old, entry ? entry : XA_ZERO_ENTRY, gfp);

	return found && !xa_is_err(found) ? -EBUSY : xa_err(found);
}

/* Finding */

static void *find(const struct xarray *xa, unsigned long *index, unsigned long max, xa_mark_t filter)
{
	unsigned long at = *index, next;

	if (filter != XA_PRESENT && !xa_marked(xa, filter))
		return NULL;
	for (; at <= max && levels_for(xa, at) <= levels(xa); at = next) {
		void *entry = xa->xa_head;
		struct xa_node *node;
		int shift = 0;

		while ((node = node_of(entry)) != NULL) {
			unsigned long offset = at >> node->shift & MASK;

			shift = node->shift;
			entry = node->slots[offset];
			if (filter != XA_PRESENT && !node_marked(node, offset, filter))
				entry = NULL;
		}
		if (visible(entry)) {
			*index = at;
			return entry;
		}
		next = ((at >> shift) + 1) << shift;	/* over what is not there */
		if (next <= at)
			break;
	}
	return NULL;
}

LIB void *xa_find(struct xarray *xa, unsigned long *index, unsigned long max, xa_mark_t filter)
{
	void *entry;

	rcu_read_lock();
	entry = find(xa, index, max, filter);
	rcu_read_unlock();
	return entry;
}

LIB void *xa_find_after(struct xarray *xa, unsigned long *index, unsigned long max, xa_mark_t filter)
{
	unsigned long at = *index + 1;
	void *entry = at ? xa_find(xa, &at, max, filter) : NULL;

	if (entry)
		*index = at;
	return entry;
}

LIB unsigned int xa_extract(struct xarray *xa, void **to, unsigned long start, unsigned long max, unsigned int n,
			    xa_mark_t filter)
{
	unsigned int count = 0;
	unsigned long index;
	void *entry;

	if (n)
		__xa_for_each(xa, index, entry, start, max, filter) {
			to[count++] = entry;
			if (count == n)
				break;
		}
	return count;
}

/* Allocating */

/* The first free index; false where there is none. */
static bool first_free(const struct xarray *xa, u32 *index, u32 min, u32 max)
{
	struct xa_node *path[LEVELS];
	unsigned long at = min;
	void *entry;

	for (; at <= max; at++) {
		int depth = path_to(xa, at, path, &entry);

		if (!entry) {
			*index = at;
			return true;
		}
		if (depth && path[depth - 1]->count == SLOTS)
			at |= MASK;
		if (at == ~0UL)
			break;
	}
	return false;
}

LIB int __xa_alloc(struct xarray *xa, u32 *id, void *entry, struct xa_limit limit, gfp_t gfp)
{
	u32 min = limit.min;
	int error;

	if (WARN_ON_ONCE(!(xa->xa_flags & XA_FLAGS_TRACK_FREE)))
		return -EINVAL;
	if (!min && xa->xa_flags & XA_FLAGS_ZERO_BUSY)
		min = 1;
	do {
		if (!first_free(xa, id, min, limit.max))
			return -EBUSY;
		error = __xa_insert(xa, *id, entry, gfp);
	} while (error == -EBUSY);	/* the lock was given up */
	return error;
}

LIB int __xa_alloc_cyclic(struct xarray *xa, u32 *id, void *entry, struct xa_limit limit, u32 *next, gfp_t gfp)
{
	struct xa_limit upper = { .min = max(limit.min, *next), .max = limit.max };
	int error = __xa_alloc(xa, id, entry, upper, gfp), wrapped = 0;

	if (error == -EBUSY && upper.min > limit.min) {
		wrapped = 1;
		error = __xa_alloc(xa, id, entry, limit, gfp);
	}
	if (!error)
		*next = *id + 1;
	return error ? error : wrapped;
}

static void free_nodes(struct xa_node *node)
{
	unsigned long i;

	for (i = 0; i < SLOTS; i++)
		if (node_of(node->slots[i]))
			free_nodes(node_of(node->slots[i]));
	kfree(node);
}

LIB void xa_destroy(struct xarray *xa)
{
	xa_mark_t mark;

	lock(xa);
	if (node_of(xa->xa_head))
		free_nodes(node_of(xa->xa_head));
	xa->xa_head = NULL;
	for (mark = 0; mark < MARKS; mark++)
		xa->xa_flags &= ~XA_FLAGS_MARK(mark);
	unlock(xa);
}
