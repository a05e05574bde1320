/*
 * Two threads count, without a lock and with one. On two CPUs under --schedule SEED they meet in the middle of add(),
 * and without the lock counts are lost: which, the SEED decides.
 */
#include <linux/completion.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

#define ROUNDS 300

static DEFINE_SPINLOCK(lock);
static DEFINE_PER_CPU(int, rounds);
static DECLARE_COMPLETION(done);
static volatile int plain, locked;

static noinline void add(volatile int *counter)
{
	int value = *counter;

	if (value >= 0)		/* a branch: here another CPU may come in between */
		barrier();
	*counter = value + 1;
}

static void count(void)
{
	int i;

	for (i = 0; i < ROUNDS; i++) {
		add(&plain);
		spin_lock(&lock);
		add(&locked);
		__get_cpu_var(rounds)++;
		spin_unlock(&lock);
	}
}

static int counter(void *unused)
{
	count();
	complete(&done);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

int main(void)
{
	struct task_struct *task = kthread_run(counter, NULL, "counter");
	int cpu;

	count();
	wait_for_completion(&done);
	kthread_stop(task);
	for_each_online_cpu(cpu)
		printk("CPU %d counted %d times\n", cpu, per_cpu(rounds, cpu));
	printk("of %d counts there are %d without the lock, %d with it\n", 2 * ROUNDS, plain, locked);
	return 0;
}
