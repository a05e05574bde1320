/* Kernel threads: results, names, stacks of their own, and how they end. */
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/slab.h>

enum { MANY = 50 };

static int stopped(void *data)
{
	int rounds = 0;

	set_current_state(TASK_INTERRUPTIBLE);
	while (!kthread_should_stop()) {
		schedule();
		rounds++;
		set_current_state(TASK_INTERRUPTIBLE);
	}
	__set_current_state(TASK_RUNNING);
	printk("%s stops after %d rounds\n", current->comm, rounds);
	return (long)data;
}

static int never(void *data)
{
	printk("never runs\n");
	return 0;
}

static int exits(void *data)
{
	*(int *)data = 1;
	do_exit(7);
	*(int *)data = 2;
	return 0;
}

/* Each keeps a pattern on its stack over many switches. */
static int own_stack(void *data)
{
	unsigned long pattern[64], n = (unsigned long)data, sum = 0;
	int i, round;

	for (i = 0; i < 64; i++)
		pattern[i] = n << 8 | i;
	for (round = 0; round < 5; round++)
		yield();
	for (i = 0; i < 64; i++)
		sum += pattern[i] == (n << 8 | i);
	while (!kthread_should_stop())
		msleep(4);
	return sum == 64 && current_thread_info() == task_stack_page(current) &&
	       current_thread_info()->task == current ? n : -1;
}

int main(int argc, char **argv)
{
	static struct task_struct *threads[MANY];
	struct task_struct *thread;
	int i, j, flag = 0, good = 0, distinct = 0;

	thread = kthread_run(stopped, (void *)42L, "stopped-%s-%d", "a", 1);
	printk("%s, pid %d after %d, %d\n", thread->comm, thread->pid - current->pid, current->pid > 0,
	       preempt_count());
	yield();
	wake_up_process(thread);
	yield();
	printk("result %d\n", kthread_stop(thread));
	thread = kthread_run(stopped, (void *)-5L, "a name that is too long");
	yield();
	printk("result %d\n", kthread_stop(thread));
	thread = kthread_create(never, NULL, "never");
	printk("not woken: state %ld", thread->state);
	printk(", result %d\n", kthread_stop(thread));
	thread = kthread_run(never, NULL, "never");
	printk("stopped before it ran: result %d\n", kthread_stop(thread));
	kthread_run(exits, &flag, "exits");
	yield();
	printk("do_exit: %d\n", flag);

	for (i = 0; i < MANY; i++)
		threads[i] = kthread_run(own_stack, (void *)(long)i, "many/%d", i);
	yield();
	for (i = 0; i < MANY; i++)
		for (j = 0; j <= i; j++)
			if (i == j)
				distinct++;
			else if (task_stack_page(threads[i]) == task_stack_page(threads[j]))
				break;
	for (i = 0; i < MANY; i++)
		good += kthread_stop(threads[i]) == i;
	printk("%d threads, %d stacks, %d good\n", MANY, distinct, good);
	return 0;
}
