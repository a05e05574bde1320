#ifndef _ASM_SEMAPHORE_H
#define _ASM_SEMAPHORE_H

#include <linux/wait.h>
#include <asm/atomic.h>

/*
 * count: how many may still come in; below 0, some wait. Those who wait have all counted themselves in once:
 * `sleepers` is 1 while they share one debt that count shows, and 0 where nobody waits.
 */
struct semaphore {
	atomic_t count;
	int sleepers;
	wait_queue_head_t wait;
};

#define __SEMAPHORE_INITIALIZER(name, n)				\
	{ .count = ATOMIC_INIT(n), .sleepers = 0, .wait = __WAIT_QUEUE_HEAD_INITIALIZER((name).wait) }
#define __DECLARE_SEMAPHORE_GENERIC(name, n)	struct semaphore name = __SEMAPHORE_INITIALIZER(name, n)
#define DECLARE_MUTEX(name)		__DECLARE_SEMAPHORE_GENERIC(name, 1)
#define DECLARE_MUTEX_LOCKED(name)	__DECLARE_SEMAPHORE_GENERIC(name, 0)

/* Of later kernels: DEFINE_SEMAPHORE(name) for 1, or DEFINE_SEMAPHORE(name, n). */
#define __DEFINE_SEMAPHORE_1(name)	__DECLARE_SEMAPHORE_GENERIC(name, 1)
#define __DEFINE_SEMAPHORE_2(name, n)	__DECLARE_SEMAPHORE_GENERIC(name, n)
#define DEFINE_SEMAPHORE(...)		__PASTE(__DEFINE_SEMAPHORE_, __COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)

static inline void sema_init(struct semaphore *sem, int n)
{
	atomic_set(&sem->count, n);
	sem->sleepers = 0;
	init_waitqueue_head(&sem->wait);
}

#define init_MUTEX(sem)		sema_init(sem, 1)
#define init_MUTEX_LOCKED(sem)	sema_init(sem, 0)

extern void down(struct semaphore *sem);
extern int down_interruptible(struct semaphore *sem) __must_check;
extern int down_trylock(struct semaphore *sem);	/* 0: got it */
extern void up(struct semaphore *sem);
#define down_killable(sem)	down_interruptible(sem)
#define sem_getcount(sem)	atomic_read(&(sem)->count)

#endif
