/* Two CPUs in one function: without the lock updates are lost. What each reads is told, so that orders can be compared. */
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

#define ROUNDS 300

static DEFINE_SPINLOCK(lock);
static volatile int plain, locked, done;
static volatile unsigned char order[2 * ROUNDS + 8];
static volatile int places;

/* A block of code ends between reading and writing. */
static noinline void add(volatile int *counter)
{
	int value = *counter;

	if (value >= 0)
		barrier();
	*counter = value + 1;
}

static int count(void *unused)
{
	int i;

	for (i = 0; i < ROUNDS; i++) {
		add(&plain);
		spin_lock(&lock);
		order[places++] = smp_processor_id();
		add(&locked);
		spin_unlock(&lock);
	}
	done++;
	return 0;
}

int main(void)
{
	unsigned int i, hash = 0, changes = 0;

	kthread_run(count, NULL, "other");
	count(NULL);
	while (done < 2)	/* as it stands: no call, and nothing that gives way */
		;
	for (i = 0; i < 2 * ROUNDS; i++) {
		hash = hash * 31 + order[i];
		changes += i && order[i] != order[i - 1];
	}
	printk("plain %d, locked %d, changes %u, order %x\n", plain, locked, changes, hash);
	return 0;
}
