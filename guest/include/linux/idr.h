#ifndef _LINUX_IDR_H
#define _LINUX_IDR_H

#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>

/* From small numbers to pointers: a tree of layers, each of them 5 bits of the number. */
#define IDR_BITS	5
#define IDR_SIZE	(1 << IDR_BITS)
#define IDR_MASK	(IDR_SIZE - 1)

struct idr_layer {
	unsigned long bitmap;		/* the slots that have nothing free */
	int count;			/* of slots that have something */
	void *ary[IDR_SIZE];		/* layers; pointers of the user in the lowest ones */
};

struct idr {
	struct idr_layer *top;
	struct idr_layer *id_free;	/* a stock of layers, linked by ary[0] */
	int layers;
	int id_free_cnt;
	spinlock_t lock;		/* of the stock */
	unsigned int idr_base;
	unsigned int idr_next;
};

#define IDR_INIT_BASE(name, base)	{ .lock = __SPIN_LOCK_UNLOCKED(name.lock), .idr_base = (base) }
#define IDR_INIT(name)			IDR_INIT_BASE(name, 0)
#define DEFINE_IDR(name)		struct idr name = IDR_INIT(name)

extern void idr_init(struct idr *idr);
static inline void idr_init_base(struct idr *idr, int base)
{
	idr_init(idr);
	idr->idr_base = base;
}

extern void *idr_find(const struct idr *idr, unsigned long id);
extern void *idr_remove(struct idr *idr, unsigned long id);
extern void *idr_replace(struct idr *idr, void *ptr, unsigned long id);	/* what was there, or ERR_PTR(-ENOENT) */
extern void idr_remove_all(struct idr *idr);
extern void idr_destroy(struct idr *idr);	/* the stock, and the layers too, which 2.6.20 leaves behind */

/*
 * As in 2.6.20: idr_pre_get fills the stock (0 without memory), and idr_get_new takes the lowest free id: 0, -EAGAIN
 * where the stock does not last, -ENOSPC.
 */
extern int idr_pre_get(struct idr *idr, gfp_t gfp_mask);
extern int idr_get_new_above(struct idr *idr, void *ptr, int start, int *id);
#define idr_get_new(idr, ptr, id)	idr_get_new_above(idr, ptr, 0, id)

/* As in 3.9: an id from `start` to `end` - 1, without limit for `end` 0; -ENOMEM or -ENOSPC. */
extern int idr_alloc(struct idr *idr, void *ptr, int start, int end, gfp_t gfp);
extern int idr_alloc_cyclic(struct idr *idr, void *ptr, int start, int end, gfp_t gfp);
extern int idr_alloc_u32(struct idr *idr, void *ptr, u32 *id, unsigned long max, gfp_t gfp);
extern void idr_preload(gfp_t gfp_mask);	/* until the end, one idr_alloc(..., GFP_NOWAIT) has memory */
extern void idr_preload_end(void);

/* Until fn() gives something else than 0. */
extern int idr_for_each(const struct idr *idr, int (*fn)(int id, void *ptr, void *data), void *data);

/* The first from *id on, which becomes its id; NULL where there is none. */
extern void *idr_get_next_ul(struct idr *idr, unsigned long *id);
extern void *idr_get_next(struct idr *idr, int *id);

#define idr_for_each_entry(idr, entry, id) \
	for ((id) = 0; ((entry) = idr_get_next(idr, &(id))) != NULL; (id) += 1U)
#define idr_for_each_entry_continue(idr, entry, id) \
	for ((entry) = idr_get_next(idr, &(id)); (entry); (id) += 1U, (entry) = idr_get_next(idr, &(id)))
#define idr_for_each_entry_ul(idr, entry, tmp, id)			\
	for ((tmp) = 0, (id) = 0;					\
	     ((entry) = (tmp) <= (id) ? idr_get_next_ul(idr, &(id)) : NULL) != NULL; \
	     (tmp) = (id), (id)++)
#define idr_for_each_entry_continue_ul(idr, entry, tmp, id)		\
	for ((tmp) = (id);						\
	     ((entry) = (tmp) <= (id) ? idr_get_next_ul(idr, &(id)) : NULL) != NULL; \
	     (tmp) = (id), (id)++)

static inline bool idr_is_empty(const struct idr *idr)
{
	return !idr->top;
}

#define idr_get_cursor(idr)		((idr)->idr_next)
#define idr_set_cursor(idr, value)	((void)((idr)->idr_next = (value)))
#define idr_lock(idr)			spin_lock(&(idr)->lock)
#define idr_unlock(idr)			spin_unlock(&(idr)->lock)

/* Numbers alone; here the caller needs no lock. */
struct ida {
	struct idr idr;
	spinlock_t lock;
};

#define IDA_CHUNK_SIZE		128
#define IDA_BITMAP_LONGS	(IDA_CHUNK_SIZE / sizeof(long))
#define IDA_BITMAP_BITS		(IDA_BITMAP_LONGS * sizeof(long) * 8)

#define IDA_INIT(name)	{ .idr = IDR_INIT(name.idr), .lock = __SPIN_LOCK_UNLOCKED(name.lock) }
#define DEFINE_IDA(name)	struct ida name = IDA_INIT(name)

extern void ida_init(struct ida *ida);
extern void ida_destroy(struct ida *ida);
extern int ida_pre_get(struct ida *ida, gfp_t gfp_mask);
extern int ida_get_new_above(struct ida *ida, int start, int *id);
extern int ida_alloc_range(struct ida *ida, unsigned int min, unsigned int max, gfp_t gfp);
extern void ida_free(struct ida *ida, unsigned int id);
extern int ida_find_first_range(struct ida *ida, unsigned int min, unsigned int max);	/* or -ENOENT */

#define ida_get_new(ida, id)		ida_get_new_above(ida, 0, id)
#define ida_remove(ida, id)		ida_free(ida, id)
#define ida_alloc(ida, gfp)		ida_alloc_range(ida, 0, ~0, gfp)
#define ida_alloc_min(ida, min, gfp)	ida_alloc_range(ida, min, ~0, gfp)
#define ida_alloc_max(ida, max, gfp)	ida_alloc_range(ida, 0, max, gfp)
#define ida_simple_get(ida, start, end, gfp)	ida_alloc_range(ida, start, (end) - 1, gfp)
#define ida_simple_remove(ida, id)	ida_free(ida, id)
#define ida_find_first(ida)		ida_find_first_range(ida, 0, ~0)

static inline bool ida_is_empty(const struct ida *ida)
{
	return idr_is_empty(&ida->idr);
}

static inline bool ida_exists(struct ida *ida, unsigned int id)
{
	return ida_find_first_range(ida, id, id) == (int)id;
}

#endif
