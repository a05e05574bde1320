#ifndef _LINUX_DELAY_H
#define _LINUX_DELAY_H

#include <linux/kernel.h>
#include <linux/sched.h>

/* These sleep. */
extern void msleep(unsigned int msecs);
extern unsigned long msleep_interruptible(unsigned int msecs);	/* the milliseconds that are left */
extern void usleep_range(unsigned long min, unsigned long max);

static inline void ssleep(unsigned int seconds)
{
	msleep(seconds * 1000);
}

/* These do not: the CPU is busy meanwhile. */
extern unsigned long loops_per_jiffy;	/* of a CPU with 1 GHz */
extern void __ndelay(unsigned long nsecs);

static inline void ndelay(unsigned long nsecs)
{
	__ndelay(nsecs);
}

static inline void udelay(unsigned long usecs)
{
	while (usecs--)
		__ndelay(1000);
}

static inline void mdelay(unsigned long msecs)
{
	while (msecs--)
		udelay(1000);
}

#endif
