#ifndef _LINUX_LOG2_H
#define _LINUX_LOG2_H

#include <linux/bitops.h>

static inline bool is_power_of_2(unsigned long n)
{
	return n && !(n & (n - 1));
}

/* Of constants these are constants; not defined for 0. */
#define ilog2(n)							\
	(__builtin_constant_p(n) ? (n) < 2 ? 0 : 63 - __builtin_clzll(n) : fls64(n) - 1)
#define roundup_pow_of_two(n) \
	(__builtin_constant_p(n) ? (n) == 1 ? 1UL : 1UL << (ilog2((n) - 1) + 1) : 1UL << fls((n) - 1))
#define rounddown_pow_of_two(n)	(1UL << ilog2(n))
#define order_base_2(n)		ilog2(roundup_pow_of_two(n))

#endif
