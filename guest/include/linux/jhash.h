#ifndef _LINUX_JHASH_H
#define _LINUX_JHASH_H

#include <linux/types.h>

/* Bob Jenkins' hash of 1996 (lookup2), 2.6.20's: kernels from 2.6.37 on have another, with other values. */

#define JHASH_GOLDEN_RATIO	0x9e3779b9

#define __JHASH_STEP(x, y, z, shifted)	do { x -= y; x -= z; x ^= shifted; } while (0)
#define __jhash_mix(a, b, c) do {					\
	__JHASH_STEP(a, b, c, (c) >> 13);				\
	__JHASH_STEP(b, c, a, (a) << 8);				\
	__JHASH_STEP(c, a, b, (b) >> 13);				\
	__JHASH_STEP(a, b, c, (c) >> 12);				\
	__JHASH_STEP(b, c, a, (a) << 16);				\
	__JHASH_STEP(c, a, b, (b) >> 5);				\
	__JHASH_STEP(a, b, c, (c) >> 3);				\
	__JHASH_STEP(b, c, a, (a) << 10);				\
	__JHASH_STEP(c, a, b, (b) >> 15);				\
} while (0)

/* `length` bytes. */
static inline u32 jhash(const void *key, u32 length, u32 initval)
{
	const u8 *k = key;
	u32 word[3] = { JHASH_GOLDEN_RATIO, JHASH_GOLDEN_RATIO, initval }, left, i;

	for (left = length; left >= 12; left -= 12, k += 12) {
		for (i = 0; i < 12; i++)
			word[i / 4] += (u32)k[i] << i % 4 * 8;
		__jhash_mix(word[0], word[1], word[2]);
	}
	/* The lowest byte of the third word is the length's. */
	word[2] += length;
	for (i = 0; i < left; i++)
		word[i / 4] += (u32)k[i] << (i + (i >= 8)) % 4 * 8;
	__jhash_mix(word[0], word[1], word[2]);
	return word[2];
}

/* `length` words. */
static inline u32 jhash2(const u32 *k, u32 length, u32 initval)
{
	u32 a = JHASH_GOLDEN_RATIO, b = JHASH_GOLDEN_RATIO, c = initval, left;

	for (left = length; left >= 3; left -= 3, k += 3) {
		a += k[0];
		b += k[1];
		c += k[2];
		__jhash_mix(a, b, c);
	}
	c += length * 4;
	if (left == 2)
		b += k[1];
	if (left)
		a += k[0];
	__jhash_mix(a, b, c);
	return c;
}

/* These leave the length out: another value than jhash2 of the same words. */
static inline u32 jhash_3words(u32 a, u32 b, u32 c, u32 initval)
{
	a += JHASH_GOLDEN_RATIO;
	b += JHASH_GOLDEN_RATIO;
	c += initval;
	__jhash_mix(a, b, c);
	return c;
}

#define jhash_2words(a, b, initval)	jhash_3words(a, b, 0, initval)
#define jhash_1word(a, initval)		jhash_3words(a, 0, 0, initval)

#endif
