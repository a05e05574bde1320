#ifndef _LINUX_RADIX_TREE_H
#define _LINUX_RADIX_TREE_H

#include <linux/kernel.h>
#include <linux/gfp.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>

/*
 * From an index to an item, the address of something aligned. Nodes are allocated with the root's gfp_mask. The root
 * of a tree that has but the item of index 0 names it itself; in trees of the kernel with the lowest bit set.
 */
#define RADIX_TREE_MAP_SHIFT	6
#define RADIX_TREE_MAP_SIZE	(1UL << RADIX_TREE_MAP_SHIFT)
#define RADIX_TREE_MAP_MASK	(RADIX_TREE_MAP_SIZE - 1)
#define RADIX_TREE_MAX_TAGS	2
#define RADIX_TREE_DIRECT_PTR	1

#define RADIX_TREE_INIT_2(name, mask)	{ .gfp_mask = (mask) }
#define RADIX_TREE_INIT_1(mask)		{ .gfp_mask = (mask) }
#define RADIX_TREE_INIT(...)	__PASTE(RADIX_TREE_INIT_, __COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)
#define RADIX_TREE(name, mask)	struct radix_tree_root name = { .gfp_mask = (mask) }
#define INIT_RADIX_TREE(root, mask)	((void)(*(root) = (struct radix_tree_root) { .gfp_mask = (mask) }))

extern int radix_tree_insert(struct radix_tree_root *root, unsigned long index, void *item);	/* -EEXIST, -ENOMEM */
extern void *radix_tree_lookup(const struct radix_tree_root *root, unsigned long index);
extern void **radix_tree_lookup_slot(const struct radix_tree_root *root, unsigned long index);
extern void *radix_tree_delete(struct radix_tree_root *root, unsigned long index);

/* Fills this CPU's stock of nodes for the next insert; with 0, preemption is off until radix_tree_preload_end(). */
extern int radix_tree_preload(gfp_t gfp_mask);
extern void radix_tree_preload_end(void);

/* Up to `max` items from index `first` on; how many. */
extern unsigned int radix_tree_gang_lookup(const struct radix_tree_root *root, void **results, unsigned long first,
					   unsigned int max);
extern unsigned int radix_tree_gang_lookup_tag(const struct radix_tree_root *root, void **results,
					       unsigned long first, unsigned int max, unsigned int tag);

/* A tag is a bit of an item, and of all nodes above it. */
extern void *radix_tree_tag_set(struct radix_tree_root *root, unsigned long index, unsigned int tag);
extern void *radix_tree_tag_clear(struct radix_tree_root *root, unsigned long index, unsigned int tag);
extern int radix_tree_tag_get(const struct radix_tree_root *root, unsigned long index, unsigned int tag);
extern int radix_tree_tagged(const struct radix_tree_root *root, unsigned int tag);

/* The first free index from `index` on, among `max`; what lies behind them where there is none. */
extern unsigned long radix_tree_next_hole(const struct radix_tree_root *root, unsigned long index, unsigned long max);

/* What is in a slot, and another item for it. */
static inline void *radix_tree_deref_slot(void **slot)
{
	return (void *)((unsigned long)rcu_dereference(*slot) & ~RADIX_TREE_DIRECT_PTR);
}

#define __radix_tree_replace_2(slot, item)		((void)(*(slot) = (item)))
#define __radix_tree_replace_3(root, slot, item)	((void)(root), __radix_tree_replace_2(slot, item))
#define radix_tree_replace_slot(...)	__PASTE(__radix_tree_replace_, __COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)

/* Takes the item out if it is this one, or any for NULL; what was there. */
static inline void *radix_tree_delete_item(struct radix_tree_root *root, unsigned long index, void *item)
{
	void *found = radix_tree_lookup(root, index);

	return found && (!item || found == item) ? radix_tree_delete(root, index) : found;
}

static inline bool radix_tree_empty(const struct radix_tree_root *root)
{
	return !root->rnode;
}

struct radix_tree_iter {
	unsigned long index;
};

/* The slot of the first item from `index` on, which becomes the iterator's; with a tag of -1 any item will do. */
extern void **__radix_tree_next_slot(const struct radix_tree_root *root, struct radix_tree_iter *iter,
				     unsigned long index, int tag);

#define __radix_tree_for_each(slot, root, iter, start, tag)		\
	for ((slot) = __radix_tree_next_slot(root, iter, start, tag); (slot); \
	     (slot) = (iter)->index + 1 ? __radix_tree_next_slot(root, iter, (iter)->index + 1, tag) : NULL)
#define radix_tree_for_each_slot(slot, root, iter, start)	__radix_tree_for_each(slot, root, iter, start, -1)
#define radix_tree_for_each_tagged(slot, root, iter, start, tag) \
	__radix_tree_for_each(slot, root, iter, start, (int)(tag))
#define radix_tree_iter_delete(root, iter, slot)	((void)radix_tree_delete(root, (iter)->index))
#define radix_tree_iter_replace(root, iter, slot, item)	radix_tree_replace_slot(slot, item)

#endif
