#ifndef _LINUX_WORKQUEUE_H
#define _LINUX_WORKQUEUE_H

#include <linux/bitops.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/timer.h>
#include <linux/wait.h>

/*
 * Functions that a kernel thread calls, one behind the other: func(work); up to 2.6.19 func(data), and a work could
 * be delayed itself. The threads are the program's own: it waits for its works before it ends (flush, cancel, destroy).
 */
struct workqueue_struct;
struct work_struct;
typedef void (*work_func_t)(struct work_struct *work);

struct work_struct {
	struct list_head entry;		/* empty: it does not wait in a queue */
	void *func;
	void *data;
	struct workqueue_struct *queue;
	struct timer_list timer;
};

struct delayed_work {
	struct work_struct work;
};

extern void __work_timer(unsigned long work);
#define __WORK_INITIALIZER(name, function, argument) \
	{ .entry = LIST_HEAD_INIT((name).entry), .func = (function), .data = (argument), \
	  .timer = TIMER_INITIALIZER(__work_timer, 0, (unsigned long)&(name)) }
#define __DECLARE_WORK_2(name, function) \
	struct work_struct name = __WORK_INITIALIZER(name, function, &name)
#define __DECLARE_WORK_3(name, function, argument) \
	struct work_struct name = __WORK_INITIALIZER(name, function, argument)
#define DECLARE_WORK(...)	__PASTE(__DECLARE_WORK_, __COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)
#define DECLARE_DELAYED_WORK(name, function) \
	struct delayed_work name = { __WORK_INITIALIZER(name.work, function, &name.work) }

extern void __init_work(struct work_struct *work, void *func, void *data);
#define __INIT_WORK_2(work, func)		__init_work(work, func, work)
#define __INIT_WORK_3(work, func, data)		__init_work(work, func, data)
#define INIT_WORK(...)	__PASTE(__INIT_WORK_, __COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)
#define INIT_DELAYED_WORK(dwork, func)		__init_work(&(dwork)->work, func, &(dwork)->work)
#define INIT_WORK_ONSTACK(work, func)		INIT_WORK(work, func)
#define INIT_DELAYED_WORK_ONSTACK(dwork, func)	INIT_DELAYED_WORK(dwork, func)
#define destroy_work_on_stack(work)		((void)(work))

#define to_delayed_work(w)	container_of(w, struct delayed_work, work)
#define work_pending(w)		(!list_empty(&(w)->entry) || timer_pending(&(w)->timer))
#define delayed_work_pending(dwork)	work_pending(&(dwork)->work)

/* The queue of all, whose thread is there while there is work. */
extern struct workqueue_struct *system_wq;
#define system_long_wq		system_wq
#define system_unbound_wq	system_wq
#define system_highpri_wq	system_wq

/* A queue with a thread of its own: NULL where there is no memory. One thread serves all CPUs. */
#define WQ_UNBOUND		2
#define WQ_FREEZABLE		4
#define WQ_MEM_RECLAIM		8
#define WQ_HIGHPRI		16
#define WQ_CPU_INTENSIVE	32
extern struct workqueue_struct *__create_workqueue(const char *fmt, ...) __printf(1, 2);
#define create_workqueue(name)			__create_workqueue("%s", name)
#define create_singlethread_workqueue(name)	__create_workqueue("%s", name)
#define create_freezable_workqueue(name)	__create_workqueue("%s", name)
#define alloc_workqueue(fmt, flags, max_active, ...)	__create_workqueue(fmt, ##__VA_ARGS__)
#define alloc_ordered_workqueue(fmt, flags, ...)	__create_workqueue(fmt, ##__VA_ARGS__)
extern void destroy_workqueue(struct workqueue_struct *wq);
extern void flush_workqueue(struct workqueue_struct *wq);
#define drain_workqueue(wq)		flush_workqueue(wq)
#define flush_scheduled_work()		flush_workqueue(system_wq)

/* 0 where it waits already. */
extern int queue_work(struct workqueue_struct *wq, struct work_struct *work);
extern int __queue_delayed_work(struct workqueue_struct *wq, struct work_struct *work, unsigned long delay);
extern int __mod_delayed_work(struct workqueue_struct *wq, struct work_struct *work, unsigned long delay);
#define __delayed_work(work)		((struct work_struct *)(work))	/* of either kind */
#define queue_delayed_work(wq, work, delay)	__queue_delayed_work(wq, __delayed_work(work), delay)
#define mod_delayed_work(wq, work, delay)	__mod_delayed_work(wq, __delayed_work(work), delay)
#define queue_work_on(cpu, wq, work)	((void)(cpu), queue_work(wq, work))
#define schedule_work(work)		queue_work(system_wq, work)
#define schedule_work_on(cpu, work)	((void)(cpu), schedule_work(work))
#define schedule_delayed_work(work, delay)	queue_delayed_work(system_wq, work, delay)

/* 1 where it waited: it does so no longer. "sync": nor does it run. */
extern int __cancel_work(struct work_struct *work, bool sync);
#define cancel_work(work)		__cancel_work(work, false)
#define cancel_work_sync(work)		__cancel_work(work, true)
#define cancel_delayed_work(work)	__cancel_work(__delayed_work(work), false)
#define cancel_delayed_work_sync(work)	__cancel_work(__delayed_work(work), true)
#define cancel_rearming_delayed_work(work)	cancel_delayed_work_sync(work)

/* Until it has run, if it waits or runs: whether it did. */
extern bool flush_work(struct work_struct *work);
#define flush_delayed_work(dwork)	flush_work(&(dwork)->work)
extern struct work_struct *current_work(void);

#endif
