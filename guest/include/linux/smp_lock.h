#ifndef _LINUX_SMP_LOCK_H
#define _LINUX_SMP_LOCK_H

#include <linux/sched.h>

/* The big kernel lock: with one CPU and no preemption there is nothing that it locks out. */
#ifndef CONFIG_SMP
#define lock_kernel()	do { } while (0)
#define unlock_kernel()	do { } while (0)
#endif

#endif
