#ifndef _LINUX_KREF_H
#define _LINUX_KREF_H

#include <linux/kernel.h>
#include <asm/atomic.h>

struct kref {
	atomic_t refcount;
};

static inline void kref_init(struct kref *kref)
{
	atomic_set(&kref->refcount, 1);
}

static inline void kref_get(struct kref *kref)
{
	WARN_ON(!atomic_read(&kref->refcount));
	atomic_inc(&kref->refcount);
}

/* 1 where this was the last reference and `release` was called. */
static inline int kref_put(struct kref *kref, void (*release)(struct kref *kref))
{
	WARN_ON(release == NULL);
	if (!atomic_dec_and_test(&kref->refcount))
		return 0;
	release(kref);
	return 1;
}

#define kref_read(kref)			((unsigned int)atomic_read(&(kref)->refcount))
#define kref_get_unless_zero(kref)	atomic_add_unless(&(kref)->refcount, 1, 0)

#endif
