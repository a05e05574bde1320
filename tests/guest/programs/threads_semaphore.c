/* A semaphore of three: seven threads, never more than three inside. */
#include <asm/semaphore.h>
#include <linux/delay.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/sched.h>

static struct semaphore room;
static DECLARE_MUTEX(one);
static DEFINE_SEMAPHORE(later);
static DEFINE_SEMAPHORE(two, 2);
static DECLARE_MUTEX_LOCKED(end);
static int inside, most, failed;

static int guest(void *data)
{
	int n = (long)data;

	if (n & 1)
		down(&room);
	else if (down_interruptible(&room))
		failed++;
	most = max(most, ++inside);
	printk("%s in, %d inside\n", current->comm, inside);
	msleep(8 + 4 * n);
	inside--;
	up(&room);
	up(&end);
	return 0;
}

static int hammer(void *data)
{
	int i;

	for (i = 0; i < 40; i++) {
		down(&two);
		most = max(most, ++inside);
		if (i % 3 == 0)
			yield();
		inside--;
		up(&two);
		if (i % 4 == 0)
			yield();
	}
	up(&end);
	return 0;
}

int main(int argc, char **argv)
{
	int i;

	sema_init(&room, 3);
	for (i = 0; i < 7; i++)
		kthread_run(guest, (void *)(long)i, "guest/%d", i);
	yield();
	i = down_trylock(&room);
	printk("room for more: %s, count %d\n", i ? "no" : "yes", atomic_read(&room.count));
	for (i = 0; i < 7; i++)
		down(&end);
	printk("at most %d, failed %d, count %d, sleepers %d\n", most, failed, atomic_read(&room.count), room.sleepers);
	for (i = 0; !down_trylock(&room); i++)
		;
	printk("free places %d\n", i);

	most = 0;
	for (i = 0; i < 6; i++)
		kthread_run(hammer, NULL, "hammer/%d", i);
	for (i = 0; i < 6; i++)
		down(&end);
	printk("at most %d, count %d, sleepers %d\n", most, atomic_read(&two.count), two.sleepers);
	down(&one);
	down(&later);
	printk("mutexes %d %d\n", down_trylock(&one), down_trylock(&later));
	return 0;
}
