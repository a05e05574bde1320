#ifndef _LINUX_LCM_H
#define _LINUX_LCM_H

#include <linux/gcd.h>

/* 0 where one of the two is 0; lcm_not_zero: the other one then. */
static inline unsigned long lcm(unsigned long a, unsigned long b)
{
	return a && b ? a / gcd(a, b) * b : 0;
}

static inline unsigned long lcm_not_zero(unsigned long a, unsigned long b)
{
	unsigned long least = lcm(a, b);

	return least ? least : b ? b : a;
}

#endif
