#ifndef _LINUX_SMP_H
#define _LINUX_SMP_H

#include <asm/thread_info.h>

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

#endif
