#ifndef _LINUX_MUTEX_H
#define _LINUX_MUTEX_H

#include <linux/cleanup.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <asm/atomic.h>

/* count is 1: free; 0: held; below 0: held, and there may be tasks on the list. The first of them is woken first. */

/* On the stack of a task that waits. */
struct mutex_waiter {
	struct list_head list;
	struct task_struct *task;
};

#define __MUTEX_INITIALIZER(name)					\
	{ .count = ATOMIC_INIT(1), .wait_lock = __SPIN_LOCK_UNLOCKED((name).wait_lock), \
	  .wait_list = LIST_HEAD_INIT((name).wait_list) }
#define DEFINE_MUTEX(name)	struct mutex name = __MUTEX_INITIALIZER(name)

static inline void mutex_init(struct mutex *lock)
{
	atomic_set(&lock->count, 1);
	spin_lock_init(&lock->wait_lock);
	INIT_LIST_HEAD(&lock->wait_list);
}

static inline int mutex_is_locked(struct mutex *lock)
{
	return atomic_read(&lock->count) != 1;
}

extern void mutex_lock(struct mutex *lock);
extern int mutex_lock_interruptible(struct mutex *lock) __must_check;
extern int mutex_trylock(struct mutex *lock);
extern void mutex_unlock(struct mutex *lock);

#define mutex_lock_nested(lock, class)			((void)(class), mutex_lock(lock))
#define mutex_lock_interruptible_nested(lock, class)	((void)(class), mutex_lock_interruptible(lock))
#define mutex_lock_killable(lock)			mutex_lock_interruptible(lock)
#define mutex_destroy(lock)				((void)(lock))

DEFINE_GUARD(mutex, struct mutex *, mutex_lock(_T), mutex_unlock(_T))
DEFINE_GUARD_COND(mutex, _try, mutex_trylock(_T))
DEFINE_GUARD_COND(mutex, _intr, mutex_lock_interruptible(_T), _RET == 0)
DEFINE_FREE(mutex, struct mutex *, if (_T) mutex_unlock(_T))

#endif
