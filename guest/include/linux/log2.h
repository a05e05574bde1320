#ifndef _LINUX_LOG2_H
#define _LINUX_LOG2_H

#include <linux/bitops.h>

#define is_power_of_2(n)	((n) != 0 && ((n) & ((n) - 1)) == 0)
#define ilog2(n)		(fls64(n) - 1)
#define roundup_pow_of_two(n)	(1UL << fls((n) - 1))
#define rounddown_pow_of_two(n)	(1UL << (fls(n) - 1))
#define order_base_2(n)		ilog2(roundup_pow_of_two(n))

#endif
