#ifndef _LINUX_MUTEX_H
#define _LINUX_MUTEX_H

#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/spinlock_types.h>
#include <asm/atomic.h>

/*
 * A program has one thread so far: a mutex that is taken when it asks can never be given back, and asking is a BUG,
 * not a sleep.
 */
struct mutex {
	atomic_t count;
	spinlock_t wait_lock;
	struct list_head wait_list;
};

#define __MUTEX_INITIALIZER(name) \
	{ .count = ATOMIC_INIT(1), .wait_list = LIST_HEAD_INIT((name).wait_list) }
#define DEFINE_MUTEX(name)	struct mutex name = __MUTEX_INITIALIZER(name)

static inline void mutex_init(struct mutex *lock)
{
	atomic_set(&lock->count, 1);
	INIT_LIST_HEAD(&lock->wait_list);
}

static inline int mutex_trylock(struct mutex *lock)
{
	return atomic_cmpxchg(&lock->count, 1, 0) == 1;
}

static inline void mutex_lock(struct mutex *lock)
{
	BUG_ON(!mutex_trylock(lock));
}

static inline void mutex_unlock(struct mutex *lock)
{
	BUG_ON(atomic_xchg(&lock->count, 1) == 1);
}

static inline int mutex_is_locked(struct mutex *lock)
{
	return atomic_read(&lock->count) != 1;
}

#define mutex_lock_interruptible(lock)	(mutex_lock(lock), 0)
#define mutex_lock_nested(lock, class)	mutex_lock(lock)
#define mutex_destroy(lock)		((void)(lock))

#endif
