/* Integers: powers, roots, products with 128 bits, fractions, primes. */
#include <linux/math64.h>
#include <linux/prime_numbers.h>
#include <linux/rational.h>
#include "lib.h"

LIB u64 int_pow(u64 base, unsigned int exponent)
{
	u64 result = 1;

	for (; exponent; exponent >>= 1, base *= base)
		if (exponent & 1)
			result *= base;
	return result;
}

LIB u32 int_sqrt64(u64 x)
{
	u64 root = 0, bit = 1ULL << 62;

	for (; bit; bit >>= 2) {
		if (x >= root + bit) {
			x -= root + bit;
			root += 2 * bit;
		}
		root >>= 1;
	}
	return root;
}

LIB unsigned long int_sqrt(unsigned long x)
{
	return int_sqrt64(x);
}

/* a * b + c: the lower 64 bits, and the upper ones into *high. */
static u64 multiply(u64 a, u64 b, u64 c, u64 *high)
{
	u64 low = mul_u32_u32(a, b) + (u32)c;
	u64 one = mul_u32_u32(a >> 32, b) + (low >> 32);
	u64 other = mul_u32_u32(a, b >> 32) + (u32)one + (c >> 32);

	*high = mul_u32_u32(a >> 32, b >> 32) + (one >> 32) + (other >> 32);
	return other << 32 | (u32)low;
}

LIB u64 mul_u64_u64_shr(u64 a, u64 b, unsigned int shift)
{
	u64 high, low = multiply(a, b, 0, &high);

	if (!shift)
		return low;
	return shift < 64 ? low >> shift | high << (64 - shift) : high >> (shift - 64);
}

LIB u64 mul_u64_add_u64_div_u64(u64 a, u64 b, u64 c, u64 divisor)
{
	u64 high, low = multiply(a, b, c, &high), quotient = 0;
	int bit;

	if (!high)
		return low / divisor;
	if (high >= divisor)
		return ~0ULL;
	for (bit = 63; bit >= 0; bit--) {
		int carry = high >> 63;

		high = high << 1 | (low >> bit & 1);
		if (carry || high >= divisor) {
			high -= divisor;
			quotient |= 1ULL << bit;
		}
	}
	return quotient;
}

struct fraction {
	u64 over, under;
};

/* Whether a is not farther from n / d than b is; n, d and all parts have 32 bits. */
static bool is_nearer(const struct fraction *a, const struct fraction *b, unsigned long n, unsigned long d)
{
	u64 from_a = abs_diff(n * a->under, d * a->over), from_b = abs_diff(n * b->under, d * b->over);
	u64 high_a, high_b, low_a = multiply(from_a, b->under, 0, &high_a), low_b = multiply(from_b, a->under, 0, &high_b);

	return high_a != high_b ? high_a < high_b : low_a <= low_b;
}

/* By the continued fraction: the last convergent that fits, or the last that fits on the way to the next one. */
LIB void rational_best_approximation(unsigned long numerator, unsigned long denominator, unsigned long max_numerator,
				     unsigned long max_denominator, unsigned long *best_numerator,
				     unsigned long *best_denominator)
{
	struct fraction before = { 0, 1 }, best = { 1, 0 };
	unsigned long n = numerator, d = denominator;

	while (d) {
		unsigned long term = n / d, rest = n % d, steps = term;
		struct fraction next;

		if (best.over)
			steps = min_t(u64, steps, (max_numerator - before.over) / best.over);
		if (best.under)
			steps = min_t(u64, steps, (max_denominator - before.under) / best.under);
		next = (struct fraction) { before.over + steps * best.over, before.under + steps * best.under };
		if (steps < term) {
			if (!best.under || is_nearer(&next, &best, numerator, denominator))
				best = next;
			break;
		}
		before = best;
		best = next;
		n = d;
		d = rest;
	}
	*best_numerator = best.over;
	*best_denominator = best.under;
}

LIB bool is_prime_number(unsigned long x)
{
	unsigned long i;

	if (x < 4)
		return x > 1;
	if (x % 2 == 0)
		return false;
	for (i = 3; i <= x / i; i += 2)
		if (x % i == 0)
			return false;
	return true;
}

LIB unsigned long next_prime_number(unsigned long x)
{
	while (++x < ULONG_MAX && !is_prime_number(x))
		;
	return x;
}
