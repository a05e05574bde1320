#ifndef _LINUX_REFCOUNT_H
#define _LINUX_REFCOUNT_H

#include <linux/kernel.h>
#include <asm/atomic.h>

/* A count of users that complains where it comes back from 0. */
typedef struct {
	atomic_t refs;
} refcount_t;

#define REFCOUNT_INIT(n)		{ .refs = ATOMIC_INIT(n) }
#define refcount_set(r, n)		atomic_set(&(r)->refs, n)
#define refcount_read(r)		((unsigned int)atomic_read(&(r)->refs))
#define refcount_inc_not_zero(r)	((bool)atomic_add_unless(&(r)->refs, 1, 0))
#define refcount_inc(r)			((void)WARN_ON(!refcount_inc_not_zero(r)))
#define refcount_dec_and_test(r)	((bool)atomic_dec_and_test(&(r)->refs))
#define refcount_dec(r)			((void)WARN_ON(refcount_dec_and_test(r)))

#endif
