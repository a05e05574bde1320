/*
 * A thread that has ended is stopped: its task_struct may be another's, or nobody's.
 * highmem: --check-access
 * expect: stopped_too_late.c:26: access: BUG: KASAN: use-after-free in main+
 * expect: log: Kernel panic - not syncing: deadlock: every task sleeps, and no timer is set
 * expect: fsck: variable kthread_stop_k at ... which is no task
 */
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/kthread.h>

static int thread(void *unused)
{
	return 0;	/* does not wait for kthread_stop() */
}

int main(void)
{
	struct task_struct *task = kthread_run(thread, NULL, "short");

	if (IS_ERR(task))
		return PTR_ERR(task);
	msleep(20);
	printk("ended\n");
	kthread_stop(task);
	return 0;
}
