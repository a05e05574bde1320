#ifndef _LINUX_XARRAY_H
#define _LINUX_XARRAY_H

#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>

/*
 * Arrays of pointers with any index, of 4.20 and later; the part of them that needs no struct xa_state. NULL is what
 * is not there. Besides pointers there are values, which have the lowest bit set.
 */
typedef unsigned int xa_mark_t;

#define XA_MARK_0	0U
#define XA_MARK_1	1U
#define XA_MARK_2	2U
#define XA_MARK_MAX	XA_MARK_2
#define XA_PRESENT	8U		/* to xa_find: with any mark or none */
#define XA_FREE_MARK	XA_MARK_0	/* not for the user of an array that allocates */

#define XA_FLAGS_LOCK_IRQ	1U
#define XA_FLAGS_LOCK_BH	2U
#define XA_FLAGS_TRACK_FREE	4U
#define XA_FLAGS_ZERO_BUSY	8U
#define XA_FLAGS_ACCOUNT	32U
#define XA_FLAGS_MARK(mark)	(1U << (27 + (mark)))
#define XA_FLAGS_ALLOC		XA_FLAGS_TRACK_FREE
#define XA_FLAGS_ALLOC1		(XA_FLAGS_TRACK_FREE | XA_FLAGS_ZERO_BUSY)

struct xarray {
	spinlock_t xa_lock;
	gfp_t xa_flags;
	void *xa_head;
};

#define XARRAY_INIT(name, flags)	{ .xa_lock = __SPIN_LOCK_UNLOCKED(name.xa_lock), .xa_flags = (flags) }
#define DEFINE_XARRAY_FLAGS(name, flags)	struct xarray name = XARRAY_INIT(name, flags)
#define DEFINE_XARRAY(name)		DEFINE_XARRAY_FLAGS(name, 0)
#define DEFINE_XARRAY_ALLOC(name)	DEFINE_XARRAY_FLAGS(name, XA_FLAGS_ALLOC)
#define DEFINE_XARRAY_ALLOC1(name)	DEFINE_XARRAY_FLAGS(name, XA_FLAGS_ALLOC1)

static inline void xa_init_flags(struct xarray *xa, gfp_t flags)
{
	spin_lock_init(&xa->xa_lock);
	xa->xa_flags = flags;
	xa->xa_head = NULL;
}

#define xa_init(xa)	xa_init_flags(xa, 0)

/* Entries */

static inline void *xa_mk_value(unsigned long value)
{
	WARN_ON((long)value < 0);
	return (void *)(value << 1 | 1);
}

#define xa_to_value(entry)	((unsigned long)(entry) >> 1)
#define xa_is_value(entry)	((unsigned long)(entry) & 1)
#define xa_tag_pointer(p, tag)	((void *)((unsigned long)(p) | (tag)))
#define xa_untag_pointer(entry)	((void *)((unsigned long)(entry) & ~3UL))
#define xa_pointer_tag(entry)	((unsigned int)((unsigned long)(entry) & 3))
#define xa_mk_internal(value)	((void *)((unsigned long)(value) << 2 | 2))
#define xa_is_internal(entry)	(((unsigned long)(entry) & 3) == 2)
#define XA_ZERO_ENTRY		xa_mk_internal(257)	/* a place that is kept free */
#define xa_is_zero(entry)	((entry) == XA_ZERO_ENTRY)
#define XA_ERROR(error)		xa_mk_internal(error)

static inline bool xa_is_err(const void *entry)
{
	return xa_is_internal(entry) && (unsigned long)entry >= (unsigned long)XA_ERROR(-MAX_ERRNO);
}

static inline int xa_err(void *entry)
{
	return xa_is_err(entry) ? (long)entry >> 2 : 0;
}

/* Under the array's lock, which is given up meanwhile where `gfp` lets the memory be waited for. */
extern void *__xa_store(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp);
extern void *__xa_cmpxchg(struct xarray *xa, unsigned long index, void *old, void *entry, gfp_t gfp);
extern int __xa_insert(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp);
extern void *__xa_erase(struct xarray *xa, unsigned long index);
extern void __xa_set_mark(struct xarray *xa, unsigned long index, xa_mark_t mark);
extern void __xa_clear_mark(struct xarray *xa, unsigned long index, xa_mark_t mark);

struct xa_limit {
	u32 max;
	u32 min;
};

#define XA_LIMIT(low, high)	((struct xa_limit) { .min = (low), .max = (high) })
#define xa_limit_32b		XA_LIMIT(0, UINT_MAX)
#define xa_limit_31b		XA_LIMIT(0, INT_MAX)
#define xa_limit_16b		XA_LIMIT(0, USHRT_MAX)

/* At a free index within the limit: 0, and 1 after an overflow; -EBUSY without one, -ENOMEM. */
extern int __xa_alloc(struct xarray *xa, u32 *id, void *entry, struct xa_limit limit, gfp_t gfp);
extern int __xa_alloc_cyclic(struct xarray *xa, u32 *id, void *entry, struct xa_limit limit, u32 *next, gfp_t gfp);

#define xa_trylock(xa)		spin_trylock(&(xa)->xa_lock)
#define xa_lock(xa)		spin_lock(&(xa)->xa_lock)
#define xa_unlock(xa)		spin_unlock(&(xa)->xa_lock)
#define xa_lock_bh(xa)		spin_lock_bh(&(xa)->xa_lock)
#define xa_unlock_bh(xa)	spin_unlock_bh(&(xa)->xa_lock)
#define xa_lock_irq(xa)		spin_lock_irq(&(xa)->xa_lock)
#define xa_unlock_irq(xa)	spin_unlock_irq(&(xa)->xa_lock)
#define xa_lock_irqsave(xa, flags)	spin_lock_irqsave(&(xa)->xa_lock, flags)
#define xa_unlock_irqrestore(xa, flags)	spin_unlock_irqrestore(&(xa)->xa_lock, flags)

/* The same with the lock. xa_store and xa_erase give what was there, or an error that xa_err() makes a number of. */
#define __XA_LOCKED(suffix, type, name, arguments, ...)			\
static inline type xa_##name##suffix arguments				\
{									\
	type __result;							\
									\
	xa_lock##suffix(xa);						\
	__result = __xa_##name(xa, __VA_ARGS__);			\
	xa_unlock##suffix(xa);						\
	return __result;						\
}
#define __XA_ALL_LOCKED(suffix)						\
__XA_LOCKED(suffix, void *, store, (struct xarray *xa, unsigned long index, void *entry, gfp_t gfp), index, entry, gfp) \
__XA_LOCKED(suffix, void *, erase, (struct xarray *xa, unsigned long index), index) \
__XA_LOCKED(suffix, void *, cmpxchg,					\
	    (struct xarray *xa, unsigned long index, void *old, void *entry, gfp_t gfp), index, old, entry, gfp) \
__XA_LOCKED(suffix, int, insert,					\
	    (struct xarray *xa, unsigned long index, void *entry, gfp_t gfp), index, entry, gfp) \
__XA_LOCKED(suffix, int, alloc, (struct xarray *xa, u32 *id, void *entry, struct xa_limit limit, gfp_t gfp), \
	    id, entry, limit, gfp)					\
__XA_LOCKED(suffix, int, alloc_cyclic,					\
	    (struct xarray *xa, u32 *id, void *entry, struct xa_limit limit, u32 *next, gfp_t gfp), \
	    id, entry, limit, next, gfp)
__XA_ALL_LOCKED()
__XA_ALL_LOCKED(_bh)
__XA_ALL_LOCKED(_irq)

extern void xa_set_mark(struct xarray *xa, unsigned long index, xa_mark_t mark);
extern void xa_clear_mark(struct xarray *xa, unsigned long index, xa_mark_t mark);

/* Keeps an index free for a later store; gives it up, if nothing was stored. */
#define xa_reserve(xa, index, gfp)	xa_err(xa_cmpxchg(xa, index, NULL, XA_ZERO_ENTRY, gfp))
#define xa_release(xa, index)		((void)xa_cmpxchg(xa, index, XA_ZERO_ENTRY, NULL, 0))

extern void *xa_load(struct xarray *xa, unsigned long index);
extern bool xa_get_mark(struct xarray *xa, unsigned long index, xa_mark_t mark);
extern void xa_destroy(struct xarray *xa);	/* the array alone, and not what the entries point to */

static inline bool xa_empty(const struct xarray *xa)
{
	return !xa->xa_head;
}

static inline bool xa_marked(const struct xarray *xa, xa_mark_t mark)
{
	return xa->xa_flags & XA_FLAGS_MARK(mark);
}

/* The first entry from *index on, or behind it, up to `max`; *index becomes its index. NULL where there is none. */
extern void *xa_find(struct xarray *xa, unsigned long *index, unsigned long max, xa_mark_t filter);
extern void *xa_find_after(struct xarray *xa, unsigned long *index, unsigned long max, xa_mark_t filter);
extern unsigned int xa_extract(struct xarray *xa, void **to, unsigned long start, unsigned long max, unsigned int n,
			       xa_mark_t filter);

#define __xa_for_each(xa, index, entry, start, last, filter)		\
	for ((index) = (start), (entry) = xa_find(xa, &(index), last, filter); (entry); \
	     (entry) = xa_find_after(xa, &(index), last, filter))
#define xa_for_each_range(xa, index, entry, start, last)	__xa_for_each(xa, index, entry, start, last, XA_PRESENT)
#define xa_for_each_start(xa, index, entry, start)	__xa_for_each(xa, index, entry, start, ULONG_MAX, XA_PRESENT)
#define xa_for_each(xa, index, entry)			__xa_for_each(xa, index, entry, 0, ULONG_MAX, XA_PRESENT)
#define xa_for_each_marked(xa, index, entry, filter)	__xa_for_each(xa, index, entry, 0, ULONG_MAX, filter)

#endif
