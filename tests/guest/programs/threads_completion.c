/* Completions: counted, for all, with a timeout. */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/sched.h>

static DECLARE_COMPLETION(start);
static struct completion end;

static int runner(void *data)
{
	wait_for_completion(&start);
	printk("%s runs\n", current->comm);
	complete(&end);
	return 0;
}

static int late(void *data)
{
	msleep((long)data);
	complete_and_exit(&end, 0);
}

int main(int argc, char **argv)
{
	unsigned long left, before, passed;
	int i;

	init_completion(&end);
	for (i = 0; i < 3; i++)
		kthread_run(runner, NULL, "runner/%d", i);
	yield();
	complete(&start);
	wait_for_completion(&end);
	printk("one came in: %d\n", try_wait_for_completion(&end));
	complete_all(&start);
	for (i = 0; i < 2; i++)
		wait_for_completion(&end);
	printk("all came in: %d %d\n", completion_done(&end), completion_done(&start));
	wait_for_completion(&start);

	before = jiffies;
	left = wait_for_completion_timeout(&end, 10);
	passed = jiffies - before;
	printk("nobody: %lu left after %lu\n", left, passed);
	kthread_run(late, (void *)20L, "late");
	left = wait_for_completion_timeout(&end, 10);
	printk("late by 20 ms: %lu left\n", left);
	kthread_run(late, (void *)20L, "late");
	printk("interruptible: %d\n", wait_for_completion_interruptible(&end));
	complete(&end);
	left = wait_for_completion_timeout(&end, 10);
	printk("at once: %lu left, done %u\n", left, end.done);
	return 0;
}
