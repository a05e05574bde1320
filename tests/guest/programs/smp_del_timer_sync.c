/* A timer's function waits in the middle; del_timer_sync() on another CPU comes back when it is done. */
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/timer.h>

static struct timer_list timer;
static volatile int begun, done;

static void slow(unsigned long unused)
{
	int i;

	begun = 1;
	for (i = 0; i < 50; i++)
		cpu_relax();
	done = 1;
}

static int stop(void *unused)
{
	int stopped;

	while (!begun)
		cpu_relax();
	stopped = del_timer_sync(&timer);
	printk("stopped %d, done %d\n", stopped, done);
	return 0;
}

int main(void)
{
	volatile int i;

	setup_timer(&timer, slow, 0);
	mod_timer(&timer, jiffies + 1);
	kthread_run(stop, NULL, "stop");
	for (i = 0; i < 100000; i++)
		;
	while (!done)
		schedule_timeout_uninterruptible(1);
	schedule_timeout_uninterruptible(5);
	return 0;
}
