/* smp_call_function: at once where interrupts are on, later where they are off, and inside of what waits for a lock. */
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/spinlock.h>

static volatile int served[NR_CPUS], step;
static DEFINE_SPINLOCK(lock);

static void serve(void *data)
{
	served[smp_processor_id()] += (long)data;
	printk("CPU %d (%s): %s, interrupts %s\n", smp_processor_id(), current->comm,
	       in_irq() ? "interrupt" : "task", irqs_disabled() ? "off" : "on");
}

static void wait_for(int n)
{
	while (step < n)
		cpu_relax();
}

static void take_lock(void *unused)
{
	spin_lock(&lock);
	printk("softirq on CPU %d has the lock\n", smp_processor_id());
	spin_unlock(&lock);
}

static int other(void *unused)
{
	int i;

	step = 1;
	wait_for(2);
	local_irq_disable();
	step = 3;
	for (i = 0; i < 5; i++)
		cpu_relax();
	printk("CPU 1 has been called %d times\n", served[1]);
	local_irq_enable();
	wait_for(4);
	run_in_softirq(take_lock, NULL);
	step = 6;
	return 0;
}

int main(void)
{
	struct task_struct *task = kthread_create(other, NULL, "other");

	kthread_bind(task, 1);
	wake_up_process(task);
	wait_for(1);
	printk("returns %d\n", smp_call_function(serve, (void *)1, 0, 1));
	printk("returns %d\n", on_each_cpu(serve, (void *)1, 0, 1));
	step = 2;
	wait_for(3);
	printk("returns %d\n", smp_call_function_single(1, serve, (void *)1, 0, 1));
	printk("returns %d and %d\n", smp_call_function_single(0, serve, NULL, 0, 1),
	       smp_call_function_single(NR_CPUS, serve, NULL, 0, 1));
	spin_lock(&lock);
	step = 4;
	while (served[1] < 8) {	/* the other spins in its softirq, and still hears us */
		smp_call_function_single(1, serve, (void *)1, 0, 1);
		cpu_relax();
	}
	printk("main lets the lock go\n");
	spin_unlock(&lock);
	wait_for(6);
	return 0;
}
