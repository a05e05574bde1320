#ifndef _LINUX_RATELIMIT_H
#define _LINUX_RATELIMIT_H

#include <linux/jiffies.h>
#include <linux/printk.h>

/* At most `burst` times in `interval` jiffies, always where that is 0. */
struct ratelimit_state {
	int interval, burst, printed, missed;
	unsigned long begin;
};
#define DEFAULT_RATELIMIT_INTERVAL	(5 * HZ)
#define DEFAULT_RATELIMIT_BURST		10
#define RATELIMIT_STATE_INIT(name, interval_, burst_)	{ .interval = (interval_), .burst = (burst_) }
#define DEFINE_RATELIMIT_STATE(name, interval, burst) \
	struct ratelimit_state name = RATELIMIT_STATE_INIT(name, interval, burst)

static inline void ratelimit_state_init(struct ratelimit_state *state, int interval, int burst)
{
	*state = (struct ratelimit_state) { .interval = interval, .burst = burst };
}

static inline int __ratelimit(struct ratelimit_state *state)
{
	if (state->interval <= 0 || state->burst <= 0) {
		state->begin = 0;
		return !state->interval || state->burst > 0;
	}
	if (!state->begin || time_after(jiffies, state->begin + state->interval)) {
		state->begin = jiffies | 1;
		state->printed = 0;
	}
	if (state->printed < state->burst)
		return ++state->printed;
	state->missed++;
	return 0;
}

#define ___ratelimit(state, function)	((void)(function), __ratelimit(state))

#define printk_ratelimited(fmt, ...) do {				\
	static DEFINE_RATELIMIT_STATE(__state, DEFAULT_RATELIMIT_INTERVAL, DEFAULT_RATELIMIT_BURST); \
	if (__ratelimit(&__state))					\
		printk(fmt, ##__VA_ARGS__);				\
} while (0)
#define pr_emerg_ratelimited(fmt, ...)	printk_ratelimited(KERN_EMERG pr_fmt(fmt), ##__VA_ARGS__)
#define pr_alert_ratelimited(fmt, ...)	printk_ratelimited(KERN_ALERT pr_fmt(fmt), ##__VA_ARGS__)
#define pr_err_ratelimited(fmt, ...)	printk_ratelimited(KERN_ERR pr_fmt(fmt), ##__VA_ARGS__)
#define pr_warn_ratelimited(fmt, ...)	printk_ratelimited(KERN_WARNING pr_fmt(fmt), ##__VA_ARGS__)
#define pr_notice_ratelimited(fmt, ...)	printk_ratelimited(KERN_NOTICE pr_fmt(fmt), ##__VA_ARGS__)
#define pr_info_ratelimited(fmt, ...)	printk_ratelimited(KERN_INFO pr_fmt(fmt), ##__VA_ARGS__)
#define pr_debug_ratelimited(fmt, ...)	do { } while (0)

#endif
