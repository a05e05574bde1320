/* Who is woken by which call: three who wait exclusively and one who does not, and states that do not fit. */
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/wait.h>

static DECLARE_WAIT_QUEUE_HEAD(queue);
static int round;

static void settle(void)
{
	int i;

	for (i = 0; i < 20; i++)
		yield();
}

static int waiter(void *data)
{
	int kind = (long)data, mine;

	while (!kthread_should_stop()) {
		DEFINE_WAIT(wait);

		mine = round;
		if (kind == 'x')
			prepare_to_wait_exclusive(&queue, &wait, TASK_INTERRUPTIBLE);
		else
			prepare_to_wait(&queue, &wait, kind == 'u' ? TASK_UNINTERRUPTIBLE : TASK_INTERRUPTIBLE);
		if (mine == round && !kthread_should_stop())
			schedule();
		finish_wait(&queue, &wait);
		if (!kthread_should_stop())
			printk("%s woke\n", current->comm);
		settle();
	}
	return kind;
}

static int refuse(wait_queue_t *wait, unsigned int mode, int sync, void *key)
{
	printk("function called, mode %u, key %s\n", mode, key ? (char *)key : "none");
	return 0;
}

#define TRY(call) do { printk("%s:\n", #call); round++; call; settle(); settle(); } while (0)

int main(int argc, char **argv)
{
	static const char kinds[] = "ixxxu";
	struct task_struct *threads[5];
	wait_queue_t own;
	int i;

	for (i = 0; i < 5; i++) {
		threads[i] = kthread_run(waiter, (void *)(long)kinds[i], "%c%d", kinds[i], i);
		settle();
	}
	TRY(wake_up(&queue));
	TRY(wake_up_interruptible(&queue));
	TRY(wake_up_nr(&queue, 2));
	TRY(wake_up_all(&queue));
	TRY(wake_up_interruptible_all(&queue));
	TRY(wake_up_process(threads[2]));
	TRY(wake_up_process(threads[2]));
	init_waitqueue_func_entry(&own, refuse);
	add_wait_queue(&queue, &own);
	TRY(__wake_up(&queue, TASK_UNINTERRUPTIBLE, 1, "k"));
	remove_wait_queue(&queue, &own);
	printk("wake_up_process of who runs: %d\n", wake_up_process(current));
	for (i = 0; i < 5; i++)
		printk("%c", kthread_stop(threads[i]));
	printk("\nqueue %s\n", waitqueue_active(&queue) ? "in use" : "empty");
	return 0;
}
