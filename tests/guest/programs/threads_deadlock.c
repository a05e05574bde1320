/* Ends in a deadlock. "two": two mutexes taken in opposite order; "alone": nobody will ever wake this one. */
#include <linux/completion.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/wait.h>

static DEFINE_MUTEX(left);
static DEFINE_MUTEX(right);
static DECLARE_WAIT_QUEUE_HEAD(queue);
static DECLARE_COMPLETION(done);

static int crossed(void *data)
{
	mutex_lock(&right);
	yield();
	mutex_lock(&left);
	mutex_unlock(&left);
	mutex_unlock(&right);
	complete(&done);
	return 0;
}

int main(int argc, char **argv)
{
	if (!strcmp(argv[1], "two")) {
		kthread_run(crossed, NULL, "crossed");
		mutex_lock(&left);
		yield();
		mutex_lock(&right);
		mutex_unlock(&right);
		mutex_unlock(&left);
		wait_for_completion(&done);
	} else {
		wait_event(queue, 0);
	}
	printk("not reached\n");
	return 0;
}
