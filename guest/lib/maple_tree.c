#include <linux/maple_tree.h>
#include <linux/slab.h>
#include "lib.h"

struct maple_range {
	struct rb_node rb;
	unsigned long first;
	unsigned long last;
	void *entry;
};

static struct maple_range *range_of(const struct rb_node *rb)
{
	return rb_entry_safe((struct rb_node *)rb, struct maple_range, rb);
}

/* The range that an index is in, or else the first behind it. */
static struct maple_range *range_from(const struct maple_tree *mt, unsigned long index)
{
	struct rb_node *rb = mt->ma_root.rb_node;
	struct maple_range *found = NULL;

	while (rb) {
		if (range_of(rb)->last >= index) {
			found = range_of(rb);
			rb = rb->rb_left;
		} else {
			rb = rb->rb_right;
		}
	}
	return found;
}

static struct maple_range *range_after(const struct maple_range *range)
{
	return range_of(rb_next(&range->rb));
}

/* The one before a range, or the last for NULL. */
static struct maple_range *range_before(const struct maple_tree *mt, const struct maple_range *range)
{
	return range_of(range ? rb_prev(&range->rb) : rb_last(&mt->ma_root));
}

/* Changing */

static bool before(struct rb_node *a, const struct rb_node *b)
{
	return range_of(a)->first < range_of(b)->first;
}

static void add(struct maple_tree *mt, struct maple_range **stock, unsigned long first, unsigned long last, void *entry)
{
	struct maple_range *range = *stock;

	*stock = range->entry;
	*range = (struct maple_range) { .first = first, .last = last, .entry = entry };
	rb_add(&range->rb, &mt->ma_root, before);
}

static void take_out(struct maple_tree *mt, struct maple_range *range)
{
	rb_erase(&range->rb, &mt->ma_root);
	kfree(range);
}

/* Two ranges at most come new: that of the entry, and the rest of one that it lies in. They are linked by entry. */
static struct maple_range *stock_up(gfp_t gfp)
{
	struct maple_range *one = kzalloc(sizeof(*one), gfp), *two = kzalloc(sizeof(*two), gfp);

	if (one && two) {
		one->entry = two;
		return one;
	}
	kfree(one);
	kfree(two);
	return NULL;
}

static void free_stock(struct maple_range *stock)
{
	while (stock) {
		struct maple_range *next = stock->entry;

		kfree(stock);
		stock = next;
	}
}

static void store(struct maple_tree *mt, struct maple_range **stock, unsigned long first, unsigned long last, void *entry)
{
	struct maple_range *range = range_from(mt, first), *next;

	if (range && range->first < first) {
		unsigned long end = range->last;

		range->last = first - 1;
		if (end > last)
			add(mt, stock, last + 1, end, range->entry);
		range = range_after(range);
	}
	for (; range && range->last <= last; range = next) {
		next = range_after(range);
		take_out(mt, range);
	}
	if (range && range->first <= last)
		range->first = last + 1;
	if (entry)
		add(mt, stock, first, last, entry);
}

LIB int mtree_store_range(struct maple_tree *mt, unsigned long first, unsigned long last, void *entry, gfp_t gfp)
{
	struct maple_range *stock;

	if (first > last)
		return -EINVAL;
	stock = stock_up(gfp);
	if (!stock)
		return -ENOMEM;
	mtree_lock(mt);
	store(mt, &stock, first, last, entry);
	mtree_unlock(mt);
	free_stock(stock);
	return 0;
}

LIB int mtree_insert_range(struct maple_tree *mt, unsigned long first, unsigned long last, void *entry, gfp_t gfp)
{
	struct maple_range *stock, *there;

	if (first > last)
		return -EINVAL;
	stock = stock_up(gfp);
	if (!stock)
		return -ENOMEM;
	mtree_lock(mt);
	there = range_from(mt, first);
	if (there && there->first > last)
		there = NULL;
	if (!there)
		store(mt, &stock, first, last, entry);
	mtree_unlock(mt);
	free_stock(stock);
	return there ? -EEXIST : 0;
}

/* The first of `size` free indexes. */
static bool find_room(const struct maple_tree *mt, unsigned long *start, unsigned long size, unsigned long min,
		      unsigned long max)
{
	struct maple_range *range = range_from(mt, min);

	for (*start = min; *start <= max && max - *start >= size - 1; range = range_after(range)) {
		if (!range || (range->first > *start && range->first - *start >= size))
			return true;
		*start = range->last + 1;
		if (!*start)
			break;
	}
	return false;
}

LIB int mtree_alloc_range(struct maple_tree *mt, unsigned long *start, void *entry, unsigned long size,
			  unsigned long min, unsigned long max, gfp_t gfp)
{
	struct maple_range *stock;
	unsigned long at;
	bool found;

	if (!size || min > max)
		return -EINVAL;
	stock = stock_up(gfp);
	if (!stock)
		return -ENOMEM;
	mtree_lock(mt);
	found = find_room(mt, &at, size, min, max);
	if (found)
		store(mt, &stock, at, at + size - 1, entry);
	mtree_unlock(mt);
	free_stock(stock);
	if (found)
		*start = at;
	return found ? 0 : -EBUSY;
}

LIB void *mtree_erase(struct maple_tree *mt, unsigned long index)
{
	struct ma_state mas = { .tree = mt, .index = index };
	void *entry;

	mtree_lock(mt);
	entry = mas_erase(&mas);
	mtree_unlock(mt);
	return entry;
}

LIB void __mt_destroy(struct maple_tree *mt)
{
	struct maple_range *range, *next;

	rbtree_postorder_for_each_entry_safe(range, next, &mt->ma_root, rb)
		kfree(range);
	mt->ma_root = RB_ROOT;
}

LIB void mtree_destroy(struct maple_tree *mt)
{
	mtree_lock(mt);
	__mt_destroy(mt);
	mtree_unlock(mt);
}

/* Finding */

LIB void *mtree_load(struct maple_tree *mt, unsigned long index)
{
	struct ma_state mas = { .tree = mt, .index = index };
	void *entry;

	mtree_lock(mt);
	entry = mas_walk(&mas);
	mtree_unlock(mt);
	return entry;
}

LIB void *mt_find(struct maple_tree *mt, unsigned long *index, unsigned long max)
{
	struct maple_range *range;
	void *entry = NULL;

	mtree_lock(mt);
	range = range_from(mt, *index);
	if (range && range->first <= max) {
		entry = range->entry;
		*index = range->last + 1;
	}
	mtree_unlock(mt);
	return entry;
}

LIB void *mt_find_after(struct maple_tree *mt, unsigned long *index, unsigned long max)
{
	return *index ? mt_find(mt, index, max) : NULL;
}

LIB void *mt_next(struct maple_tree *mt, unsigned long index, unsigned long max)
{
	struct ma_state mas = { .tree = mt, .index = index, .status = ma_start };
	void *entry;

	mtree_lock(mt);
	entry = mas_next(&mas, max);
	mtree_unlock(mt);
	return entry;
}

LIB void *mt_prev(struct maple_tree *mt, unsigned long index, unsigned long min)
{
	struct ma_state mas = { .tree = mt, .index = index, .status = ma_start };
	void *entry;

	mtree_lock(mt);
	entry = mas_prev(&mas, min);
	mtree_unlock(mt);
	return entry;
}

/* Places */

static void *go_to(struct ma_state *mas, struct maple_range *range)
{
	mas->index = range->first;
	mas->last = range->last;
	mas->status = ma_active;
	return range->entry;
}

LIB void *mas_walk(struct ma_state *mas)
{
	struct maple_range *range = range_from(mas->tree, mas->index), *last;

	if (range && range->first <= mas->index)
		return go_to(mas, range);
	last = range_before(mas->tree, range);
	mas->index = last ? last->last + 1 : 0;
	mas->last = range ? range->first - 1 : ULONG_MAX;
	mas->status = ma_active;
	return NULL;
}

LIB void *mas_next_range(struct ma_state *mas, unsigned long max)
{
	if (mas->status != ma_active)
		mas_walk(mas);
	if (mas->last >= max) {
		mas->status = ma_overflow;
		return NULL;
	}
	mas->index = mas->last + 1;
	return mas_walk(mas);
}

/* The first entry from an index on. */
static void *find(struct ma_state *mas, unsigned long index, unsigned long max)
{
	struct maple_range *range = range_from(mas->tree, index);

	if (range && range->first <= max)
		return go_to(mas, range);
	mas->status = ma_overflow;
	return NULL;
}

LIB void *mas_find(struct ma_state *mas, unsigned long max)
{
	if (mas->status == ma_start)
		return find(mas, mas->index, max);
	return mas_next(mas, max);
}

LIB void *mas_next(struct ma_state *mas, unsigned long max)
{
	if (mas->status == ma_start)
		mas_walk(mas);
	if (mas->status == ma_overflow || mas->last >= max) {
		mas->status = ma_overflow;
		return NULL;
	}
	return find(mas, mas->last + 1, max);
}

LIB void *mas_prev(struct ma_state *mas, unsigned long min)
{
	struct maple_range *range = range_before(mas->tree, range_from(mas->tree, mas->index));

	if (range && range->last >= min)
		return go_to(mas, range);
	mas->status = ma_underflow;
	return NULL;
}

LIB int mas_store_gfp(struct ma_state *mas, void *entry, gfp_t gfp)
{
	struct maple_range *stock;

	if (gfp & __GFP_WAIT)
		mas_unlock(mas);
	stock = stock_up(gfp);
	if (gfp & __GFP_WAIT)
		mas_lock(mas);
	if (!stock)
		return -ENOMEM;
	store(mas->tree, &stock, mas->index, mas->last, entry);
	free_stock(stock);
	return 0;
}

LIB void *mas_erase(struct ma_state *mas)
{
	void *entry = mas_walk(mas);

	if (entry)
		take_out(mas->tree, range_from(mas->tree, mas->index));
	return entry;
}
