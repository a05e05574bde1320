/* Small numbers. A layer's slots stand for 1 << shift numbers each, 1 in the lowest layer. */
#include <linux/idr.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include "lib.h"

#define MAX_LEVEL	7
#define IDR_FREE_MAX	(2 * MAX_LEVEL)

static u64 capacity(int layers)
{
	return layers ? 1ULL << layers * IDR_BITS : 0;
}

/* The first free number from `start` on, all of them counted from the layer's first; IDR_SIZE << shift without one. */
static u64 free_below(const struct idr_layer *layer, int shift, u64 start)
{
	while (start >> shift < IDR_SIZE) {
		unsigned long slot = start >> shift, open = ~layer->bitmap >> slot << slot;
		u64 base, found;

		if (!open)
			break;
		if (__ffs(open) > slot) {
			slot = __ffs(open);
			start = (u64)slot << shift;
		}
		if (!shift || !layer->ary[slot])
			return start;
		base = (u64)slot << shift;
		found = base + free_below(layer->ary[slot], shift - IDR_BITS, start - base);
		start = base + (1ULL << shift);
		if (found < start)
			return found;
	}
	return (u64)IDR_SIZE << shift;
}

/* The same of the first number in use. */
static u64 used_below(const struct idr_layer *layer, int shift, u64 start)
{
	while (start >> shift < IDR_SIZE) {
		unsigned long slot = start >> shift;
		u64 base = (u64)slot << shift, found;

		if (!shift && layer->bitmap >> slot & 1)
			return slot;
		found = start;
		start = base + (1ULL << shift);
		if (!shift || !layer->ary[slot])
			continue;
		found = base + used_below(layer->ary[slot], shift - IDR_BITS, found - base);
		if (found < start)
			return found;
	}
	return (u64)IDR_SIZE << shift;
}

static u64 first_free(const struct idr *idr, u64 start)
{
	return start < capacity(idr->layers) ? free_below(idr->top, (idr->layers - 1) * IDR_BITS, start) : start;
}

/* ~0 where there is none. */
static u64 first_used(const struct idr *idr, u64 start)
{
	u64 found = ~0ULL;

	if (start < capacity(idr->layers))
		found = used_below(idr->top, (idr->layers - 1) * IDR_BITS, start);
	return found < capacity(idr->layers) ? found : ~0ULL;
}

/* How many layers the tree needs for a number, in all. */
static int height_for(const struct idr *idr, u64 id)
{
	int layers = max(idr->layers, 1);

	while (id >= capacity(layers))
		layers++;
	return layers;
}

/* How many layers are to be added before a number has its place. */
static int missing(const struct idr *idr, u64 id)
{
	int layers = height_for(idr, id), shift = (layers - 1) * IDR_BITS;
	const struct idr_layer *layer = idr->top;

	if (!layer)
		return layers;
	if (layers > idr->layers)
		return layers - idr->layers + layers - 1;
	for (; shift && layer->ary[id >> shift & IDR_MASK]; shift -= IDR_BITS)
		layer = layer->ary[id >> shift & IDR_MASK];
	return shift / IDR_BITS;
}

/* The stock */

static void put_layer(struct idr *idr, struct idr_layer *layer)
{
	unsigned long flags;

	spin_lock_irqsave(&idr->lock, flags);
	layer->ary[0] = idr->id_free;
	idr->id_free = layer;
	idr->id_free_cnt++;
	spin_unlock_irqrestore(&idr->lock, flags);
}

static struct idr_layer *take_layer(struct idr *idr)
{
	struct idr_layer *layer;
	unsigned long flags;

	spin_lock_irqsave(&idr->lock, flags);
	layer = idr->id_free;
	if (layer) {
		idr->id_free = layer->ary[0];
		idr->id_free_cnt--;
		layer->ary[0] = NULL;
	}
	spin_unlock_irqrestore(&idr->lock, flags);
	return layer;
}

static void free_stock(struct idr *idr)
{
	struct idr_layer *layer;

	while ((layer = take_layer(idr)) != NULL)
		kfree(layer);
}

LIB int idr_pre_get(struct idr *idr, gfp_t gfp_mask)
{
	while (idr->id_free_cnt < IDR_FREE_MAX) {
		struct idr_layer *layer = kzalloc(sizeof(*layer), gfp_mask);

		if (!layer)
			return 0;
		put_layer(idr, layer);
	}
	return 1;
}

/* What idr_preload has put aside for a CPU. */
static struct idr preloaded[NR_CPUS] = { [0 ... NR_CPUS - 1] = IDR_INIT(preloaded[0]) };

LIB void idr_preload(gfp_t gfp_mask)
{
	struct idr_layer *layer;

	preempt_disable();
	while (preloaded[smp_processor_id()].id_free_cnt < IDR_FREE_MAX) {
		preempt_enable();
		layer = kzalloc(sizeof(*layer), gfp_mask);
		preempt_disable();
		if (!layer)
			break;
		put_layer(&preloaded[smp_processor_id()], layer);
	}
}

LIB void idr_preload_end(void)
{
	free_stock(&preloaded[smp_processor_id()]);
	preempt_enable();
}

static bool add_layer(struct idr *idr, gfp_t gfp)
{
	struct idr_layer *layer = kzalloc(sizeof(*layer), gfp);

	if (!layer && !(gfp & __GFP_WAIT))
		layer = take_layer(&preloaded[raw_smp_processor_id()]);
	if (layer)
		put_layer(idr, layer);
	return layer != NULL;
}

/* The tree */

/* The stock has what is missing. */
static void place(struct idr *idr, u64 id, void *ptr)
{
	int layers = height_for(idr, id), shift = (layers - 1) * IDR_BITS, depth = 0;
	struct idr_layer *path[MAX_LEVEL], *layer;

	if (!idr->top) {
		idr->top = take_layer(idr);
		idr->layers = layers;
	}
	for (; idr->layers < layers; idr->layers++) {
		layer = take_layer(idr);
		layer->ary[0] = idr->top;
		layer->bitmap = !~idr->top->bitmap;
		layer->count = 1;
		idr->top = layer;
	}
	for (layer = idr->top; shift; shift -= IDR_BITS) {
		void **slot = &layer->ary[id >> shift & IDR_MASK];

		if (!*slot) {
			*slot = take_layer(idr);
			layer->count++;
		}
		path[depth++] = layer;
		layer = *slot;
	}
	layer->ary[id & IDR_MASK] = ptr;
	layer->count++;
	for (;;) {
		layer->bitmap |= 1UL << (id >> shift & IDR_MASK);
		if (~layer->bitmap || !depth)
			break;
		layer = path[--depth];
		shift += IDR_BITS;
	}
}

/* The place of a number that is in use, or NULL. */
static void **slot_of(const struct idr *idr, u64 id)
{
	int shift = (idr->layers - 1) * IDR_BITS;
	struct idr_layer *layer = idr->top;

	if (id >= capacity(idr->layers))
		return NULL;
	for (; shift && layer; shift -= IDR_BITS)
		layer = layer->ary[id >> shift & IDR_MASK];
	return layer && layer->bitmap >> (id & IDR_MASK) & 1 ? &layer->ary[id & IDR_MASK] : NULL;
}

static void unplace(struct idr *idr, u64 id)
{
	struct idr_layer *path[MAX_LEVEL], *layer = idr->top;
	int shift = (idr->layers - 1) * IDR_BITS, depth = 0;

	for (; shift; shift -= IDR_BITS) {
		path[depth++] = layer;
		layer = layer->ary[id >> shift & IDR_MASK];
	}
	layer->ary[id & IDR_MASK] = NULL;
	layer->count--;
	for (;;) {
		bool empty = !layer->count;

		layer->bitmap &= ~(1UL << (id >> shift & IDR_MASK));
		if (empty)
			kfree(layer);
		if (!depth && empty) {
			idr->top = NULL;
			idr->layers = 0;
		}
		if (!depth)
			break;
		layer = path[--depth];
		shift += IDR_BITS;
		if (empty) {
			layer->ary[id >> shift & IDR_MASK] = NULL;
			layer->count--;
		}
	}
}

static void free_layers(struct idr_layer *layer, int layers)
{
	int i;

	for (i = 0; layers > 1 && i < IDR_SIZE; i++)
		if (layer->ary[i])
			free_layers(layer->ary[i], layers - 1);
	kfree(layer);
}

LIB void idr_init(struct idr *idr)
{
	memset(idr, 0, sizeof(*idr));
	spin_lock_init(&idr->lock);
}

LIB void idr_remove_all(struct idr *idr)
{
	if (idr->top)
		free_layers(idr->top, idr->layers);
	idr->top = NULL;
	idr->layers = 0;
}

LIB void idr_destroy(struct idr *idr)
{
	idr_remove_all(idr);
	free_stock(idr);
}

LIB void *idr_find(const struct idr *idr, unsigned long id)
{
	void **slot = slot_of(idr, id - idr->idr_base);

	return slot ? *slot : NULL;
}

LIB void *idr_replace(struct idr *idr, void *ptr, unsigned long id)
{
	void **slot = slot_of(idr, id - idr->idr_base), *old;

	if (!slot)
		return ERR_PTR(-ENOENT);
	old = *slot;
	rcu_assign_pointer(*slot, ptr);
	return old;
}

LIB void *idr_remove(struct idr *idr, unsigned long id)
{
	void **slot = slot_of(idr, id - idr->idr_base), *old;

	if (!slot) {
		printk(KERN_WARNING "idr_remove called for id=%ld which is not allocated.\n", id);
		dump_stack();
		return NULL;
	}
	old = *slot;
	unplace(idr, id - idr->idr_base);
	return old;
}

LIB int idr_get_new_above(struct idr *idr, void *ptr, int start, int *id)
{
	u64 found = first_free(idr, start);

	if (found > INT_MAX)
		return -ENOSPC;
	if (idr->id_free_cnt < missing(idr, found))
		return -EAGAIN;
	place(idr, found, ptr);
	*id = found;
	return 0;
}

LIB int idr_alloc_u32(struct idr *idr, void *ptr, u32 *id, unsigned long max, gfp_t gfp)
{
	u32 base = idr->idr_base;
	u64 found = first_free(idr, *id < base ? 0 : *id - base);

	if (found + base > max)
		return -ENOSPC;
	while (idr->id_free_cnt < missing(idr, found))
		if (!add_layer(idr, gfp)) {
			free_stock(idr);
			return -ENOMEM;
		}
	place(idr, found, ptr);
	*id = found + base;
	return 0;
}

LIB int idr_alloc(struct idr *idr, void *ptr, int start, int end, gfp_t gfp)
{
	u32 id = start;
	int error;

	if (WARN_ON_ONCE(start < 0))
		return -EINVAL;
	if (end > 0 && end <= start)
		return -ENOSPC;
	error = idr_alloc_u32(idr, ptr, &id, end > 0 ? end - 1 : INT_MAX, gfp);
	return error ? error : (int)id;
}

LIB int idr_alloc_cyclic(struct idr *idr, void *ptr, int start, int end, gfp_t gfp)
{
	int id = idr_alloc(idr, ptr, max(start, (int)idr->idr_next), end, gfp);

	if (id == -ENOSPC && (int)idr->idr_next > start)
		id = idr_alloc(idr, ptr, start, end, gfp);
	if (id >= 0)
		idr->idr_next = id + 1U;
	return id;
}

LIB void *idr_get_next_ul(struct idr *idr, unsigned long *id)
{
	u64 base = idr->idr_base, at = first_used(idr, *id < base ? 0 : *id - base);
	void *found = NULL;

	for (; at != ~0ULL && !found; at = first_used(idr, at + 1)) {
		*id = at + base;
		found = *slot_of(idr, at);
	}
	return found;
}

LIB void *idr_get_next(struct idr *idr, int *id)
{
	unsigned long at = *id;
	void *found = idr_get_next_ul(idr, &at);

	if (!found || at > INT_MAX)
		return NULL;
	*id = at;
	return found;
}

LIB int idr_for_each(const struct idr *idr, int (*fn)(int id, void *ptr, void *data), void *data)
{
	u64 at = first_used(idr, 0);
	int result = 0;

	for (; at != ~0ULL && !result; at = first_used(idr, at + 1))
		result = fn(at + idr->idr_base, *slot_of(idr, at), data);
	return result;
}

/* Numbers alone */

LIB void ida_init(struct ida *ida)
{
	idr_init(&ida->idr);
	spin_lock_init(&ida->lock);
}

LIB void ida_destroy(struct ida *ida)
{
	idr_destroy(&ida->idr);
}

LIB int ida_pre_get(struct ida *ida, gfp_t gfp_mask)
{
	return idr_pre_get(&ida->idr, gfp_mask);
}

LIB int ida_get_new_above(struct ida *ida, int start, int *id)
{
	unsigned long flags;
	int error;

	spin_lock_irqsave(&ida->lock, flags);
	error = idr_get_new_above(&ida->idr, NULL, start, id);
	spin_unlock_irqrestore(&ida->lock, flags);
	return error;
}

LIB int ida_alloc_range(struct ida *ida, unsigned int min, unsigned int max, gfp_t gfp)
{
	unsigned long flags;
	bool done;
	u64 id;

	if ((int)min < 0)
		return -ENOSPC;
	if ((int)max < 0)
		max = INT_MAX;
	do {
		spin_lock_irqsave(&ida->lock, flags);
		id = first_free(&ida->idr, min);
		done = id <= max && ida->idr.id_free_cnt >= missing(&ida->idr, id);
		if (done)
			place(&ida->idr, id, NULL);
		spin_unlock_irqrestore(&ida->lock, flags);
		if (id > max)
			return -ENOSPC;
	} while (!done && add_layer(&ida->idr, gfp));
	if (done)
		return id;
	free_stock(&ida->idr);
	return -ENOMEM;
}

LIB void ida_free(struct ida *ida, unsigned int id)
{
	unsigned long flags;
	bool known;

	spin_lock_irqsave(&ida->lock, flags);
	known = slot_of(&ida->idr, id) != NULL;
	if (known)
		unplace(&ida->idr, id);
	spin_unlock_irqrestore(&ida->lock, flags);
	WARN(!known, "ida_free called for id=%d which is not allocated.\n", id);
}

LIB int ida_find_first_range(struct ida *ida, unsigned int min, unsigned int max)
{
	unsigned long flags;
	u64 id;

	if ((int)min < 0)
		return -EINVAL;
	if ((int)max < 0)
		max = INT_MAX;
	spin_lock_irqsave(&ida->lock, flags);
	id = first_used(&ida->idr, min);
	spin_unlock_irqrestore(&ida->lock, flags);
	return id <= max ? (int)id : -ENOENT;
}
