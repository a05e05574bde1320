#ifndef _LINUX_PREEMPT_H
#define _LINUX_PREEMPT_H

#include <linux/cleanup.h>
#include <linux/compiler.h>
#include <asm/thread_info.h>

#define preempt_count()		(current_thread_info()->preempt_count)
#define add_preempt_count(n)	do { preempt_count() += (n); } while (0)
#define sub_preempt_count(n)	do { preempt_count() -= (n); } while (0)
#define inc_preempt_count()	add_preempt_count(1)
#define dec_preempt_count()	sub_preempt_count(1)

/*
 * Counted, so that the kernel can tell who sleeps where nobody may; but nothing is preempted: a task gives way where
 * it calls schedule() or what may sleep, and nowhere else.
 */
#define preempt_disable()		do { inc_preempt_count(); barrier(); } while (0)
#define preempt_enable_no_resched()	do { barrier(); dec_preempt_count(); } while (0)
#define preempt_enable()		preempt_enable_no_resched()
#define preempt_check_resched()		barrier()
#define preemptible()			(preempt_count() == 0 && !irqs_disabled())

#include <linux/irqflags.h>

DEFINE_LOCK_GUARD_0(preempt, preempt_disable(), preempt_enable())

#endif
