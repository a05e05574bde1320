/* Threads on all CPUs: objects go from hand to hand, a counter is kept with and without a lock. argv[1]: rounds. */
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timer.h>

#define THREADS 3

static DEFINE_SPINLOCK(lock);
static DEFINE_PER_CPU(int, rounds_here) = 100;
static volatile int plain, locked, alive = THREADS, ticks;
static void *handed[8];
static struct timer_list timer;
static int rounds;

/* A block of code ends between reading and writing. */
static noinline void add(volatile int *counter)
{
	int value = *counter;

	if (value >= 0)
		barrier();
	*counter = value + 1;
}

static void hand_over(int i, void *object)
{
	void *before;

	spin_lock_bh(&lock);
	add(&locked);
	before = handed[i % 8];
	handed[i % 8] = object;
	spin_unlock_bh(&lock);
	kfree(before);
}

static int worker(void *data)
{
	long n = (long)data;
	int i;

	for (i = 0; i < rounds; i++) {
		add(&plain);
		hand_over(i * n, kmalloc(40 * n, GFP_KERNEL));
		__get_cpu_var(rounds_here)++;
		if (i % 16 == 15)
			yield();
	}
	printk("%s ends on CPU %d after %lu jiffies\n", current->comm, smp_processor_id(), jiffies - INITIAL_JIFFIES);
	spin_lock_bh(&lock);
	alive--;
	spin_unlock_bh(&lock);
	return 0;
}

/* It finds the lock taken by a task that has no turn now. */
static void tick(unsigned long unused)
{
	spin_lock(&lock);
	add(&ticks);
	spin_unlock(&lock);
	mod_timer(&timer, jiffies + 1);
}

int main(int argc, char **argv)
{
	long n;
	int cpu, sum = 0;

	rounds = simple_strtoul(argv[1], NULL, 10);
	setup_timer(&timer, tick, 0);
	mod_timer(&timer, jiffies + 1);
	for (n = 0; n < THREADS; n++)
		kthread_run(worker, (void *)(n + 1), "worker/%ld", n);
	while (alive)
		cpu_relax();
	del_timer_sync(&timer);
	for (n = 0; n < 8; n++)
		kfree(handed[n]);
	for_each_online_cpu(cpu)
		sum += per_cpu(rounds_here, cpu) - 100;
	printk("plain %d, locked %d, rounds %d, ticks %d\n", plain, locked, sum, ticks);
	return 0;
}
