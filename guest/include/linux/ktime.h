#ifndef _LINUX_KTIME_H
#define _LINUX_KTIME_H

#include <linux/jiffies.h>
#include <linux/time64.h>

/* Nanoseconds since the boot, as exact as the tick. */
typedef s64 ktime_t;

#define ktime_get()		((ktime_t)((get_jiffies_64() - INITIAL_JIFFIES) * TICK_NSEC))
#define ktime_get_ns()		((u64)ktime_get())
#define ktime_to_ns(t)		((s64)(t))
#define ktime_to_us(t)		((s64)(t) / NSEC_PER_USEC)
#define ktime_to_ms(t)		((s64)(t) / NSEC_PER_MSEC)
#define ktime_set(s, ns)	((ktime_t)(s) * NSEC_PER_SEC + (ns))
#define ktime_add(a, b)		((a) + (b))
#define ktime_add_ns(a, ns)	((a) + (s64)(ns))
#define ktime_sub(a, b)		((a) - (b))
#define ktime_us_delta(a, b)	ktime_to_us(ktime_sub(a, b))
#define ktime_ms_delta(a, b)	ktime_to_ms(ktime_sub(a, b))
#define ktime_sub_ns(a, ns)	((a) - (s64)(ns))
#define ktime_add_us(a, us)	((a) + (s64)(us) * NSEC_PER_USEC)
#define ktime_add_ms(a, ms)	((a) + (s64)(ms) * NSEC_PER_MSEC)
#define ktime_divns(t, ns)	div64_s64(t, ns)
#define ns_to_ktime(ns)		((ktime_t)(ns))
#define us_to_ktime(us)		((ktime_t)(us) * NSEC_PER_USEC)
#define ms_to_ktime(ms)		((ktime_t)(ms) * NSEC_PER_MSEC)
#define timespec64_to_ktime(ts)	ktime_set((ts).tv_sec, (ts).tv_nsec)
#define ktime_to_timespec64(t)	ns_to_timespec64(t)
#define ktime_compare(a, b)	((a) < (b) ? -1 : (a) > (b))
#define ktime_before(a, b)	((a) < (b))
#define ktime_after(a, b)	((a) > (b))

#include <linux/timekeeping.h>

#endif
