#ifndef _LINUX_TIMEKEEPING_H
#define _LINUX_TIMEKEEPING_H

#include <linux/ktime.h>
#include <linux/time.h>

/* There is no clock of the world outside: its year 1970 begins with the boot. */
#define ktime_get_real()	ktime_get()
#define ktime_get_boottime()	ktime_get()
#define ktime_get_raw()		ktime_get()
#define ktime_get_coarse()	ktime_get()
#define ktime_get_coarse_real()	ktime_get()
#define ktime_get_clocktai()	ktime_get()
#define ktime_get_real_ns()	ktime_get_ns()
#define ktime_get_boottime_ns()	ktime_get_ns()
#define ktime_get_raw_ns()	ktime_get_ns()
#define ktime_get_coarse_ns()	ktime_get_ns()
#define ktime_get_mono_fast_ns()	ktime_get_ns()
#define ktime_get_seconds()	((time64_t)div_u64(ktime_get_ns(), NSEC_PER_SEC))
#define ktime_get_real_seconds()	ktime_get_seconds()
#define ktime_get_boottime_seconds()	ktime_get_seconds()
#define sched_clock()		ktime_get_ns()
#define local_clock()		ktime_get_ns()

#define ktime_get_ts64(ts)	((void)(*(ts) = ns_to_timespec64(ktime_get())))
#define ktime_get_real_ts64(ts)	ktime_get_ts64(ts)
#define ktime_get_boottime_ts64(ts)	ktime_get_ts64(ts)
#define ktime_get_raw_ts64(ts)	ktime_get_ts64(ts)
#define ktime_get_coarse_ts64(ts)	ktime_get_ts64(ts)
#define ktime_get_coarse_real_ts64(ts)	ktime_get_ts64(ts)

/* Of 2.6.20. */
#define do_gettimeofday(tv)	((void)(*(tv) = ns_to_timeval(ktime_get())))
#define getnstimeofday(ts)	((void)(*(ts) = ns_to_timespec(ktime_get())))
#define ktime_get_ts(ts)	getnstimeofday(ts)
#define current_kernel_time()	ns_to_timespec(ktime_get())
#define CURRENT_TIME		current_kernel_time()
#define CURRENT_TIME_SEC	((struct timespec) { get_seconds(), 0 })
#define get_seconds()		((unsigned long)ktime_get_seconds())

#endif
