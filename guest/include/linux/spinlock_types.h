#ifndef _LINUX_SPINLOCK_TYPES_H
#define _LINUX_SPINLOCK_TYPES_H

#include <generated/autoconf.h>

/* On one CPU a lock has nothing to hold, and takes no room. */
#ifdef CONFIG_SMP
typedef struct { volatile unsigned int slock; } spinlock_t;
typedef struct { volatile unsigned int lock; } rwlock_t;
#define __SPIN_LOCK_UNLOCKED(name)	((spinlock_t) { 1 })
#define __RW_LOCK_UNLOCKED(name)	((rwlock_t) { 0x01000000 })
#else
typedef struct { } spinlock_t;
typedef struct { } rwlock_t;
#define __SPIN_LOCK_UNLOCKED(name)	((spinlock_t) { })
#define __RW_LOCK_UNLOCKED(name)	((rwlock_t) { })
#endif

#define SPIN_LOCK_UNLOCKED	__SPIN_LOCK_UNLOCKED(old_style)
#define RW_LOCK_UNLOCKED	__RW_LOCK_UNLOCKED(old_style)
#define DEFINE_SPINLOCK(name)	spinlock_t name = __SPIN_LOCK_UNLOCKED(name)
#define DEFINE_RWLOCK(name)	rwlock_t name = __RW_LOCK_UNLOCKED(name)

#endif
