#include <linux/time.h>
#include "lib.h"

#define DAYS_OF_400_YEARS	146097
#define DAYS_BEFORE_1970	719468	/* from 1 March of the year 0 */

/* Years begin in March here: so a leap day is the last of its year. */
LIB time64_t mktime64(unsigned int year, unsigned int month, unsigned int day, unsigned int hour, unsigned int minute,
		      unsigned int second)
{
	unsigned int m = (month + 9) % 12, y = year - (month < 3);
	s64 days = 365LL * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - DAYS_BEFORE_1970;

	return ((days * 24 + hour) * 60 + minute) * 60 + second;
}

LIB void time64_to_tm(time64_t seconds, int offset, struct tm *result)
{
	s32 rest;
	s64 days = div_s64_rem(seconds, 86400, &rest), eras;
	u32 day, year, month;

	for (rest += offset; rest < 0; rest += 86400)
		days--;
	for (; rest >= 86400; rest -= 86400)
		days++;
	result->tm_hour = rest / 3600;
	result->tm_min = rest / 60 % 60;
	result->tm_sec = rest % 60;

	days += DAYS_BEFORE_1970;
	eras = div_s64_rem(days, DAYS_OF_400_YEARS, &rest);
	if (rest < 0) {
		rest += DAYS_OF_400_YEARS;
		eras--;
	}
	/* Whole weeks make 400 years, and 1 March of the year 0 is a Wednesday. */
	result->tm_wday = (rest + 3) % 7;
	day = rest;
	year = (day - day / 1460 + day / 36524 - day / (DAYS_OF_400_YEARS - 1)) / 365;
	day -= 365 * year + year / 4 - year / 100;
	month = (5 * day + 2) / 153;
	result->tm_mday = day - (153 * month + 2) / 5 + 1;
	result->tm_mon = (month + 2) % 12;
	result->tm_year = eras * 400 + year + (month >= 10) - 1900;
	/* The 306 days from March to December come before January. */
	result->tm_yday = month >= 10 ? day - 306 : day + 59 + (year % 4 == 0 && (year % 100 || !year));
}
