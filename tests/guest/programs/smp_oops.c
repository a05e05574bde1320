/* A thread dies on the last CPU. */
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/sched.h>

static int other(void *unused)
{
	*(volatile int *)8 = 1;
	return 0;
}

int main(void)
{
	struct task_struct *task = kthread_create(other, NULL, "other");

	kthread_bind(task, num_online_cpus() - 1);
	wake_up_process(task);
	for (;;)
		cpu_relax();
}
