#ifndef _LINUX_TIMER_H
#define _LINUX_TIMER_H

#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/list.h>

/* When jiffies reaches timer->expires, timer->function(timer->data) is called, once, in softirq context. */

#define TIMER_INITIALIZER(_function, _expires, _data) \
	{ .function = (void *)(_function), .expires = (_expires), .data = (_data) }

/* DEFINE_TIMER(name, function, expires, data); later kernels have DEFINE_TIMER(name, function), which gets the timer. */
#define __DEFINE_TIMER_4(name, _function, _expires, _data) \
	struct timer_list name = TIMER_INITIALIZER(_function, _expires, _data)
#define __DEFINE_TIMER_2(name, _function) \
	struct timer_list name = TIMER_INITIALIZER(_function, 0, (unsigned long)&(name))
#define DEFINE_TIMER(...)	__PASTE(__DEFINE_TIMER_, __COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)

static inline void init_timer(struct timer_list *timer)
{
	timer->entry.next = NULL;
}

static inline void setup_timer(struct timer_list *timer, void (*function)(unsigned long), unsigned long data)
{
	timer->function = function;
	timer->data = data;
	init_timer(timer);
}

/* Of later kernels: the function gets the timer, and finds by from_timer() what the timer is a part of. */
static inline void timer_setup(struct timer_list *timer, void (*function)(struct timer_list *), unsigned int flags)
{
	timer->function = function;
	timer->data = (unsigned long)timer;
	init_timer(timer);
}

#define from_timer(var, timer, member)	container_of(timer, typeof(*var), member)

static inline int timer_pending(const struct timer_list *timer)
{
	return timer->entry.next != NULL;
}

/* Stops a timer; where it returns, its function does not run on any CPU. */
static inline int del_timer_sync(struct timer_list *timer)
{
	int stopped;

	while ((stopped = try_to_del_timer_sync(timer)) < 0)
		__cpu_relax();
	return stopped;
}

#define del_singleshot_timer_sync(timer)	del_timer_sync(timer)
#define timer_delete(timer)		del_timer(timer)
#define timer_delete_sync(timer)	del_timer_sync(timer)
#define init_timer_deferrable(timer)	init_timer(timer)

#define round_jiffies(j)		__round_jiffies(j)
#define round_jiffies_relative(j)	(__round_jiffies((j) + jiffies) - jiffies)

/* To a full second, so that many timers may come due together; never into the past. */
static inline unsigned long __round_jiffies(unsigned long j)
{
	unsigned long over = j % HZ, rounded = over < HZ / 4 ? j - over : j - over + HZ;

	return time_after(rounded, jiffies) ? rounded : j;
}

#include <generated/calls/sched.h>

#endif
