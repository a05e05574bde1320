#ifndef _LINUX_TIME64_H
#define _LINUX_TIME64_H

#include <linux/math64.h>
#include <linux/types.h>

typedef __s64 time64_t;
typedef __u64 timeu64_t;

struct timespec64 {
	time64_t tv_sec;
	long tv_nsec;
};

struct itimerspec64 {
	struct timespec64 it_interval;
	struct timespec64 it_value;
};

#define MSEC_PER_SEC	1000L
#define USEC_PER_MSEC	1000L
#define NSEC_PER_USEC	1000L
#define NSEC_PER_MSEC	1000000L
#define USEC_PER_SEC	1000000L
#define NSEC_PER_SEC	1000000000L
#define PSEC_PER_SEC	1000000000000LL
#define FSEC_PER_SEC	1000000000000000LL
#define TIME64_MAX	((s64)~((u64)1 << 63))
#define TIME64_MIN	(-TIME64_MAX - 1)
#define KTIME_MAX	((s64)~((u64)1 << 63))
#define KTIME_SEC_MAX	(KTIME_MAX / NSEC_PER_SEC)

#define timespec64_equal(a, b)	((a)->tv_sec == (b)->tv_sec && (a)->tv_nsec == (b)->tv_nsec)
#define timespec64_valid(ts)	((ts)->tv_sec >= 0 && (unsigned long)(ts)->tv_nsec < NSEC_PER_SEC)

/* Below, at or above 0, as strcmp. */
static inline int timespec64_compare(const struct timespec64 *a, const struct timespec64 *b)
{
	if (a->tv_sec != b->tv_sec)
		return a->tv_sec < b->tv_sec ? -1 : 1;
	return a->tv_nsec - b->tv_nsec;
}

/* Carries whole seconds over, so that 0 <= tv_nsec < NSEC_PER_SEC. */
static inline void set_normalized_timespec64(struct timespec64 *ts, time64_t sec, s64 nsec)
{
	for (; nsec >= NSEC_PER_SEC; nsec -= NSEC_PER_SEC)
		sec++;
	for (; nsec < 0; nsec += NSEC_PER_SEC)
		sec--;
	ts->tv_sec = sec;
	ts->tv_nsec = nsec;
}

static inline struct timespec64 timespec64_add(struct timespec64 a, struct timespec64 b)
{
	struct timespec64 sum;

	set_normalized_timespec64(&sum, a.tv_sec + b.tv_sec, (s64)a.tv_nsec + b.tv_nsec);
	return sum;
}

static inline struct timespec64 timespec64_sub(struct timespec64 a, struct timespec64 b)
{
	struct timespec64 difference;

	set_normalized_timespec64(&difference, a.tv_sec - b.tv_sec, (s64)a.tv_nsec - b.tv_nsec);
	return difference;
}

static inline s64 timespec64_to_ns(const struct timespec64 *ts)
{
	return ts->tv_sec * NSEC_PER_SEC + ts->tv_nsec;
}

static inline struct timespec64 ns_to_timespec64(s64 ns)
{
	struct timespec64 ts = { div_s64(ns, NSEC_PER_SEC) };

	ts.tv_nsec = ns - ts.tv_sec * NSEC_PER_SEC;
	if (ts.tv_nsec < 0)
		set_normalized_timespec64(&ts, ts.tv_sec, ts.tv_nsec);
	return ts;
}

/* Seconds since 1970 of a Gregorian date, months and days counted from 1. */
extern time64_t mktime64(unsigned int year, unsigned int month, unsigned int day, unsigned int hour,
			 unsigned int minute, unsigned int second);

#endif
