#ifndef _LINUX_WAIT_H
#define _LINUX_WAIT_H

#include <asm/current.h>
#include <asm/system.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/stddef.h>

typedef struct wait_queue_head wait_queue_head_t;

typedef struct __wait_queue wait_queue_t;
typedef struct __wait_queue wait_queue_entry_t;	/* as later kernels call it */
typedef int (*wait_queue_func_t)(wait_queue_t *wait, unsigned int mode, int sync, void *key);

/*
 * struct __wait_queue, one who waits: `func`, a wait_queue_func_t, is called to wake it, and says whether it did;
 * `private` is the task, NULL where nobody sleeps.
 */
#define WQ_FLAG_EXCLUSIVE	0x01	/* a wake-up wakes one of these, and all of the others */

extern int default_wake_function(wait_queue_t *wait, unsigned int mode, int sync, void *key);
extern int autoremove_wake_function(wait_queue_t *wait, unsigned int mode, int sync, void *key);

#define __WAITQUEUE_INITIALIZER(name, task) \
	{ .private = (task), .func = default_wake_function, .task_list = { NULL, NULL } }
#define DECLARE_WAITQUEUE(name, task)	wait_queue_t name = __WAITQUEUE_INITIALIZER(name, task)

/* Takes itself off the queue when it is woken. */
#define DEFINE_WAIT_FUNC(name, function) \
	wait_queue_t name = { .private = current, .func = (function), \
			      .task_list = LIST_HEAD_INIT((name).task_list) }
#define DEFINE_WAIT(name)	DEFINE_WAIT_FUNC(name, autoremove_wake_function)

#define __WAIT_QUEUE_HEAD_INITIALIZER(name) \
	{ .lock = __SPIN_LOCK_UNLOCKED((name).lock), .task_list = LIST_HEAD_INIT((name).task_list) }
#define DECLARE_WAIT_QUEUE_HEAD(name)	wait_queue_head_t name = __WAIT_QUEUE_HEAD_INITIALIZER(name)
#define DECLARE_WAIT_QUEUE_HEAD_ONSTACK(name)	DECLARE_WAIT_QUEUE_HEAD(name)

static inline void init_waitqueue_head(wait_queue_head_t *q)
{
	spin_lock_init(&q->lock);
	INIT_LIST_HEAD(&q->task_list);
}

static inline void init_waitqueue_entry(wait_queue_t *wait, struct task_struct *task)
{
	wait->flags = 0;
	wait->private = task;
	wait->func = default_wake_function;
}

static inline void init_waitqueue_func_entry(wait_queue_t *wait, wait_queue_func_t func)
{
	wait->flags = 0;
	wait->private = NULL;
	wait->func = func;
}

#define init_wait(wait) do {						\
	init_waitqueue_entry(wait, current);				\
	(wait)->func = autoremove_wake_function;			\
	INIT_LIST_HEAD(&(wait)->task_list);				\
} while (0)

static inline int waitqueue_active(wait_queue_head_t *q)
{
	return !list_empty(&q->task_list);
}
#define wq_has_sleeper(q)	({ smp_mb(); waitqueue_active(q); })

/* For who holds q->lock. Those who wait exclusively come last: all the others are woken before one of them. */
static inline void __add_wait_queue(wait_queue_head_t *q, wait_queue_t *wait)
{
	list_add(&wait->task_list, &q->task_list);
}

static inline void __add_wait_queue_tail(wait_queue_head_t *q, wait_queue_t *wait)
{
	list_add_tail(&wait->task_list, &q->task_list);
}

static inline void __remove_wait_queue(wait_queue_head_t *q, wait_queue_t *wait)
{
	list_del(&wait->task_list);
}

extern void add_wait_queue(wait_queue_head_t *q, wait_queue_t *wait);
extern void add_wait_queue_exclusive(wait_queue_head_t *q, wait_queue_t *wait);
extern void remove_wait_queue(wait_queue_head_t *q, wait_queue_t *wait);
extern void prepare_to_wait(wait_queue_head_t *q, wait_queue_t *wait, int state);
extern void prepare_to_wait_exclusive(wait_queue_head_t *q, wait_queue_t *wait, int state);
extern void finish_wait(wait_queue_head_t *q, wait_queue_t *wait);

/* nr: how many of the exclusive ones at most; 0 is all. _locked: the caller holds q->lock. */
extern void __wake_up(wait_queue_head_t *q, unsigned int mode, int nr, void *key);
extern void __wake_up_sync(wait_queue_head_t *q, unsigned int mode, int nr);
extern void __wake_up_common(wait_queue_head_t *q, unsigned int mode, int nr, int sync, void *key);
extern void __wake_up_locked(wait_queue_head_t *q, unsigned int mode);

#define wake_up(q)			__wake_up(q, TASK_NORMAL, 1, NULL)
#define wake_up_nr(q, nr)		__wake_up(q, TASK_NORMAL, nr, NULL)
#define wake_up_all(q)			__wake_up(q, TASK_NORMAL, 0, NULL)
#define wake_up_interruptible(q)	__wake_up(q, TASK_INTERRUPTIBLE, 1, NULL)
#define wake_up_interruptible_nr(q, nr)	__wake_up(q, TASK_INTERRUPTIBLE, nr, NULL)
#define wake_up_interruptible_all(q)	__wake_up(q, TASK_INTERRUPTIBLE, 0, NULL)
#define wake_up_interruptible_sync(q)	__wake_up_sync(q, TASK_INTERRUPTIBLE, 1)
#define wake_up_locked(q)		__wake_up_locked(q, TASK_NORMAL)

/*
 * The loop of all that follow: sleep until `condition` holds. It is looked at with the entry on the queue and the
 * state set, so no wake-up is missed. `give_up` is looked at before each sleep; `sleep` is false where it was the last.
 */
#define __wait_event_loop(q, condition, prepare, wait_state, give_up, sleep) do { \
	DEFINE_WAIT(__wait);						\
	do									\
		prepare(&(q), &__wait, wait_state);			\
	while (!(condition) && !(give_up) && (sleep));			\
	finish_wait(&(q), &__wait);					\
} while (0)

#define wait_event(q, condition) do {					\
	if (!(condition))						\
		__wait_event_loop(q, condition, prepare_to_wait, TASK_UNINTERRUPTIBLE, 0, (schedule(), 1)); \
} while (0)

/* What is left of `timeout` jiffies; 0 where they ran out. */
#define wait_event_timeout(q, condition, timeout) ({			\
	long __left = (timeout);					\
	if (!(condition))						\
		__wait_event_loop(q, condition, prepare_to_wait, TASK_UNINTERRUPTIBLE, 0, \
				  (__left = schedule_timeout(__left))); \
	__left; })

/* 0, or -ERESTARTSYS for a signal. */
#define __wait_event_signal(q, condition, prepare) ({			\
	int __error = 0;						\
	if (!(condition))						\
		__wait_event_loop(q, condition, prepare, TASK_INTERRUPTIBLE, \
				  (signal_pending(current) && (__error = -ERESTARTSYS)), (schedule(), 1)); \
	__error; })
#define wait_event_interruptible(q, condition)	__wait_event_signal(q, condition, prepare_to_wait)
#define wait_event_interruptible_exclusive(q, condition) \
	__wait_event_signal(q, condition, prepare_to_wait_exclusive)
#define wait_event_killable(q, condition)	wait_event_interruptible(q, condition)

#define wait_event_interruptible_timeout(q, condition, timeout) ({	\
	long __left = (timeout);					\
	if (!(condition))						\
		__wait_event_loop(q, condition, prepare_to_wait, TASK_INTERRUPTIBLE, \
				  (signal_pending(current) && (__left = -ERESTARTSYS)), \
				  (__left = schedule_timeout(__left))); \
	__left; })

/* Last, because that header needs the above: it has the states and schedule(). */
#include <linux/sched.h>

#endif
