/* Waiting: asleep, as kernel/timer.c has it, or with the CPU busy. */
#include <linux/delay.h>
#include <linux/sched.h>
#include "lib.h"

LIB unsigned long loops_per_jiffy = 1000000000 / HZ;

LIB long schedule_timeout_interruptible(long timeout)
{
	__set_current_state(TASK_INTERRUPTIBLE);
	return schedule_timeout(timeout);
}

LIB long schedule_timeout_uninterruptible(long timeout)
{
	__set_current_state(TASK_UNINTERRUPTIBLE);
	return schedule_timeout(timeout);
}

/* A jiffy more, because a part of the one that runs is over. */
LIB void msleep(unsigned int msecs)
{
	unsigned long timeout = msecs_to_jiffies(msecs) + 1;

	while (timeout)
		timeout = schedule_timeout_uninterruptible(timeout);
}

LIB unsigned long msleep_interruptible(unsigned int msecs)
{
	unsigned long timeout = msecs_to_jiffies(msecs) + 1;

	while (timeout && !signal_pending(current))
		timeout = schedule_timeout_interruptible(timeout);
	return jiffies_to_msecs(timeout);
}

/* Without high-resolution timers: asleep as long as the least takes whole jiffies, busy for a shorter time. */
LIB void usleep_range(unsigned long min, unsigned long max)
{
	might_sleep();
	if (min >= jiffies_to_usecs(1))
		schedule_timeout_uninterruptible(usecs_to_jiffies(min) + 1);
	else
		udelay(min);
}

/*
 * Time is virtual: computing takes none, and each call of the kernel takes a microsecond. So a delay is a number of
 * calls, of one that does nothing; and a loop that waits for jiffies or for a timer comes to its end by cpu_relax().
 */
LIB void cpu_relax(void)
{
#ifdef CONFIG_SMP
	__cpu_relax();	/* and the other CPUs go on */
#else
	kthread_should_stop();
#endif
}

LIB void __ndelay(unsigned long nsecs)
{
	unsigned long calls = DIV_ROUND_UP(nsecs, 1000);

	while (calls--)
		cpu_relax();
}
