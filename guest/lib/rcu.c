/* Read-copy-update: as kernel/rcupdate.c. */
#include <linux/cpumask.h>
#include <linux/interrupt.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/timer.h>
#include "lib.h"

/* Be on each CPU once: there, another task has given way. */
LIB void synchronize_rcu(void)
{
#ifdef CONFIG_SMP
	cpumask_t before = current->cpus_allowed;
	int cpu;

	for_each_online_cpu(cpu)
		set_cpus_allowed(current, cpumask_of_cpu(cpu));
	set_cpus_allowed(current, before);
#else
	schedule();
#endif
}

/*
 * Who cannot sleep leaves a callback here, and a timer looks at each tick whether its CPU reads. One CPU that does
 * not read is enough where it is the only one. Where there are more they work in turn: in so many ticks each has been
 * seen that is not idle.
 */
#ifdef CONFIG_SMP
#define QUIET_TICKS	(HZ / 10)
#else
#define QUIET_TICKS	1
#endif

struct callbacks {
	struct rcu_head *first, **end;
};

static struct callbacks waiting = { NULL, &waiting.first };	/* for the end of this grace period */
static struct callbacks coming = { NULL, &coming.first };	/* for the end of the next */
static DEFINE_SPINLOCK(lock);
static unsigned int quiet;

static void tick(unsigned long data);
static DEFINE_TIMER(ticker, tick, 0, 0);

static void move(struct callbacks *to, struct callbacks *from)
{
	*to->end = from->first;
	if (from->first)
		to->end = from->end;
	from->first = NULL;
	from->end = &from->first;
}

/* A number that is no address: how far the callback lies in what is to be freed. */
#define frees(head)	((unsigned long)(head)->func < PAGE_SIZE)
#define freed(head)	((void *)(head) - (unsigned long)(head)->func)

static void call(void *data)
{
	struct rcu_head *head = data;

	if (frees(head))
		kvfree(freed(head));
	else
		((rcu_callback_t)head->func)(head);
}

/* In a softirq. What vmalloc() gave cannot be freed there: that waits for rcu_barrier(). */
static void tick(unsigned long data)
{
	struct callbacks done = { NULL, &done.first };
	struct rcu_head *head, *next;
	bool reads = preempt_count() & PREEMPT_MASK;

	spin_lock(&lock);
	quiet = reads ? 0 : quiet + 1;
	if (quiet >= QUIET_TICKS) {
		move(&done, &waiting);
		move(&waiting, &coming);
		quiet = 0;
	}
	spin_unlock(&lock);
	for (head = done.first; head; head = next) {
		next = head->next;
		if (frees(head) && is_vmalloc_addr(freed(head))) {
			head->next = NULL;
			spin_lock(&lock);
			*coming.end = head;
			coming.end = &head->next;
			spin_unlock(&lock);
		} else {
			call(head);
		}
	}
	if (waiting.first)
		mod_timer(&ticker, jiffies + 1);
}

LIB void call_rcu(struct rcu_head *head, rcu_callback_t func)
{
	unsigned long flags;

	head->func = func;
	head->next = NULL;
	spin_lock_irqsave(&lock, flags);
	*coming.end = head;
	coming.end = &head->next;
	if (!waiting.first) {
		move(&waiting, &coming);
		quiet = 0;
		mod_timer(&ticker, jiffies + 1);
	}
	spin_unlock_irqrestore(&lock, flags);
}

LIB void rcu_barrier(void)
{
	struct callbacks done = { NULL, &done.first };
	struct rcu_head *head, *next;

	del_timer_sync(&ticker);
	spin_lock_irq(&lock);
	move(&done, &waiting);
	move(&done, &coming);
	spin_unlock_irq(&lock);
	if (!done.first)
		return;
	synchronize_rcu();
	for (head = done.first; head; head = next) {
		next = head->next;
		if (frees(head))
			call(head);
		else
			run_in_softirq(call, head);
	}
}

/*
 * Whether nobody reads, as far as this CPU can tell without sleeping: where it is the only one, and has interrupted
 * nobody who keeps it.
 */
static bool nobody_reads(void)
{
#ifdef CONFIG_SMP
	return false;
#else
	return !__rcu_readers && !(in_interrupt() && (preempt_count() & PREEMPT_MASK || in_irq()));
#endif
}

LIB void __kvfree_rcu(struct rcu_head *head, unsigned long offset)
{
	void *p = (void *)head - offset;

	if (preemptible()) {
		if (!nobody_reads())
			synchronize_rcu();
		kvfree(p);
	} else if (nobody_reads() && !(in_interrupt() && is_vmalloc_addr(p))) {
		kvfree(p);
	} else {
		call_rcu(head, (rcu_callback_t)offset);
	}
}
