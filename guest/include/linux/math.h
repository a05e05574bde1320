#ifndef _LINUX_MATH_H
#define _LINUX_MATH_H

#include <linux/compiler.h>
#include <linux/types.h>

#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))
#define DIV_ROUND_DOWN_ULL(n, d)	((unsigned long long)(n) / (d))
#define DIV_ROUND_UP_ULL(n, d)	DIV_ROUND_DOWN_ULL((unsigned long long)(n) + (d) - 1, d)
#define DIV_ROUND_UP_SECTOR_T(n, d)	DIV_ROUND_UP(n, d)
#define roundup(x, y)		((((x) + ((y) - 1)) / (y)) * (y))
#define rounddown(x, y)		((x) - (x) % (y))

/* y is a power of two. */
#define round_up(x, y)		((((x) - 1) | ((typeof(x))(y) - 1)) + 1)
#define round_down(x, y)	((x) & ~((typeof(x))(y) - 1))

/* To the nearest number. */
#define DIV_ROUND_CLOSEST(x, divisor) ({				\
	typeof(x) __n = (x);						\
	typeof(divisor) __d = (divisor), __half = __d / 2;		\
	((__n < 0) != (__d < 0) ? __n - __half : __n + __half) / __d; })
#define DIV_ROUND_CLOSEST_ULL(x, divisor) ({				\
	typeof(divisor) __d = (divisor);				\
	((unsigned long long)(x) + __d / 2) / __d; })

/* x * n / d, without an overflow where the result has none. */
#define mult_frac(x, n, d) ({						\
	typeof(x) __x = (x);						\
	typeof(n) __n = (n);						\
	typeof(d) __d = (d);						\
	__x / __d * __n + __x % __d * __n / __d; })

/* Of a number up to 4 bytes a long, of a longer one its own type. */
#define abs(x) ({							\
	typeof(__builtin_choose_expr(sizeof(x) > sizeof(long), (s64)0, 0L)) __abs = (x); \
	(typeof(__builtin_choose_expr(sizeof(x) > sizeof(int), __abs, 0)))(__abs < 0 ? -__abs : __abs); })
#define labs(x)		abs(x)
#define abs_diff(a, b) ({ typeof(a) __a = (a); typeof(b) __b = (b); __a > __b ? __a - __b : __b - __a; })

struct s8_fract { s8 numerator, denominator; };
struct u8_fract { u8 numerator, denominator; };
struct s16_fract { s16 numerator, denominator; };
struct u16_fract { u16 numerator, denominator; };
struct s32_fract { s32 numerator, denominator; };
struct u32_fract { u32 numerator, denominator; };

static inline u32 reciprocal_scale(u32 value, u32 end)
{
	return (u64)value * end >> 32;
}

extern u64 int_pow(u64 base, unsigned int exponent);
extern unsigned long int_sqrt(unsigned long x);
extern u32 int_sqrt64(u64 x);

#endif
