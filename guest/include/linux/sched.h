#ifndef _LINUX_SCHED_H
#define _LINUX_SCHED_H

#include <asm/current.h>
#include <asm/param.h>
#include <asm/processor.h>
#include <asm/system.h>
#include <linux/cpumask.h>
#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/preempt.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/thread_info.h>
#include <linux/types.h>
#include <generated/calls/sched.h>

#define TASK_COMM_LEN		16

/* task->state */
#define TASK_RUNNING		0
#define TASK_INTERRUPTIBLE	1
#define TASK_UNINTERRUPTIBLE	2
#define TASK_STOPPED		4
#define TASK_TRACED		8
#define EXIT_ZOMBIE		16
#define EXIT_DEAD		32
#define TASK_NONINTERACTIVE	64
#define TASK_DEAD		128
/* Names of later kernels. Nothing here is killed while it sleeps. */
#define TASK_NORMAL		(TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE)
#define TASK_KILLABLE		TASK_UNINTERRUPTIBLE
#define TASK_IDLE		TASK_UNINTERRUPTIBLE

/* task->flags */
#define PF_STARTING	0x00000002
#define PF_EXITING	0x00000004
#define PF_MEMALLOC	0x00000800
#define PF_KSWAPD	0x00040000
#define PF_BORROWED_MM	0x00400000
#define PF_SWAPWRITE	0x00800000

/*
 * The barrier keeps what is tested next behind the store: a wake-up between the test and schedule() finds the state
 * set, and undoes it.
 */
#define __set_task_state(task, value)	((void)((task)->state = (value)))
#define set_task_state(task, value)	set_mb((task)->state, value)
#define __set_current_state(value)	__set_task_state(current, value)
#define set_current_state(value)	set_task_state(current, value)

#define MAX_SCHEDULE_TIMEOUT	LONG_MAX

#define init_mm		(*init_mm_pointer)

extern void do_exit(long code) __noreturn;
extern long schedule_timeout_interruptible(long timeout);
extern long schedule_timeout_uninterruptible(long timeout);
extern int wake_up_state(struct task_struct *task, unsigned int states);
#define schedule_timeout_killable(timeout)	schedule_timeout_uninterruptible(timeout)
#define schedule_timeout_idle(timeout)		schedule_timeout_uninterruptible(timeout)
#define io_schedule()				schedule()
#define io_schedule_timeout(timeout)		schedule_timeout(timeout)

#define task_thread_info(task)	((task)->thread_info)
#define task_stack_page(task)	((void *)(task)->thread_info)
#define task_cpu(task)		(task_thread_info(task)->cpu)

/* Where a task may run. One that is at work on another CPU leaves that when it next gives way. */
static inline int set_cpus_allowed(struct task_struct *task, cpumask_t mask)
{
	return set_cpus_allowed_ptr(task, &mask);
}

/* All tasks are children of the first one, which for_each_process() leaves out. They do not end meanwhile. */
#define init_task		(*current->parent)
#define next_task(p)		list_entry((p)->tasks.next, struct task_struct, tasks)
#define for_each_process(p)	for ((p) = &init_task; ((p) = next_task(p)) != &init_task; )

#define task_pid_nr(task)	((task)->pid)
#define task_tgid_nr(task)	((task)->tgid)
#define get_task_comm(buf, task)	strlcpy(buf, (task)->comm, TASK_COMM_LEN)
#define set_task_comm(task, name)	strlcpy((task)->comm, name, TASK_COMM_LEN)

#define set_tsk_thread_flag(task, flag)		set_ti_thread_flag(task_thread_info(task), flag)
#define clear_tsk_thread_flag(task, flag)	clear_ti_thread_flag(task_thread_info(task), flag)
#define test_tsk_thread_flag(task, flag)	test_ti_thread_flag(task_thread_info(task), flag)
#define need_resched()				unlikely(test_thread_flag(TIF_NEED_RESCHED))
#define need_lockbreak(lock)			0
#define cond_resched_lock(lock)							\
	({ int __gave_way = 0;							\
	   if (need_resched()) {						\
		spin_unlock(lock);						\
		__gave_way = cond_resched();					\
		spin_lock(lock);						\
	   }									\
	   __gave_way; })

/* Kernel threads get no signals. */
#define signal_pending(task)	unlikely(test_tsk_thread_flag(task, TIF_SIGPENDING))
#define fatal_signal_pending(task)	signal_pending(task)
#define flush_signals(task)	clear_tsk_thread_flag(task, TIF_SIGPENDING)

#include <linux/string.h>
#include <linux/wait.h>
#include <linux/completion.h>
#include <linux/timer.h>
#include <linux/ktime.h>
#include <linux/rcupdate.h>
#include <linux/timex.h>
#include <asm/semaphore.h>

#endif
