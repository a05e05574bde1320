/* A mutex is given on in the order in which it was asked for; a counter under it loses nothing. */
#include <linux/delay.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/mutex.h>
#include <linux/sched.h>

static DEFINE_MUTEX(mutex);
static struct mutex made;
static int counter, entered, running;

/* One after the other: compilers evaluate arguments in the order that they like. */
static void show(struct mutex *mutex)
{
	int locked = mutex_is_locked(mutex), try = mutex_trylock(mutex);

	printk("locked %d, trylock %d, then count %d, list %s\n", locked, try, atomic_read(&mutex->count),
	       list_empty(&mutex->wait_list) ? "empty" : "in use");
}

static int in_line(void *data)
{
	mutex_lock(&mutex);
	printk("%s is number %d\n", current->comm, ++entered);
	msleep(1);
	mutex_unlock(&mutex);
	return 0;
}

static int add(void *data)
{
	int i, seen;

	for (i = 0; i < 50; i++) {
		if (i & 1)
			mutex_lock(&made);
		else if (mutex_lock_interruptible(&made))
			return 1;
		seen = counter;
		if (i % 7 == 0)
			yield();
		counter = seen + 1;
		mutex_unlock(&made);
		if (i % 5 == 0)
			yield();
	}
	running--;
	return 0;
}

int main(int argc, char **argv)
{
	int i;

	mutex_init(&made);
	mutex_lock(&mutex);
	for (i = 0; i < 5; i++) {
		kthread_run(in_line, NULL, "line/%d", i);
		yield();
	}
	show(&mutex);
	mutex_unlock(&mutex);
	msleep(100);
	show(&mutex);
	mutex_unlock(&mutex);

	for (running = 0; running < 6; running++)
		kthread_run(add, NULL, "add/%d", running);
	while (running)
		yield();
	printk("counter %d, count %d\n", counter, atomic_read(&made.count));
	return 0;
}
