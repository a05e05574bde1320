#ifndef _LINUX_MATH64_H
#define _LINUX_MATH64_H

#include <asm/div64.h>

static inline u64 div_u64_rem(u64 dividend, u32 divisor, u32 *remainder)
{
	u64 quotient = dividend / divisor;

	*remainder = dividend - quotient * divisor;
	return quotient;
}

static inline s64 div_s64_rem(s64 dividend, s32 divisor, s32 *remainder)
{
	s64 quotient = dividend / divisor;

	*remainder = dividend - quotient * divisor;
	return quotient;
}

static inline u64 div64_u64_rem(u64 dividend, u64 divisor, u64 *remainder)
{
	u64 quotient = dividend / divisor;

	*remainder = dividend - quotient * divisor;
	return quotient;
}

#define div_u64(dividend, divisor)	((u64)(dividend) / (u32)(divisor))
#define div_s64(dividend, divisor)	((s64)(dividend) / (s32)(divisor))
#define div64_u64(dividend, divisor)	((u64)(dividend) / (u64)(divisor))
#define div64_s64(dividend, divisor)	((s64)(dividend) / (s64)(divisor))
#define div64_long(dividend, divisor)	div_s64(dividend, divisor)
#define div64_ul(dividend, divisor)	div_u64(dividend, divisor)

#define DIV_U64_ROUND_UP(n, d)		div_u64((n) + (d) - 1, d)
#define DIV_U64_ROUND_CLOSEST(n, d)	div_u64((n) + (u32)(d) / 2, d)
#define DIV64_U64_ROUND_UP(n, d)	div64_u64((n) + (d) - 1, d)
#define DIV64_U64_ROUND_CLOSEST(n, d)	div64_u64((n) + (u64)(d) / 2, d)
#define DIV_S64_ROUND_CLOSEST(n, d) ({					\
	s64 __n = (n);							\
	s32 __d = (d);							\
	(__n > 0) == (__d > 0) ? div_s64(__n + __d / 2, __d) : div_s64(__n - __d / 2, __d); })
#define roundup_u64(x, y)		(DIV_U64_ROUND_UP(x, y) * (y))

static inline u32 iter_div_u64_rem(u64 dividend, u32 divisor, u64 *remainder)
{
	*remainder = dividend % divisor;
	return dividend / divisor;
}

#define mul_u32_u32(a, b)	((u64)(u32)(a) * (u32)(b))

/* a * b / divisor, of which the product has 128 bits; a quotient that does not fit is ~0. */
extern u64 mul_u64_add_u64_div_u64(u64 a, u64 b, u64 c, u64 divisor);
#define mul_u64_u64_div_u64(a, b, d)		mul_u64_add_u64_div_u64(a, b, 0, d)
#define mul_u64_u32_div(a, b, d)		mul_u64_add_u64_div_u64(a, b, 0, d)
#define mul_u64_u64_div_u64_roundup(a, b, d)	mul_u64_add_u64_div_u64(a, b, (d) - 1, d)

/* (a * b) >> shift. */
extern u64 mul_u64_u64_shr(u64 a, u64 b, unsigned int shift);
#define mul_u64_u32_shr(a, b, shift)	mul_u64_u64_shr(a, b, shift)
#define mul_s64_u64_shr(a, b, shift) ({					\
	s64 __a = (a);							\
	u64 __shifted = mul_u64_u64_shr(__a < 0 ? -(u64)__a : (u64)__a, b, shift); \
	__a < 0 ? -__shifted : __shifted; })

#endif
