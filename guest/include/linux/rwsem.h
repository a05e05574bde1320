#ifndef _LINUX_RWSEM_H
#define _LINUX_RWSEM_H

#include <linux/cleanup.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/spinlock.h>

/* activity: the number of readers inside, -1 for a writer, 0 for nobody. Who waits is served in the order of coming. */

#define __RWSEM_INITIALIZER(name)					\
	{ .activity = 0, .wait_lock = __SPIN_LOCK_UNLOCKED((name).wait_lock), \
	  .wait_list = LIST_HEAD_INIT((name).wait_list) }
#define DECLARE_RWSEM(name)	struct rw_semaphore name = __RWSEM_INITIALIZER(name)

static inline void init_rwsem(struct rw_semaphore *sem)
{
	sem->activity = 0;
	spin_lock_init(&sem->wait_lock);
	INIT_LIST_HEAD(&sem->wait_list);
}

static inline int rwsem_is_locked(struct rw_semaphore *sem)
{
	return sem->activity != 0;
}

extern void down_read(struct rw_semaphore *sem);
extern int down_read_trylock(struct rw_semaphore *sem);		/* 1: got it */
extern void up_read(struct rw_semaphore *sem);
extern void down_write(struct rw_semaphore *sem);
extern int down_write_trylock(struct rw_semaphore *sem);	/* 1: got it */
extern void up_write(struct rw_semaphore *sem);
extern void downgrade_write(struct rw_semaphore *sem);		/* a writer goes on as a reader */
#define down_read_nested(sem, class)	((void)(class), down_read(sem))
#define down_write_nested(sem, class)	((void)(class), down_write(sem))

DEFINE_GUARD(rwsem_read, struct rw_semaphore *, down_read(_T), up_read(_T))
DEFINE_GUARD_COND(rwsem_read, _try, down_read_trylock(_T))
DEFINE_GUARD(rwsem_write, struct rw_semaphore *, down_write(_T), up_write(_T))
DEFINE_GUARD_COND(rwsem_write, _try, down_write_trylock(_T))

#endif
