/* jiffies wraps round five minutes after boot: nothing that compares times as it should notices. */
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/timer.h>

static u64 booted;

static void show(unsigned long data)
{
	printk("timer %lu at %lu\n", data, jiffies);
}

int main(int argc, char **argv)
{
	struct timer_list before, at, after;
	unsigned long start;
	long left;

	printk("%lu: %u ms, %u us, round up %lu %lu, most %lx %x\n", INITIAL_JIFFIES, jiffies_to_msecs(250),
	       jiffies_to_usecs(1), msecs_to_jiffies(5), usecs_to_jiffies(4001), msecs_to_jiffies(-1),
	       msecs_to_jiffies(0x7fffffff) == 0x20000000);
	booted = INITIAL_JIFFIES;
	msleep(4 * (-10 - jiffies - 1));
	start = jiffies;
	printk("at %ld\n", (long)start);
	setup_timer(&after, show, 3);
	mod_timer(&after, start + 15);
	setup_timer(&before, show, 1);
	mod_timer(&before, start + 5);
	setup_timer(&at, show, 2);
	mod_timer(&at, start + 10);
	left = schedule_timeout_interruptible(20);
	printk("left %ld, at %lu\n", left, jiffies);
	printk("after %d, before %d, in range %d, 64 bits %d\n", time_after(jiffies, start), time_before(jiffies, start),
	       time_in_range(0UL, start, jiffies), get_jiffies_64() - booted == 300 * HZ + 10);
	return 0;
}
