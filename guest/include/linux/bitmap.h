#ifndef _LINUX_BITMAP_H
#define _LINUX_BITMAP_H

#include <linux/bitops.h>
#include <linux/string.h>

/* Bitmaps of `bits` bits. Bits of the last word behind them may be anything, and do not count. */

#define BITMAP_LAST_WORD_MASK(bits)	(~0UL >> (-(bits) & (BITS_PER_LONG - 1)))

static inline void bitmap_zero(unsigned long *map, int bits)
{
	memset(map, 0, BITS_TO_LONGS(bits) * sizeof(long));
}

static inline void bitmap_fill(unsigned long *map, int bits)
{
	int last = BITS_TO_LONGS(bits) - 1;

	memset(map, 0xff, last * sizeof(long));
	map[last] = BITMAP_LAST_WORD_MASK(bits);
}

static inline void bitmap_copy(unsigned long *to, const unsigned long *from, int bits)
{
	memcpy(to, from, BITS_TO_LONGS(bits) * sizeof(long));
}

extern void bitmap_and(unsigned long *to, const unsigned long *a, const unsigned long *b, int bits);
extern void bitmap_or(unsigned long *to, const unsigned long *a, const unsigned long *b, int bits);
extern void bitmap_xor(unsigned long *to, const unsigned long *a, const unsigned long *b, int bits);
extern void bitmap_andnot(unsigned long *to, const unsigned long *a, const unsigned long *b, int bits);
extern void bitmap_complement(unsigned long *to, const unsigned long *from, int bits);
extern int bitmap_equal(const unsigned long *a, const unsigned long *b, int bits);
extern int bitmap_intersects(const unsigned long *a, const unsigned long *b, int bits);
extern int bitmap_subset(const unsigned long *inner, const unsigned long *outer, int bits);
extern int bitmap_weight(const unsigned long *map, int bits);

/* Towards bit 0, and away from it; zeros come in. */
extern void bitmap_shift_right(unsigned long *to, const unsigned long *from, int shift, int bits);
extern void bitmap_shift_left(unsigned long *to, const unsigned long *from, int shift, int bits);

extern void bitmap_set(unsigned long *map, int start, int count);
extern void bitmap_clear(unsigned long *map, int start, int count);

/* Aligned runs of 1 << order bits: the first free one is taken, -ENOMEM; a known one is freed or taken, -EBUSY. */
extern int bitmap_find_free_region(unsigned long *map, int bits, int order);
extern void bitmap_release_region(unsigned long *map, int position, int order);
extern int bitmap_allocate_region(unsigned long *map, int position, int order);

static inline int bitmap_empty(const unsigned long *map, int bits)
{
	return find_first_bit(map, bits) >= bits;
}

static inline int bitmap_full(const unsigned long *map, int bits)
{
	return find_first_zero_bit(map, bits) >= bits;
}

#endif
