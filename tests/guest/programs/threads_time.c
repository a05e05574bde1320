/* Sleeping, waiting for a time and timers, measured in jiffies. */
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/timer.h>
#include <linux/wait.h>

static unsigned long start;
static DECLARE_WAIT_QUEUE_HEAD(queue);
static int flag, ticks;

struct box {
	int number;
	struct timer_list timer;
};

static void show(unsigned long data)
{
	printk("timer %c at %lu%s%s%s\n", (int)data, jiffies - start, in_softirq() ? " softirq" : "",
	       in_irq() ? " irq" : "", in_atomic() ? " atomic" : "");
}

static void show_box(struct timer_list *timer)
{
	struct box *box = from_timer(box, timer, timer);

	printk("box %d at %lu\n", box->number, jiffies - start);
}

static DEFINE_TIMER(static_timer, show, 0, 'S');
static DEFINE_TIMER(short_form, show_box);

static void again(unsigned long data)
{
	struct timer_list *timer = (struct timer_list *)data;

	printk("tick %d at %lu\n", ++ticks, jiffies - start);
	if (ticks < 3)
		mod_timer(timer, jiffies + 5);
}

static void raise_flag(unsigned long data)
{
	flag = 1;
	wake_up(&queue);
}

#define MEASURE(call) do {						\
	unsigned long before;						\
	long result;							\
	schedule_timeout_uninterruptible(1);	/* to the start of a jiffy */ \
	before = jiffies;						\
	result = (call);						\
	printk("%s: %ld, %lu jiffies\n", #call, result, jiffies - before); \
} while (0)

int main(int argc, char **argv)
{
	struct timer_list a, b, c, flagger;
	static struct timer_list repeated;
	struct box box = { .number = 17 };

	MEASURE((msleep(0), 0));
	MEASURE((msleep(1), 0));
	MEASURE((msleep(4), 0));
	MEASURE((msleep(20), 0));
	MEASURE((ssleep(2), 0));
	MEASURE(msleep_interruptible(100));
	MEASURE(schedule_timeout_interruptible(3));
	MEASURE(schedule_timeout(3));
	MEASURE((mdelay(20), 0));
	MEASURE((udelay(8000), 0));
	MEASURE((usleep_range(9000, 10000), 0));

	setup_timer(&flagger, raise_flag, 0);
	MEASURE(wait_event_timeout(queue, flag, 10));
	mod_timer(&flagger, jiffies + 5);
	MEASURE(wait_event_timeout(queue, flag, 10));
	MEASURE(wait_event_timeout(queue, flag, 10));
	flag = 0;
	MEASURE(wait_event_interruptible_timeout(queue, flag, 10));
	mod_timer(&flagger, jiffies + 5);
	MEASURE(wait_event_interruptible_timeout(queue, flag, 10));

	schedule_timeout_uninterruptible(1);
	start = jiffies;
	init_timer(&a);
	a.function = show;
	a.data = 'A';
	a.expires = start + 30;
	add_timer(&a);
	setup_timer(&b, show, 'B');
	printk("mod_timer %d", mod_timer(&b, start + 20));
	printk(" %d\n", mod_timer(&b, start + 10));
	setup_timer(&c, show, 'C');
	mod_timer(&c, start + 10);	/* behind B */
	printk("pending %d", timer_pending(&c));
	mod_timer(&static_timer, start + 15);
	timer_setup(&box.timer, show_box, 0);
	mod_timer(&box.timer, start + 25);
	setup_timer(&repeated, again, (unsigned long)&repeated);
	mod_timer(&repeated, start + 12);
	printk(" %d", del_timer(&static_timer));
	printk(" %d", del_timer(&static_timer));
	printk(" %d\n", timer_pending(&static_timer));
	mod_timer(&static_timer, start - 100);	/* in the past: at the next tick */
	msleep(200);
	printk("pending %d %d %d, short form %d\n", timer_pending(&a), timer_pending(&b), timer_pending(&repeated),
	       short_form.data == (unsigned long)&short_form);

	start = jiffies;
	mod_timer(&a, start + 2);
	while (timer_pending(&a))
		cpu_relax();
	printk("busy until %lu\n", jiffies - start);
	return 0;
}
