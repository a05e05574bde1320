/* Semaphores: as i386 has them in lib/semaphore-sleepers.c. */
#include <asm/semaphore.h>
#include <linux/sched.h>
#include "lib.h"

/*
 * The caller has taken 1 from count already, and it was not there. Those who sleep give back all that they took but
 * 1, which stays as the mark that makes up() look here; each one who wakes tries anew whether count covers it.
 */
static int down_slowpath(struct semaphore *sem, int state)
{
	DECLARE_WAITQUEUE(wait, current);
	unsigned long flags;
	int error = 0;

	spin_lock_irqsave(&sem->wait.lock, flags);
	wait.flags |= WQ_FLAG_EXCLUSIVE;
	__add_wait_queue_tail(&sem->wait, &wait);
	sem->sleepers++;
	for (;;) {
		if (state == TASK_INTERRUPTIBLE && signal_pending(current)) {
			error = -EINTR;
			atomic_add(sem->sleepers, &sem->count);
			sem->sleepers = 0;
			break;
		}
		if (!atomic_add_negative(sem->sleepers - 1, &sem->count)) {
			sem->sleepers = 0;
			break;
		}
		sem->sleepers = 1;
		__set_current_state(state);
		spin_unlock_irqrestore(&sem->wait.lock, flags);
		schedule();
		spin_lock_irqsave(&sem->wait.lock, flags);
	}
	__remove_wait_queue(&sem->wait, &wait);
	wake_up_locked(&sem->wait);	/* with no sleeper counted, the next one has to look for itself */
	spin_unlock_irqrestore(&sem->wait.lock, flags);
	return error;
}

LIB void down(struct semaphore *sem)
{
	might_sleep();
	if (atomic_dec_return(&sem->count) < 0)
		down_slowpath(sem, TASK_UNINTERRUPTIBLE);
}

LIB int down_interruptible(struct semaphore *sem)
{
	might_sleep();
	return atomic_dec_return(&sem->count) < 0 ? down_slowpath(sem, TASK_INTERRUPTIBLE) : 0;
}

/* 0: got it. */
LIB int down_trylock(struct semaphore *sem)
{
	int count = atomic_read(&sem->count), found;

	for (; count > 0; count = found) {
		found = atomic_cmpxchg(&sem->count, count, count - 1);
		if (found == count)
			return 0;
	}
	return 1;
}

LIB void up(struct semaphore *sem)
{
	if (atomic_inc_return(&sem->count) <= 0)
		wake_up(&sem->wait);
}
