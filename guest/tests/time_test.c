/* Timers, sleep, and what runs in interrupts. */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/hardirq.h>
#include <linux/interrupt.h>
#include <linux/jiffies.h>
#include <linux/spinlock.h>
#include <linux/timer.h>

static unsigned long rang_at, softirq;
static int rings;

static void ring(unsigned long data)
{
	rang_at = jiffies;
	softirq = in_softirq();
	rings += data;
}

static void a_timer_rings_when_it_is_due(struct kunit *test)
{
	unsigned long start = jiffies;
	struct timer_list timer;

	rings = 0;
	setup_timer(&timer, ring, 1);
	timer.expires = start + 10;
	add_timer(&timer);
	KUNIT_EXPECT_TRUE(test, timer_pending(&timer));
	msleep(9 * 1000 / HZ - 1000 / HZ);
	KUNIT_EXPECT_EQ(test, rings, 0);
	msleep(100);
	KUNIT_EXPECT_EQ(test, rings, 1);
	KUNIT_EXPECT_EQ(test, rang_at - start, 10UL);
	KUNIT_EXPECT_NE_MSG(test, softirq, 0, "on behalf of the timer interrupt");
	KUNIT_EXPECT_FALSE(test, timer_pending(&timer));
	KUNIT_EXPECT_EQ_MSG(test, del_timer(&timer), 0, "it is over");
}

static void a_timer_is_moved_and_taken_back(struct kunit *test)
{
	struct timer_list timer;

	rings = 0;
	setup_timer(&timer, ring, 1);
	KUNIT_EXPECT_EQ(test, mod_timer(&timer, jiffies + 5), 0);
	KUNIT_EXPECT_EQ(test, mod_timer(&timer, jiffies + 50), 1);
	msleep(10 * 1000 / HZ);
	KUNIT_EXPECT_EQ(test, rings, 0);
	KUNIT_EXPECT_EQ(test, del_timer(&timer), 1);
	KUNIT_EXPECT_EQ(test, try_to_del_timer_sync(&timer), 0);
	msleep(100 * 1000 / HZ);
	KUNIT_EXPECT_EQ(test, rings, 0);
}

static void sleep_takes_its_time(struct kunit *test)
{
	unsigned long start = jiffies;

	msleep(100);
	KUNIT_EXPECT_GE(test, jiffies_to_msecs(jiffies - start), 100);
	KUNIT_EXPECT_LE(test, jiffies_to_msecs(jiffies - start), 120);
	KUNIT_EXPECT_EQ(test, msecs_to_jiffies(1), 1);
	KUNIT_EXPECT_TRUE(test, time_after(jiffies, start) && time_before(start, jiffies));
	KUNIT_EXPECT_TRUE(test, time_after(5UL, ~5UL));	/* over the turn of the counter */
}

static DEFINE_SPINLOCK(lock);
static unsigned long counts[3];
static void *from_irq;

static void in_handler(void *data)
{
	counts[(long)data] = preempt_count();
	if (in_irq())
		from_irq = kmalloc(100, GFP_ATOMIC);
}

static void interrupts_are_counted(struct kunit *test)
{
	KUNIT_EXPECT_FALSE(test, in_interrupt());
	run_in_irq(in_handler, (void *)0);
	run_in_softirq(in_handler, (void *)1);
	KUNIT_EXPECT_EQ(test, counts[0], HARDIRQ_OFFSET);
	KUNIT_EXPECT_EQ(test, counts[1], SOFTIRQ_OFFSET);
	KUNIT_ASSERT_NOT_NULL_MSG(test, from_irq, "GFP_ATOMIC works where nobody may sleep");
	kfree(from_irq);
	KUNIT_EXPECT_EQ(test, preempt_count(), 0);
}

static void locks_turn_interrupts_off(struct kunit *test)
{
	unsigned long flags;

	KUNIT_EXPECT_FALSE(test, irqs_disabled());
	spin_lock_irqsave(&lock, flags);
	KUNIT_EXPECT_TRUE(test, irqs_disabled() && in_atomic());
	spin_unlock_irqrestore(&lock, flags);
	KUNIT_EXPECT_FALSE(test, irqs_disabled() || in_atomic());
	spin_lock_bh(&lock);
	KUNIT_EXPECT_TRUE(test, in_softirq());
	spin_unlock_bh(&lock);
	cpu_relax();
	KUNIT_EXPECT_FALSE(test, in_interrupt());
}

static struct kunit_case cases[] = {
	KUNIT_CASE(a_timer_rings_when_it_is_due),
	KUNIT_CASE(a_timer_is_moved_and_taken_back),
	KUNIT_CASE(sleep_takes_its_time),
	KUNIT_CASE(interrupts_are_counted),
	KUNIT_CASE(locks_turn_interrupts_off),
	{}
};

static struct kunit_suite suite = { .name = "time", .test_cases = cases };
kunit_test_suite(suite);
MODULE_LICENSE("MIT");
