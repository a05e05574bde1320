#ifndef _LINUX_MATH64_H
#define _LINUX_MATH64_H

#include <asm/div64.h>

static inline u64 div_u64_rem(u64 dividend, u32 divisor, u32 *remainder)
{
	*remainder = dividend % divisor;
	return dividend / divisor;
}

#define div_u64(dividend, divisor)	((u64)(dividend) / (u32)(divisor))
#define div64_u64(dividend, divisor)	((u64)(dividend) / (u64)(divisor))
#define div64_s64(dividend, divisor)	((s64)(dividend) / (s64)(divisor))

#endif
