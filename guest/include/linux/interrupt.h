#ifndef _LINUX_INTERRUPT_H
#define _LINUX_INTERRUPT_H

#include <linux/kernel.h>
#include <linux/hardirq.h>
#include <asm/system.h>

#define local_bh_disable()	do { add_preempt_count(0x100); barrier(); } while (0)
#define local_bh_enable()	do { barrier(); sub_preempt_count(0x100); } while (0)

#endif
