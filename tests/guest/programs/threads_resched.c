/* What the kernel's calls give back after a switch, and being preempted between two steps of going to sleep. */
#include <linux/delay.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/sched.h>

static int other(void *data)
{
	printk("  %s runs\n", current->comm);
	return 0;
}

static int waker(void *data)
{
	msleep(20);
	printk("woken: %d\n", wake_up_process(data));
	return 0;
}

int main(int argc, char **argv)
{
	/* Through registers, so that what is left in them is not the result. */
	long (*volatile sleep)(long) = schedule_timeout;
	int (*volatile resched)(void) = cond_resched;
	long left;

	kthread_run(waker, current, "waker");
	set_current_state(TASK_UNINTERRUPTIBLE);
	left = sleep(MAX_SCHEDULE_TIMEOUT);
	printk("left %lx, state %ld\n", left, current->state);

	printk("nothing to do: %d\n", resched());
	kthread_run(other, NULL, "first");
	mdelay(110);	/* more than a time slice */
	printk("need_resched %d\n", need_resched() != 0);
	left = resched();
	printk("cond_resched %ld, need_resched %d\n", left, need_resched() != 0);
	printk("nobody else: %d\n", resched());

	kthread_run(other, NULL, "second");
	might_sleep();
	printk("might_sleep, not yet\n");
	set_need_resched();
	might_sleep();
	printk("might_sleep, at the end of the slice\n");

	/* Preempted, not asleep: it comes back by itself. */
	kthread_run(other, NULL, "third");
	set_need_resched();
	set_current_state(TASK_UNINTERRUPTIBLE);
	cond_resched();
	printk("state %ld\n", current->state);
	__set_current_state(TASK_RUNNING);
	return 0;
}
