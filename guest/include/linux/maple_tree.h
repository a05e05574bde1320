#ifndef _LINUX_MAPLE_TREE_H
#define _LINUX_MAPLE_TREE_H

#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/rbtree.h>
#include <linux/spinlock.h>

/*
 * Entries for ranges of indexes that do not overlap, of 6.1 and later: what their users call, over a red-black tree of
 * ranges. NULL is what is not there. The lock is taken by the calls that begin with mtree_.
 */
struct maple_tree {
	spinlock_t ma_lock;
	unsigned int ma_flags;
	struct rb_root ma_root;
};

#define MT_FLAGS_ALLOC_RANGE	1
#define MT_FLAGS_USE_RCU	2
#define MTREE_INIT(name, flags)	{ .ma_lock = __SPIN_LOCK_UNLOCKED(name.ma_lock), .ma_flags = (flags) }
#define DEFINE_MTREE(name)	struct maple_tree name = MTREE_INIT(name, 0)

static inline void mt_init_flags(struct maple_tree *mt, unsigned int flags)
{
	spin_lock_init(&mt->ma_lock);
	mt->ma_flags = flags;
	mt->ma_root = RB_ROOT;
}

#define mt_init(mt)		mt_init_flags(mt, 0)
#define mtree_init(mt, flags)	mt_init_flags(mt, flags)
#define mtree_lock(mt)		spin_lock(&(mt)->ma_lock)
#define mtree_unlock(mt)	spin_unlock(&(mt)->ma_lock)
#define mt_set_in_rcu(mt)	((void)((mt)->ma_flags |= MT_FLAGS_USE_RCU))
#define mt_clear_in_rcu(mt)	((void)((mt)->ma_flags &= ~MT_FLAGS_USE_RCU))

static inline bool mtree_empty(const struct maple_tree *mt)
{
	return RB_EMPTY_ROOT(&mt->ma_root);
}

/* 0, -ENOMEM, -EINVAL; where something is there already, a store takes its place, and an insert gives -EEXIST. */
extern int mtree_store_range(struct maple_tree *mt, unsigned long first, unsigned long last, void *entry, gfp_t gfp);
extern int mtree_insert_range(struct maple_tree *mt, unsigned long first, unsigned long last, void *entry, gfp_t gfp);
#define mtree_store(mt, index, entry, gfp) \
	({ unsigned long __at = (index); mtree_store_range(mt, __at, __at, entry, gfp); })
#define mtree_insert(mt, index, entry, gfp) \
	({ unsigned long __at = (index); mtree_insert_range(mt, __at, __at, entry, gfp); })

/* At the first `size` free indexes between min and max, the first of which comes to *start; -EBUSY without them. */
extern int mtree_alloc_range(struct maple_tree *mt, unsigned long *start, void *entry, unsigned long size,
			     unsigned long min, unsigned long max, gfp_t gfp);

extern void *mtree_load(struct maple_tree *mt, unsigned long index);
extern void *mtree_erase(struct maple_tree *mt, unsigned long index);	/* all of the range that the index is in */
extern void mtree_destroy(struct maple_tree *mt);
extern void __mt_destroy(struct maple_tree *mt);

/* The first entry from *index to max, and what lies behind it to *index; the next one, and the one before. */
extern void *mt_find(struct maple_tree *mt, unsigned long *index, unsigned long max);
extern void *mt_find_after(struct maple_tree *mt, unsigned long *index, unsigned long max);
extern void *mt_next(struct maple_tree *mt, unsigned long index, unsigned long max);
extern void *mt_prev(struct maple_tree *mt, unsigned long index, unsigned long min);
#define mt_for_each(mt, entry, index, max)				\
	for ((entry) = mt_find(mt, &(index), max); (entry); (entry) = mt_find_after(mt, &(index), max))

/* A place in a tree: a range, used or free, once it has been gone to. The caller holds the lock. */
enum maple_status { ma_active, ma_start, ma_none, ma_pause, ma_overflow, ma_underflow };

struct ma_state {
	struct maple_tree *tree;
	unsigned long index;
	unsigned long last;
	enum maple_status status;
};

#define MA_STATE(name, mt, first, end) \
	struct ma_state name = { .tree = (mt), .index = (first), .last = (end), .status = ma_start }
#define mas_lock(mas)		mtree_lock((mas)->tree)
#define mas_unlock(mas)		mtree_unlock((mas)->tree)
#define mas_reset(mas)		((void)((mas)->status = ma_start))
#define mas_pause(mas)		((void)((mas)->status = ma_pause))

static inline void mas_set_range(struct ma_state *mas, unsigned long first, unsigned long last)
{
	mas->index = first;
	mas->last = last;
	mas->status = ma_start;
}

#define mas_set(mas, at)	({ unsigned long __at = (at); mas_set_range(mas, __at, __at); })

extern void *mas_walk(struct ma_state *mas);				/* to the range around mas->index */
extern void *mas_next_range(struct ma_state *mas, unsigned long max);	/* used or not */
extern void *mas_find(struct ma_state *mas, unsigned long max);		/* at first the entry here too */
extern void *mas_next(struct ma_state *mas, unsigned long max);
extern void *mas_prev(struct ma_state *mas, unsigned long min);
extern int mas_store_gfp(struct ma_state *mas, void *entry, gfp_t gfp);	/* gives up the lock to wait for memory */
extern void *mas_erase(struct ma_state *mas);
#define mas_for_each(mas, entry, max)	while (((entry) = mas_find(mas, max)) != NULL)

#endif
