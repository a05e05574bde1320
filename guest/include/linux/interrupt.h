#ifndef _LINUX_INTERRUPT_H
#define _LINUX_INTERRUPT_H

#include <linux/kernel.h>
#include <linux/hardirq.h>
#include <asm/system.h>
#include <generated/calls/sched.h>	/* run_in_irq(), run_in_softirq(): a function in the place of a handler */

/* What a handler says. */
typedef int irqreturn_t;
#define IRQ_NONE	0
#define IRQ_HANDLED	1
#define IRQ_RETVAL(x)	((x) != 0)

#define local_bh_disable()	do { add_preempt_count(SOFTIRQ_OFFSET); barrier(); } while (0)
#define _local_bh_enable()	do { barrier(); sub_preempt_count(SOFTIRQ_OFFSET); } while (0)
#define local_bh_enable()	_local_bh_enable()

/*
 * Functions that are called once in softirq context, soon: here, at the next tick. func(data), and from 5.9 on
 * func(tasklet).
 */
#include <linux/timer.h>

struct tasklet_struct {
	struct timer_list timer;
	void *func;
	unsigned long data;
	int disabled;		/* how often */
	int waits;		/* for tasklet_enable() */
};

extern void __tasklet_run(unsigned long tasklet);
#define __TASKLET_INITIALIZER(name, function, argument, off) \
	{ .timer = TIMER_INITIALIZER(__tasklet_run, 0, (unsigned long)&(name)), .func = (void *)(function), \
	  .data = (unsigned long)(argument), .disabled = (off) }
#define __DECLARE_TASKLET_2(name, function) \
	struct tasklet_struct name = __TASKLET_INITIALIZER(name, function, &name, 0)
#define __DECLARE_TASKLET_3(name, function, argument) \
	struct tasklet_struct name = __TASKLET_INITIALIZER(name, function, argument, 0)
#define __DECLARE_TASKLET_DISABLED_2(name, function) \
	struct tasklet_struct name = __TASKLET_INITIALIZER(name, function, &name, 1)
#define __DECLARE_TASKLET_DISABLED_3(name, function, argument) \
	struct tasklet_struct name = __TASKLET_INITIALIZER(name, function, argument, 1)
#define DECLARE_TASKLET(...)	__PASTE(__DECLARE_TASKLET_, __COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)
#define DECLARE_TASKLET_DISABLED(...) \
	__PASTE(__DECLARE_TASKLET_DISABLED_, __COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)
#define DECLARE_TASKLET_OLD(name, function)	__DECLARE_TASKLET_3(name, function, 0)

extern void tasklet_init(struct tasklet_struct *t, void (*func)(unsigned long), unsigned long data);
extern void tasklet_setup(struct tasklet_struct *t, void (*func)(struct tasklet_struct *));
extern void tasklet_schedule(struct tasklet_struct *t);
extern void tasklet_kill(struct tasklet_struct *t);
extern void tasklet_enable(struct tasklet_struct *t);
#define tasklet_disable(t)		((void)(t)->disabled++)
#define tasklet_disable_nosync(t)	tasklet_disable(t)
#define tasklet_hi_schedule(t)		tasklet_schedule(t)
#define from_tasklet(var, tasklet, member)	container_of(tasklet, typeof(*var), member)

#endif
