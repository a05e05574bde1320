#ifndef _LINUX_SMP_H
#define _LINUX_SMP_H

#include <asm/thread_info.h>
#include <linux/irqflags.h>

#define NR_CPUS	CONFIG_NR_CPUS

#ifdef CONFIG_SMP
#define raw_smp_processor_id()	(current_thread_info()->cpu)
#else
#define raw_smp_processor_id()	0
#endif
#define smp_processor_id()	raw_smp_processor_id()
#define get_cpu()		({ preempt_disable(); smp_processor_id(); })
#define put_cpu()		preempt_enable()

#include <linux/preempt.h>

/*
 * A function on the other CPUs: as an interrupt, where it must not sleep. A CPU that has interrupts off makes the
 * caller wait; two that call each other so wait for ever.
 */
#include <generated/calls/smp.h>

static inline int on_each_cpu(void (*func)(void *info), void *info, int retry, int wait)
{
	int ret;

	preempt_disable();
	ret = smp_call_function(func, info, retry, wait);
	local_irq_disable();
	func(info);
	local_irq_enable();
	preempt_enable();
	return ret;
}

#endif
