/* Timers wait while softirqs or interrupts are off, or one of them is at work, and come afterwards. */
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/timer.h>

static struct timer_list timer, slow;
static DEFINE_SPINLOCK(lock);

static void run(unsigned long data)
{
	printk("  timer, preempt_count %08x\n", preempt_count());
}

static void run_slowly(unsigned long data)
{
	mdelay(20);
	printk("  slow timer ends, the other one %s\n", timer_pending(&timer) ? "is pending" : "has run");
}

static void wait_inside(void *data)
{
	mdelay(20);
	printk("  inside: %s\n", timer_pending(&timer) ? "pending" : "has run");
}

#define TRY(begin, end) do {						\
	printk("%s:\n", #begin);					\
	mod_timer(&timer, jiffies + 1);					\
	begin;								\
	wait_inside(NULL);						\
	end;								\
	mdelay(8);							\
} while (0)

int main(int argc, char **argv)
{
	unsigned long flags;

	setup_timer(&timer, run, 0);
	setup_timer(&slow, run_slowly, 0);
	TRY(preempt_disable(), preempt_enable());
	TRY(spin_lock(&lock), spin_unlock(&lock));
	TRY(local_bh_disable(), local_bh_enable());
	TRY(spin_lock_bh(&lock), spin_unlock_bh(&lock));
	TRY(local_irq_disable(), local_irq_enable());
	TRY(spin_lock_irqsave(&lock, flags), spin_unlock_irqrestore(&lock, flags));
	printk("in an interrupt:\n");
	mod_timer(&timer, jiffies + 1);
	run_in_irq(wait_inside, NULL);
	mdelay(8);
	printk("in a softirq:\n");
	mod_timer(&timer, jiffies + 1);
	run_in_softirq(wait_inside, NULL);
	mdelay(8);
	printk("in a timer:\n");
	mod_timer(&slow, jiffies + 1);
	mod_timer(&timer, jiffies + 2);
	msleep(100);
	return 0;
}
