/* Division of 64-bit numbers, which compilers leave to a library on i386. */
#include "lib.h"

/* high:low / divisor where the quotient is known to fit: high < divisor. */
static inline u32 divide(u32 high, u32 low, u32 divisor, u32 *remainder)
{
	u32 quotient;

	__asm__("divl %4" : "=a" (quotient), "=d" (*remainder) : "0" (low), "1" (high), "rm" (divisor));
	return quotient;
}

LIB unsigned long long __udivmoddi4(unsigned long long n, unsigned long long d, unsigned long long *remainder)
{
	u32 n1 = n >> 32, n0 = n, d1 = d >> 32, d0 = d;
	unsigned long long quotient;

	if (!d1) {
		u32 high = 0, rest = n1;

		if (n1 >= d0)
			high = divide(0, n1, d0, &rest);	/* d == 0 faults here, as any division by 0 */
		quotient = (unsigned long long)high << 32 | divide(rest, n0, d0, &rest);
		n = rest;
	} else if (n < d) {
		quotient = 0;
	} else {
		/* One 32-bit guess from the top bits; it is right or one too large. */
		int shift = 31 - __fls(d1);
		u32 top = shift ? d1 << shift | d0 >> (32 - shift) : d1;
		u32 rest;

		quotient = divide(n1 >> 1, n1 << 31 | n0 >> 1, top, &rest) >> (31 - shift);
		if (quotient)
			quotient--;
		n -= quotient * d;
		if (n >= d) {
			quotient++;
			n -= d;
		}
	}
	if (remainder)
		*remainder = n;
	return quotient;
}

LIB unsigned long long __udivdi3(unsigned long long n, unsigned long long d)
{
	return __udivmoddi4(n, d, NULL);
}

LIB unsigned long long __umoddi3(unsigned long long n, unsigned long long d)
{
	unsigned long long remainder;

	__udivmoddi4(n, d, &remainder);
	return remainder;
}

/* C truncates towards zero: the remainder has the sign of the dividend. */
LIB long long __divmoddi4(long long n, long long d, long long *remainder)
{
	unsigned long long rest;
	unsigned long long quotient = __udivmoddi4(n < 0 ? -(unsigned long long)n : (unsigned long long)n,
						   d < 0 ? -(unsigned long long)d : (unsigned long long)d, &rest);

	if (remainder)
		*remainder = n < 0 ? -rest : rest;
	return (n < 0) != (d < 0) ? -quotient : quotient;
}

LIB long long __divdi3(long long n, long long d)
{
	return __divmoddi4(n, d, NULL);
}

LIB long long __moddi3(long long n, long long d)
{
	long long remainder;

	__divmoddi4(n, d, &remainder);
	return remainder;
}
