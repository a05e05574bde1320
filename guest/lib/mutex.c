/* Mutexes: as kernel/mutex.c has them. */
#include <linux/mutex.h>
#include <linux/sched.h>
#include "lib.h"

/*
 * Each one who waits leaves -1 behind, so that whoever holds the mutex looks at the list when it gives it back; it is
 * had by who finds 1 there. The last to have waited takes the mark off.
 */
static int mutex_lock_slowpath(struct mutex *lock, int state)
{
	struct mutex_waiter waiter = { .task = current };
	unsigned long flags;
	int error = 0;

	spin_lock_irqsave(&lock->wait_lock, flags);
	list_add_tail(&waiter.list, &lock->wait_list);
	while (atomic_xchg(&lock->count, -1) != 1) {
		if (state == TASK_INTERRUPTIBLE && signal_pending(current)) {
			error = -EINTR;
			break;
		}
		__set_current_state(state);
		spin_unlock_irqrestore(&lock->wait_lock, flags);
		schedule();
		spin_lock_irqsave(&lock->wait_lock, flags);
	}
	list_del(&waiter.list);
	if (list_empty(&lock->wait_list))
		atomic_set(&lock->count, 0);
	spin_unlock_irqrestore(&lock->wait_lock, flags);
	return error;
}

LIB void mutex_lock(struct mutex *lock)
{
	might_sleep();
	if (atomic_dec_return(&lock->count) < 0)
		mutex_lock_slowpath(lock, TASK_UNINTERRUPTIBLE);
}

LIB int mutex_lock_interruptible(struct mutex *lock)
{
	might_sleep();
	return atomic_dec_return(&lock->count) < 0 ? mutex_lock_slowpath(lock, TASK_INTERRUPTIBLE) : 0;
}

/* 1: got it. */
LIB int mutex_trylock(struct mutex *lock)
{
	return atomic_cmpxchg(&lock->count, 1, 0) == 1;
}

/* The first of the list is woken; until it runs, the mutex is free to all. */
LIB void mutex_unlock(struct mutex *lock)
{
	unsigned long flags;

	if (atomic_inc_return(&lock->count) > 0)
		return;
	spin_lock_irqsave(&lock->wait_lock, flags);
	atomic_set(&lock->count, 1);
	if (!list_empty(&lock->wait_list))
		wake_up_process(list_first_entry(&lock->wait_list, struct mutex_waiter, list)->task);
	spin_unlock_irqrestore(&lock->wait_lock, flags);
}
