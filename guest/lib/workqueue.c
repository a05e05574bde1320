/* Works and the threads that do them: as kernel/workqueue.c. */
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include "lib.h"

struct workqueue_struct {
	spinlock_t lock;
	struct list_head works;
	wait_queue_head_t more, done;	/* for the thread; for who waits until all is done */
	struct task_struct *thread;
	struct work_struct *current_work;
	bool stays;			/* the thread waits for more */
	char name[16];
};

static struct workqueue_struct events = {
	.lock = __SPIN_LOCK_UNLOCKED(events.lock), .works = LIST_HEAD_INIT(events.works),
	.more = __WAIT_QUEUE_HEAD_INITIALIZER(events.more), .done = __WAIT_QUEUE_HEAD_INITIALIZER(events.done),
	.name = "events",
};
LIB struct workqueue_struct *system_wq = &events;

/* The next work is called; false where there is none. */
static bool work_on(struct workqueue_struct *wq)
{
	struct work_struct *work = NULL;
	void (*func)(void *data) = NULL;
	void *data = NULL;

	spin_lock_irq(&wq->lock);
	if (!list_empty(&wq->works)) {
		work = list_entry(wq->works.next, struct work_struct, entry);
		list_del_init(&work->entry);
		func = work->func;
		data = work->data;
	}
	wq->current_work = work;
	spin_unlock_irq(&wq->lock);
	if (work)
		func(data);	/* which may free the work */
	wq->current_work = NULL;
	wake_up_all(&wq->done);
	return work != NULL;
}

static int worker(void *data)
{
	struct workqueue_struct *wq = data;

	for (;;) {
		while (work_on(wq))
			;
		if (!wq->stays)
			break;
		wait_event(wq->more, !list_empty(&wq->works) || kthread_should_stop());
		if (kthread_should_stop() && list_empty(&wq->works))
			return 0;
	}
	wq->thread = NULL;
	wake_up_all(&wq->done);
	return 0;
}

/*
 * The thread does what waits. That of the queue of all ends when nothing does, and is made anew. In the kernel it is
 * always there: so a timer or who holds a lock gets it made too, while there is memory that nobody need wait for; but
 * with interrupts off the work waits for the next who comes.
 */
static void start(struct workqueue_struct *wq)
{
	unsigned int count = preempt_count();

	if (wq->stays) {
		wake_up(&wq->more);
		return;
	}
	if (list_empty(&wq->works) || wq->thread || irqs_disabled() || nr_free_pages() < 64)
		return;
	preempt_count() = 0;
	wq->thread = kthread_create(worker, wq, "%s/0", wq->name);
	preempt_count() = count;
	if (IS_ERR(wq->thread))
		wq->thread = NULL;
	else
		wake_up_process(wq->thread);
}

static void put(struct workqueue_struct *wq, struct work_struct *work)
{
	unsigned long flags;

	spin_lock_irqsave(&wq->lock, flags);
	list_add_tail(&work->entry, &wq->works);
	work->queue = wq;
	spin_unlock_irqrestore(&wq->lock, flags);
	start(wq);
}

LIB void __work_timer(unsigned long data)
{
	struct work_struct *work = (struct work_struct *)data;

	put(work->queue, work);
}

LIB void __init_work(struct work_struct *work, void *func, void *data)
{
	INIT_LIST_HEAD(&work->entry);
	work->func = func;
	work->data = data;
	work->queue = NULL;
	setup_timer(&work->timer, __work_timer, (unsigned long)work);
}

LIB int queue_work(struct workqueue_struct *wq, struct work_struct *work)
{
	if (work_pending(work))
		return 0;
	put(wq, work);
	return 1;
}

LIB int __queue_delayed_work(struct workqueue_struct *wq, struct work_struct *work, unsigned long delay)
{
	if (!delay)
		return queue_work(wq, work);
	if (work_pending(work))
		return 0;
	work->queue = wq;
	mod_timer(&work->timer, jiffies + delay);
	return 1;
}

LIB int __mod_delayed_work(struct workqueue_struct *wq, struct work_struct *work, unsigned long delay)
{
	int waited = __cancel_work(work, false);

	__queue_delayed_work(wq, work, delay);
	return waited;
}

LIB int __cancel_work(struct work_struct *work, bool sync)
{
	struct workqueue_struct *wq = work->queue;
	unsigned long flags;
	int waited;

	if (!wq)
		return 0;
	do {	/* it may have put itself back */
		waited = del_timer_sync(&work->timer);
		spin_lock_irqsave(&wq->lock, flags);
		waited |= !list_empty(&work->entry);
		list_del_init(&work->entry);
		spin_unlock_irqrestore(&wq->lock, flags);
		if (sync && current != wq->thread)
			wait_event(wq->done, wq->current_work != work);
	} while (sync && work_pending(work));
	if (sync && !wq->stays && list_empty(&wq->works) && current != wq->thread)
		wait_event(wq->done, !wq->thread);	/* the program may end now */
	return waited;
}

LIB bool flush_work(struct work_struct *work)
{
	struct workqueue_struct *wq = work->queue;

	if (!wq)
		return false;
	if (del_timer_sync(&work->timer))
		put(wq, work);
	if (list_empty(&work->entry) && wq->current_work != work)
		return false;
	start(wq);
	wait_event(wq->done, list_empty(&work->entry) && wq->current_work != work);
	return true;
}

LIB void flush_workqueue(struct workqueue_struct *wq)
{
	start(wq);
	if (wq->stays)
		wait_event(wq->done, list_empty(&wq->works) && !wq->current_work);
	else
		wait_event(wq->done, !wq->thread);
}

LIB struct workqueue_struct *__create_workqueue(const char *fmt, ...)
{
	struct workqueue_struct *wq = kzalloc(sizeof(*wq), GFP_KERNEL);
	va_list args;

	if (!wq)
		return NULL;
	va_start(args, fmt);
	vsnprintf(wq->name, sizeof(wq->name), fmt, args);
	va_end(args);
	spin_lock_init(&wq->lock);
	INIT_LIST_HEAD(&wq->works);
	init_waitqueue_head(&wq->more);
	init_waitqueue_head(&wq->done);
	wq->stays = true;
	wq->thread = kthread_run(worker, wq, "%s", wq->name);
	if (IS_ERR(wq->thread)) {
		kfree(wq);
		return NULL;
	}
	return wq;
}

LIB void destroy_workqueue(struct workqueue_struct *wq)
{
	flush_workqueue(wq);
	kthread_stop(wq->thread);
	kfree(wq);
}

LIB struct work_struct *current_work(void)
{
	return current == events.thread ? events.current_work : NULL;
}
