#ifndef _LINUX_PREEMPT_H
#define _LINUX_PREEMPT_H

#include <linux/compiler.h>
#include <asm/thread_info.h>

#define preempt_count()		(current_thread_info()->preempt_count)
#define add_preempt_count(n)	do { preempt_count() += (n); } while (0)
#define sub_preempt_count(n)	do { preempt_count() -= (n); } while (0)
#define inc_preempt_count()	add_preempt_count(1)
#define dec_preempt_count()	sub_preempt_count(1)

/* The kernel is built without CONFIG_PREEMPT: nothing is preempted in it, and nothing is counted. */
#define preempt_disable()		barrier()
#define preempt_enable()		barrier()
#define preempt_enable_no_resched()	barrier()
#define preempt_check_resched()		barrier()

#endif
