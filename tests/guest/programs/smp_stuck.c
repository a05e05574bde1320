/* The other CPU spins with its interrupts off, and would be called. */
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/smp.h>

static volatile int step;

static void nothing(void *unused)
{
}

static int other(void *unused)
{
	local_irq_disable();
	step = 1;
	for (;;)
		cpu_relax();
}

int main(void)
{
	struct task_struct *task = kthread_create(other, NULL, "other");

	kthread_bind(task, 1);
	wake_up_process(task);
	while (!step)
		cpu_relax();
	return smp_call_function(nothing, NULL, 0, 1);
}
