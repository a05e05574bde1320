/*
 * Three who share a shelf of four places: a producer that fills it, a consumer that empties it, more slowly, and a
 * timer that looks at it five times a second. Nobody polls: each sleeps until there is something to do.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/timer.h>
#include <linux/wait.h>

enum { PLACES = 4, LOAVES = 10 };

struct loaf {
	struct list_head list;
	int number;
};

static LIST_HEAD(shelf);
static DEFINE_MUTEX(shelf_mutex);	/* guards the list */
static atomic_t on_shelf = ATOMIC_INIT(0);
static DECLARE_WAIT_QUEUE_HEAD(room);
static DECLARE_WAIT_QUEUE_HEAD(bread);
static DECLARE_COMPLETION(all_baked);
static unsigned long start;

static unsigned int ms(void)
{
	return jiffies_to_msecs(jiffies - start);
}

/* "0.120  baker  loaf 3 at c1282c40": in one call, for a timer may come between two. */
#define say(who, fmt, ...)	printk("%u.%03u  %-7s" fmt, ms() / 1000, ms() % 1000, who, ##__VA_ARGS__)

static int bake(void *data)
{
	int i;

	for (i = 1; i <= LOAVES; i++) {
		struct loaf *loaf = kmalloc(sizeof(*loaf), GFP_KERNEL);

		if (!loaf)
			break;
		loaf->number = i;
		msleep(36);
		if (atomic_read(&on_shelf) == PLACES)
			say(current->comm, "the shelf is full, waiting with loaf %d\n", i);
		wait_event(room, atomic_read(&on_shelf) < PLACES);
		mutex_lock(&shelf_mutex);
		list_add_tail(&loaf->list, &shelf);
		atomic_inc(&on_shelf);
		mutex_unlock(&shelf_mutex);
		say(current->comm, "loaf %d at %p\n", i, loaf);
		wake_up(&bread);
	}
	complete_and_exit(&all_baked, 0);
}

static int eat(void *data)
{
	int eaten = 0;

	for (;;) {
		struct loaf *loaf;

		wait_event(bread, atomic_read(&on_shelf) || kthread_should_stop());
		if (!atomic_read(&on_shelf))
			return eaten;
		mutex_lock(&shelf_mutex);
		loaf = list_first_entry(&shelf, struct loaf, list);
		list_del(&loaf->list);
		atomic_dec(&on_shelf);
		mutex_unlock(&shelf_mutex);
		wake_up(&room);
		say(current->comm, "eats loaf %d\n", loaf->number);
		kfree(loaf);
		eaten++;
		msleep(96);
	}
}

/* In softirq context, on the stack of whoever runs. */
static void look(unsigned long data)
{
	struct timer_list *timer = (struct timer_list *)data;
	char picture[PLACES + 1];
	int i, n = atomic_read(&on_shelf);

	for (i = 0; i < PLACES; i++)
		picture[i] = i < n ? 'o' : '.';
	picture[PLACES] = 0;
	say("timer", "[%s]\n", picture);
	mod_timer(timer, timer->expires + HZ / 5);
}

int main(int argc, char **argv)
{
	struct task_struct *baker, *eater;
	struct timer_list timer;
	int eaten;

	start = jiffies;
	eater = kthread_run(eat, NULL, "eater");
	if (IS_ERR(eater))
		return 1;
	baker = kthread_run(bake, NULL, "baker");
	if (IS_ERR(baker)) {
		kthread_stop(eater);
		return 1;
	}
	setup_timer(&timer, look, (unsigned long)&timer);
	mod_timer(&timer, start + HZ / 5);
	say("main", "%s: pid %d, stack at %p; %s: pid %d, stack at %p\n", baker->comm, baker->pid,
	    task_stack_page(baker), eater->comm, eater->pid, task_stack_page(eater));
	wait_for_completion(&all_baked);
	say("main", "all is baked\n");
	eaten = kthread_stop(eater);
	del_timer_sync(&timer);
	say("main", "%d loaves eaten, %d on the shelf\n", eaten, atomic_read(&on_shelf));
	return eaten != LOAVES;
}
