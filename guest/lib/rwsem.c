/* Semaphores for readers and writers: as lib/rwsem-spinlock.c has them. */
#include <linux/rwsem.h>
#include <linux/sched.h>
#include "lib.h"

/* On the stack of a task that waits. `task` is taken away from it when it is let in. */
struct rwsem_waiter {
	struct list_head list;
	struct task_struct *volatile task;
	int writer;
};

/* Lets in who comes first: one writer, or all the readers up to the next writer. */
static void let_in(struct rw_semaphore *sem)
{
	while (!list_empty(&sem->wait_list)) {
		struct rwsem_waiter *waiter = list_first_entry(&sem->wait_list, struct rwsem_waiter, list);
		struct task_struct *task = waiter->task;
		int writer = waiter->writer;

		if (sem->activity < 0 || (writer && sem->activity > 0))
			break;
		sem->activity += writer ? -1 : 1;
		list_del(&waiter->list);
		smp_mb();
		waiter->task = NULL;	/* from here on, it may be gone */
		wake_up_process(task);
	}
}

/* The lock is held. Nobody overtakes one who waits. */
static int try_to_enter(struct rw_semaphore *sem, int writer)
{
	if (!list_empty(&sem->wait_list) || (writer ? sem->activity != 0 : sem->activity < 0))
		return 0;
	sem->activity += writer ? -1 : 1;
	return 1;
}

static void enter(struct rw_semaphore *sem, int writer)
{
	struct rwsem_waiter waiter = { .task = current, .writer = writer };
	unsigned long flags;

	spin_lock_irqsave(&sem->wait_lock, flags);
	if (try_to_enter(sem, writer)) {
		spin_unlock_irqrestore(&sem->wait_lock, flags);
		return;
	}
	list_add_tail(&waiter.list, &sem->wait_list);
	set_current_state(TASK_UNINTERRUPTIBLE);
	spin_unlock_irqrestore(&sem->wait_lock, flags);
	while (waiter.task) {
		schedule();
		set_current_state(TASK_UNINTERRUPTIBLE);
	}
	__set_current_state(TASK_RUNNING);
}

static int trylock(struct rw_semaphore *sem, int writer)
{
	unsigned long flags;
	int got;

	spin_lock_irqsave(&sem->wait_lock, flags);
	got = try_to_enter(sem, writer);
	spin_unlock_irqrestore(&sem->wait_lock, flags);
	return got;
}

static void leave(struct rw_semaphore *sem, int change)
{
	unsigned long flags;

	spin_lock_irqsave(&sem->wait_lock, flags);
	sem->activity += change;
	let_in(sem);
	spin_unlock_irqrestore(&sem->wait_lock, flags);
}

LIB void down_read(struct rw_semaphore *sem)
{
	might_sleep();
	enter(sem, 0);
}

LIB void down_write(struct rw_semaphore *sem)
{
	might_sleep();
	enter(sem, 1);
}

LIB int down_read_trylock(struct rw_semaphore *sem)
{
	return trylock(sem, 0);
}

LIB int down_write_trylock(struct rw_semaphore *sem)
{
	return trylock(sem, 1);
}

LIB void up_read(struct rw_semaphore *sem)
{
	leave(sem, -1);
}

LIB void up_write(struct rw_semaphore *sem)
{
	leave(sem, 1);
}

LIB void downgrade_write(struct rw_semaphore *sem)
{
	leave(sem, 2);
}
