/* Completions: as kernel/sched.c has them. */
#include <linux/completion.h>
#include <linux/sched.h>
#include "lib.h"

static void complete_common(struct completion *x, unsigned int n, int nr)
{
	unsigned long flags;

	spin_lock_irqsave(&x->wait.lock, flags);
	x->done += n;
	__wake_up_common(&x->wait, TASK_NORMAL, nr, 0, NULL);
	spin_unlock_irqrestore(&x->wait.lock, flags);
}

LIB void complete(struct completion *x)
{
	complete_common(x, 1, 1);
}

/* For all who wait and all who will. */
LIB void complete_all(struct completion *x)
{
	complete_common(x, UINT_MAX / 2, 0);
}

LIB void complete_and_exit(struct completion *x, long code)
{
	if (x)
		complete(x);
	do_exit(code);
}

/* The lock is held. What is left of the timeout, at least 1; 0 when it ran out, -ERESTARTSYS for a signal. */
static long sleep_on_completion(struct completion *x, int state, long timeout)
{
	DECLARE_WAITQUEUE(wait, current);

	wait.flags |= WQ_FLAG_EXCLUSIVE;
	__add_wait_queue_tail(&x->wait, &wait);
	do {
		if (state == TASK_INTERRUPTIBLE && signal_pending(current)) {
			timeout = -ERESTARTSYS;
			break;
		}
		__set_current_state(state);
		spin_unlock_irq(&x->wait.lock);
		timeout = schedule_timeout(timeout);
		spin_lock_irq(&x->wait.lock);
	} while (timeout && !x->done);
	__remove_wait_queue(&x->wait, &wait);
	return timeout;
}

static long wait_for_common(struct completion *x, int state, long timeout)
{
	int got;

	spin_lock_irq(&x->wait.lock);
	got = x->done != 0;
	if (!got) {
		timeout = sleep_on_completion(x, state, timeout);
		got = timeout > 0;
	}
	if (got)
		x->done--;
	spin_unlock_irq(&x->wait.lock);
	return timeout;
}

LIB void wait_for_completion(struct completion *x)
{
	might_sleep();
	wait_for_common(x, TASK_UNINTERRUPTIBLE, MAX_SCHEDULE_TIMEOUT);
}

LIB int wait_for_completion_interruptible(struct completion *x)
{
	long left;

	might_sleep();
	left = wait_for_common(x, TASK_INTERRUPTIBLE, MAX_SCHEDULE_TIMEOUT);
	return left < 0 ? left : 0;
}

LIB unsigned long wait_for_completion_timeout(struct completion *x, unsigned long timeout)
{
	might_sleep();
	return wait_for_common(x, TASK_UNINTERRUPTIBLE, timeout);
}

LIB unsigned long wait_for_completion_interruptible_timeout(struct completion *x, unsigned long timeout)
{
	might_sleep();
	return wait_for_common(x, TASK_INTERRUPTIBLE, timeout);
}

LIB int try_wait_for_completion(struct completion *x)
{
	unsigned long flags;
	int done;

	spin_lock_irqsave(&x->wait.lock, flags);
	done = x->done != 0;
	if (done)
		x->done--;
	spin_unlock_irqrestore(&x->wait.lock, flags);
	return done;
}

LIB int completion_done(struct completion *x)
{
	return x->done != 0;
}
