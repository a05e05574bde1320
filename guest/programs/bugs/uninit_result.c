/*
 * A thread hands back what it found in memory that nobody has set.
 * highmem: --check-uninit
 * expect: uninit_result.c:30: uninit: BUG: KMSAN: uninit-value in count+
 */
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/slab.h>

struct work {
	int items;
	int done;
};

static int count(void *unused)
{
	struct work *work = kmalloc(sizeof(*work), GFP_KERNEL);
	int done;

	if (!work)
		return -ENOMEM;
	done = work->done;	/* only items is set, by nobody yet */
	kfree(work);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return done;
}

int main(void)
{
	struct task_struct *task = kthread_run(count, NULL, "count");

	if (IS_ERR(task))
		return PTR_ERR(task);
	msleep(20);
	kthread_stop(task);
	return 0;
}
