#ifndef _LINUX_JIFFIES_H
#define _LINUX_JIFFIES_H

#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/types.h>
#include <asm/param.h>

#define time_after(a, b)	((long)(b) - (long)(a) < 0)
#define time_before(a, b)	time_after(b, a)
#define time_after_eq(a, b)	((long)(a) - (long)(b) >= 0)
#define time_before_eq(a, b)	time_after_eq(b, a)
#define time_in_range(a, b, c)	(time_after_eq(a, b) && time_before_eq(a, c))
#define time_is_before_jiffies(a)	time_after(jiffies, a)
#define time_is_after_jiffies(a)	time_before(jiffies, a)

#define INITIAL_JIFFIES		((unsigned long)(unsigned int)(-300 * HZ))
#define MAX_JIFFY_OFFSET	((~0UL >> 1) - 1)
#define MSEC_PER_SEC	1000L
#define USEC_PER_SEC	1000000L
#define NSEC_PER_SEC	1000000000L
#define NSEC_PER_MSEC	1000000L
#define NSEC_PER_USEC	1000L
#define USEC_PER_MSEC	1000L
#define TICK_NSEC	(NSEC_PER_SEC / HZ)

/* The high word lies behind jiffies. */
static inline u64 get_jiffies_64(void)
{
	volatile unsigned long *words = RELOC_HIDE(&jiffies, 0);
	unsigned long low, high;

	do {
		high = words[1];
		low = words[0];
	} while (high != words[1]);
	return (u64)high << 32 | low;
}

static inline unsigned int jiffies_to_msecs(unsigned long j)
{
	return j * (MSEC_PER_SEC / HZ);
}

static inline unsigned int jiffies_to_usecs(unsigned long j)
{
	return j * (USEC_PER_SEC / HZ);
}

/* Rounded up: who waits this long waits long enough. */
static inline unsigned long msecs_to_jiffies(unsigned int m)
{
	if (m > jiffies_to_msecs(MAX_JIFFY_OFFSET))
		return MAX_JIFFY_OFFSET;
	return (m + MSEC_PER_SEC / HZ - 1) / (MSEC_PER_SEC / HZ);
}

static inline unsigned long usecs_to_jiffies(unsigned int u)
{
	return u / (USEC_PER_SEC / HZ) + (u % (USEC_PER_SEC / HZ) != 0);
}

#endif
