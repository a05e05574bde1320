/* One CPU: in which order threads begin, and where in the program a timer goes off, is the schedule's. */
#include <linux/delay.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/timer.h>

static int order[4], begun;
static volatile int ticks, steps;

static int thread(void *number)
{
	order[begun++] = (long)number;
	return 0;
}

static void tick(unsigned long step)
{
	ticks = steps;
}

int main(void)
{
	struct timer_list timer;
	long i;

	for (i = 0; i < 4; i++)
		kthread_run(thread, (void *)i, "t%ld", i);
	msleep(20);
	setup_timer(&timer, tick, 0);
	mod_timer(&timer, jiffies + 2);
	for (steps = 0; steps < 3000; steps++)
		;
	del_timer_sync(&timer);
	printk("order %d%d%d%d, at step %d\n", order[0], order[1], order[2], order[3], ticks);
	return 0;
}
