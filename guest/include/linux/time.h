#ifndef _LINUX_TIME_H
#define _LINUX_TIME_H

#include <linux/time64.h>
#include <linux/types.h>
#include <asm/div64.h>

struct timeval {
	time_t tv_sec;
	suseconds_t tv_usec;
};

struct timezone {
	int tz_minuteswest;
	int tz_dsttime;
};

/* As in C: months from 0, years from 1900, weekdays from Sunday; the day of the year from 0. */
struct tm {
	int tm_sec;
	int tm_min;
	int tm_hour;
	int tm_mday;
	int tm_mon;
	long tm_year;
	int tm_wday;
	int tm_yday;
};

/* The date of `seconds` since 1970, `offset` seconds east of Greenwich. */
extern void time64_to_tm(time64_t seconds, int offset, struct tm *result);
#define time_to_tm(seconds, offset, result)	time64_to_tm(seconds, offset, result)

static inline int timespec_equal(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* Below, at or above 0, as strcmp. */
static inline int timespec_compare(const struct timespec *a, const struct timespec *b)
{
	if (a->tv_sec != b->tv_sec)
		return a->tv_sec < b->tv_sec ? -1 : 1;
	return a->tv_nsec - b->tv_nsec;
}

static inline int timeval_compare(const struct timeval *a, const struct timeval *b)
{
	if (a->tv_sec != b->tv_sec)
		return a->tv_sec < b->tv_sec ? -1 : 1;
	return a->tv_usec - b->tv_usec;
}

/* Carries whole seconds over, so that 0 <= tv_nsec < NSEC_PER_SEC. */
static inline void set_normalized_timespec(struct timespec *ts, time_t sec, long nsec)
{
	for (; nsec >= NSEC_PER_SEC; nsec -= NSEC_PER_SEC)
		sec++;
	for (; nsec < 0; nsec += NSEC_PER_SEC)
		sec--;
	ts->tv_sec = sec;
	ts->tv_nsec = nsec;
}

static inline struct timespec timespec_add(struct timespec a, struct timespec b)
{
	struct timespec sum;

	set_normalized_timespec(&sum, a.tv_sec + b.tv_sec, a.tv_nsec + b.tv_nsec);
	return sum;
}

static inline struct timespec timespec_sub(struct timespec a, struct timespec b)
{
	struct timespec difference;

	set_normalized_timespec(&difference, a.tv_sec - b.tv_sec, a.tv_nsec - b.tv_nsec);
	return difference;
}

static inline void timespec_add_ns(struct timespec *ts, u64 ns)
{
	ns += ts->tv_nsec;
	ts->tv_sec += ns / NSEC_PER_SEC;
	ts->tv_nsec = ns % NSEC_PER_SEC;
}

#define timespec_valid(ts) \
	((ts)->tv_sec >= 0 && (unsigned long)(ts)->tv_nsec < NSEC_PER_SEC)

static inline s64 timespec_to_ns(const struct timespec *ts)
{
	return (s64)ts->tv_sec * NSEC_PER_SEC + ts->tv_nsec;
}

static inline s64 timeval_to_ns(const struct timeval *tv)
{
	return (s64)tv->tv_sec * NSEC_PER_SEC + tv->tv_usec * NSEC_PER_USEC;
}

static inline struct timespec ns_to_timespec(const s64 ns)
{
	struct timespec ts;

	set_normalized_timespec(&ts, ns / NSEC_PER_SEC, ns % NSEC_PER_SEC);
	return ts;
}

static inline struct timeval ns_to_timeval(const s64 ns)
{
	struct timespec ts = ns_to_timespec(ns);

	return (struct timeval) { ts.tv_sec, ts.tv_nsec / NSEC_PER_USEC };
}

/* Seconds since 1970 of a Gregorian date, months and days counted from 1. */
static inline unsigned long mktime(unsigned int year, unsigned int month, unsigned int day, unsigned int hour,
				   unsigned int minute, unsigned int second)
{
	/* Years begin in March here: so a leap day is the last of its year. */
	unsigned int m = (month + 9) % 12, y = year - (month < 3);
	unsigned long days = 365UL * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;

	return ((days * 24 + hour) * 60 + minute) * 60 + second;
}

#include <linux/timekeeping.h>

#endif
