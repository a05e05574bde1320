/* Wait queues: as kernel/wait.c and the wake-ups of kernel/sched.c. */
#include <linux/sched.h>
#include "lib.h"

static void add(wait_queue_head_t *q, wait_queue_t *wait, unsigned int exclusive)
{
	unsigned long flags;

	spin_lock_irqsave(&q->lock, flags);
	wait->flags = (wait->flags & ~WQ_FLAG_EXCLUSIVE) | exclusive;
	if (exclusive)
		__add_wait_queue_tail(q, wait);
	else
		__add_wait_queue(q, wait);
	spin_unlock_irqrestore(&q->lock, flags);
}

LIB void add_wait_queue(wait_queue_head_t *q, wait_queue_t *wait)
{
	add(q, wait, 0);
}

LIB void add_wait_queue_exclusive(wait_queue_head_t *q, wait_queue_t *wait)
{
	add(q, wait, WQ_FLAG_EXCLUSIVE);
}

LIB void remove_wait_queue(wait_queue_head_t *q, wait_queue_t *wait)
{
	unsigned long flags;

	spin_lock_irqsave(&q->lock, flags);
	__remove_wait_queue(q, wait);
	spin_unlock_irqrestore(&q->lock, flags);
}

/* The state is set under the lock: a wake-up comes before all of this, or after all of it. */
static void prepare(wait_queue_head_t *q, wait_queue_t *wait, int state, unsigned int exclusive)
{
	unsigned long flags;

	spin_lock_irqsave(&q->lock, flags);
	wait->flags = (wait->flags & ~WQ_FLAG_EXCLUSIVE) | exclusive;
	if (list_empty(&wait->task_list)) {
		if (exclusive)
			__add_wait_queue_tail(q, wait);
		else
			__add_wait_queue(q, wait);
	}
	set_current_state(state);
	spin_unlock_irqrestore(&q->lock, flags);
}

LIB void prepare_to_wait(wait_queue_head_t *q, wait_queue_t *wait, int state)
{
	prepare(q, wait, state, 0);
}

LIB void prepare_to_wait_exclusive(wait_queue_head_t *q, wait_queue_t *wait, int state)
{
	prepare(q, wait, state, WQ_FLAG_EXCLUSIVE);
}

/* Without the lock where the wake function has taken the entry off: then nobody else has a hold on it. */
LIB void finish_wait(wait_queue_head_t *q, wait_queue_t *wait)
{
	unsigned long flags;

	__set_current_state(TASK_RUNNING);
	if (list_empty_careful(&wait->task_list))
		return;
	spin_lock_irqsave(&q->lock, flags);
	list_del_init(&wait->task_list);
	spin_unlock_irqrestore(&q->lock, flags);
}

LIB int wake_up_state(struct task_struct *task, unsigned int states)
{
	return task->state & states ? wake_up_process(task) : 0;
}

LIB int default_wake_function(wait_queue_t *wait, unsigned int mode, int sync, void *key)
{
	return wake_up_state(wait->private, mode);
}

LIB int autoremove_wake_function(wait_queue_t *wait, unsigned int mode, int sync, void *key)
{
	int woken = default_wake_function(wait, mode, sync, key);

	if (woken)
		list_del_init(&wait->task_list);
	return woken;
}

LIB void __wake_up_common(wait_queue_head_t *q, unsigned int mode, int nr, int sync, void *key)
{
	wait_queue_t *wait, *next;

	list_for_each_entry_safe(wait, next, &q->task_list, task_list) {
		unsigned int exclusive = wait->flags & WQ_FLAG_EXCLUSIVE;	/* it may be gone after the call */

		if (((wait_queue_func_t)wait->func)(wait, mode, sync, key) && exclusive && !--nr)
			break;
	}
}

LIB void __wake_up(wait_queue_head_t *q, unsigned int mode, int nr, void *key)
{
	unsigned long flags;

	spin_lock_irqsave(&q->lock, flags);
	__wake_up_common(q, mode, nr, 0, key);
	spin_unlock_irqrestore(&q->lock, flags);
}

LIB void __wake_up_sync(wait_queue_head_t *q, unsigned int mode, int nr)
{
	unsigned long flags;

	spin_lock_irqsave(&q->lock, flags);
	__wake_up_common(q, mode, nr, 1, NULL);
	spin_unlock_irqrestore(&q->lock, flags);
}

LIB void __wake_up_locked(wait_queue_head_t *q, unsigned int mode)
{
	__wake_up_common(q, mode, 1, 0, NULL);
}
