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

#endif
