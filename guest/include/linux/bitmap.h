#ifndef _LINUX_BITMAP_H
#define _LINUX_BITMAP_H

#include <linux/bitops.h>
#include <linux/string.h>

static inline void bitmap_zero(unsigned long *map, int bits)
{
	memset(map, 0, BITS_TO_LONGS(bits) * sizeof(long));
}

static inline void bitmap_fill(unsigned long *map, int bits)
{
	int i;

	bitmap_zero(map, bits);
	for (i = 0; i < bits; i++)
		set_bit(i, map);
}

static inline int bitmap_weight(const unsigned long *map, int bits)
{
	int i, weight = 0;

	for (i = 0; i < bits; i++)
		weight += test_bit(i, map);
	return weight;
}

static inline int bitmap_empty(const unsigned long *map, int bits)
{
	return find_first_bit(map, bits) >= bits;
}

static inline int bitmap_full(const unsigned long *map, int bits)
{
	return find_first_zero_bit(map, bits) >= bits;
}

#endif
