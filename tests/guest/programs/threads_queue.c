/* A producer and two consumers over a ring of four places, each waiting for the other on a queue. */
#include <linux/completion.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/wait.h>

enum { PLACES = 4, ITEMS = 20 };

static int ring[PLACES], put, taken, sum;
static DECLARE_WAIT_QUEUE_HEAD(not_full);
static DECLARE_WAIT_QUEUE_HEAD(not_empty);
static DECLARE_COMPLETION(done);

static int producer(void *data)
{
	int i;

	for (i = 1; i <= ITEMS; i++) {
		wait_event(not_full, put - taken < PLACES);
		ring[put++ % PLACES] = i;
		wake_up(&not_empty);
	}
	printk("%s: made %d\n", current->comm, ITEMS);
	complete(&done);
	return 0;
}

static int consumer(void *data)
{
	int *count = data;

	for (;;) {
		wait_event_interruptible(not_empty, put > taken || kthread_should_stop());
		if (put == taken)
			return *count;
		sum += ring[taken++ % PLACES];
		++*count;
		wake_up(&not_full);
		if (taken == ITEMS)
			complete(&done);
	}
}

int main(int argc, char **argv)
{
	int counts[2] = { 0, 0 }, i, n = 0;
	struct task_struct *consumers[2];

	for (i = 0; i < 2; i++)
		consumers[i] = kthread_run(consumer, &counts[i], "consumer/%d", i);
	kthread_run(producer, NULL, "producer");
	wait_for_completion(&done);
	wait_for_completion(&done);
	for (i = 0; i < 2; i++)
		n += kthread_stop(consumers[i]);
	printk("%d items, sum %d, queues %s\n", n, sum,
	       waitqueue_active(&not_full) || waitqueue_active(&not_empty) ? "in use" : "empty");
	return 0;
}
