#ifndef _LINUX_KTHREAD_H
#define _LINUX_KTHREAD_H

#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/sched.h>

/* Declared once more, so that the compiler checks arguments against the format. */
extern struct task_struct *kthread_create(int (*threadfn)(void *data), void *data, const char *namefmt, ...)
	__printf(3, 4);

/* A thread that runs at once; an ERR_PTR where there is no memory for it. */
#define kthread_run(threadfn, data, namefmt, ...) ({			\
	struct task_struct *__created = kthread_create(threadfn, data, namefmt, ##__VA_ARGS__); \
	if (!IS_ERR(__created))						\
		wake_up_process(__created);				\
	__created; })

/* For a thread that does not run yet. */
static inline void kthread_bind(struct task_struct *task, unsigned int cpu)
{
	task_cpu(task) = cpu;
#ifdef CONFIG_SMP
	task->cpus_allowed = cpumask_of_cpu(cpu);
#endif
}

#endif
