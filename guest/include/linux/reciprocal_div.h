#ifndef _LINUX_RECIPROCAL_DIV_H
#define _LINUX_RECIPROCAL_DIV_H

#include <linux/types.h>

/* a / divisor as a product: exact up to 2.6.20's limits, a * divisor below 2^32. */
static inline u32 reciprocal_value(u32 divisor)
{
	return ((1ULL << 32) + divisor - 1) / divisor;
}

static inline u32 reciprocal_divide(u32 a, u32 reciprocal)
{
	return (u64)a * reciprocal >> 32;
}

#endif
