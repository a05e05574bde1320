/* Contexts where nobody may sleep, what preempt_count says in them, and the complaints about those who try. */
#include <linux/delay.h>
#include <linux/hardirq.h>
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/uaccess.h>

static DEFINE_SPINLOCK(lock);
static DEFINE_RWLOCK(rwlock);
static DEFINE_MUTEX(mutex);
static int failures;

static void look(const char *what)
{
	printk("%-24s %08x irq %d softirq %d interrupt %d atomic %d irqs_disabled %d\n", what, preempt_count(),
	       !!in_irq(), !!in_softirq(), !!in_interrupt(), in_atomic(), irqs_disabled());
}

static void handler(void *data)
{
	look(data);
}

static void nested(void *data)
{
	look(data);
	run_in_irq(handler, "irq in softirq");
	spin_lock(&lock);
	look("lock in softirq");
	spin_unlock(&lock);
}

/* Without complaint: an allocation that does not wait. */
static void allocate(void *data)
{
	void *p = kmalloc(100, GFP_ATOMIC);

	if (!p)
		failures++;
	kfree(p);
}

static void contexts(void)
{
	unsigned long flags;

	look("task");
	preempt_disable();
	look("preempt_disable");
	preempt_enable();
	spin_lock(&lock);
	look("spin_lock");
	read_lock(&rwlock);
	look("spin_lock, read_lock");
	read_unlock(&rwlock);
	spin_unlock(&lock);
	spin_lock_irqsave(&lock, flags);
	look("spin_lock_irqsave");
	spin_unlock_irqrestore(&lock, flags);
	spin_lock_irq(&lock);
	look("spin_lock_irq");
	spin_unlock_irq(&lock);
	write_lock_bh(&rwlock);
	look("write_lock_bh");
	write_unlock_bh(&rwlock);
	if (spin_trylock(&lock)) {
		look("spin_trylock");
		spin_unlock(&lock);
	}
	local_bh_disable();
	look("local_bh_disable");
	local_bh_enable();
	local_irq_disable();
	look("local_irq_disable");
	local_irq_enable();
	local_irq_save(flags);
	local_irq_restore(flags);
	pagefault_disable();
	look("pagefault_disable");
	pagefault_enable();
	run_in_irq(handler, "irq");
	run_in_softirq(nested, "softirq");
	run_in_irq(allocate, NULL);
	run_in_softirq(allocate, NULL);
	spin_lock_irq(&lock);
	allocate(NULL);
	spin_unlock_irq(&lock);
	look("task");
}

static void wait(void)
{
	msleep(1100);	/* the complaint comes once a second at most */
}

static void might(void *data)
{
	might_sleep();
}

static void take_mutex(void *data)
{
	mutex_lock(&mutex);
	mutex_unlock(&mutex);
}

int main(int argc, char **argv)
{
	if (!strcmp(argv[1], "contexts")) {
		contexts();
	} else if (!strcmp(argv[1], "might_sleep")) {
		might_sleep();
		preempt_disable();
		might_sleep();
		might_sleep();
		preempt_enable();
		wait();
		local_irq_disable();
		might_sleep();
		local_irq_enable();
		wait();
		spin_lock(&lock);
		take_mutex(NULL);
		spin_unlock(&lock);
		wait();
		run_in_irq(might, NULL);
		wait();
		run_in_softirq(take_mutex, NULL);
	} else if (!strcmp(argv[1], "schedule")) {
		spin_lock(&lock);
		schedule();
		spin_unlock(&lock);
		preempt_disable();
		schedule_timeout_uninterruptible(2);
		preempt_enable();
		look("task");
	} else if (!strcmp(argv[1], "sleep_in_irq")) {
		run_in_irq((void (*)(void *))msleep, (void *)10);
	}
	printk("goes on, %d failures\n", failures);
	return failures;
}
