#include <linux/bitmap.h>
#include <linux/errno.h>
#include "lib.h"

#define __BITMAP_OPERATION(name, expression)				\
LIB void bitmap_##name(unsigned long *to, const unsigned long *a, const unsigned long *b, int bits) \
{									\
	int i;								\
									\
	for (i = 0; i < (int)BITS_TO_LONGS(bits); i++)			\
		to[i] = expression;					\
}
__BITMAP_OPERATION(and, a[i] & b[i])
__BITMAP_OPERATION(or, a[i] | b[i])
__BITMAP_OPERATION(xor, a[i] ^ b[i])
__BITMAP_OPERATION(andnot, a[i] & ~b[i])

/* Whether a word of `expression` has a bit that counts. */
#define __BITMAP_ANY(a, b, bits, expression) ({				\
	unsigned long __any = 0;					\
	int i;								\
	for (i = 0; i < (bits) / BITS_PER_LONG; i++)			\
		__any |= expression;					\
	if ((bits) % BITS_PER_LONG)					\
		__any |= (expression) & BITMAP_LAST_WORD_MASK(bits);	\
	__any != 0; })

LIB int bitmap_equal(const unsigned long *a, const unsigned long *b, int bits)
{
	return !__BITMAP_ANY(a, b, bits, a[i] ^ b[i]);
}

LIB int bitmap_intersects(const unsigned long *a, const unsigned long *b, int bits)
{
	return __BITMAP_ANY(a, b, bits, a[i] & b[i]);
}

LIB int bitmap_subset(const unsigned long *inner, const unsigned long *outer, int bits)
{
	return !__BITMAP_ANY(inner, outer, bits, inner[i] & ~outer[i]);
}

LIB void bitmap_complement(unsigned long *to, const unsigned long *from, int bits)
{
	int i;

	for (i = 0; i < bits / BITS_PER_LONG; i++)
		to[i] = ~from[i];
	if (bits % BITS_PER_LONG)
		to[i] = ~from[i] & BITMAP_LAST_WORD_MASK(bits);
}

LIB int bitmap_weight(const unsigned long *map, int bits)
{
	int i, weight = 0;

	for (i = 0; i < bits / BITS_PER_LONG; i++)
		weight += hweight_long(map[i]);
	if (bits % BITS_PER_LONG)
		weight += hweight_long(map[i] & BITMAP_LAST_WORD_MASK(bits));
	return weight;
}

/* A word of the map that starts at any bit, also before its first and behind its last. */
static unsigned long word_at(const unsigned long *map, int start, int bits)
{
	unsigned long word = 0;
	int i;

	for (i = 0; i < BITS_PER_LONG; i++)
		if (start + i >= 0 && start + i < bits && test_bit(start + i, map))
			word |= 1UL << i;
	return word;
}

LIB void bitmap_shift_right(unsigned long *to, const unsigned long *from, int shift, int bits)
{
	int i;

	for (i = 0; i < (int)BITS_TO_LONGS(bits); i++)
		to[i] = word_at(from, i * BITS_PER_LONG + shift, bits);
}

LIB void bitmap_shift_left(unsigned long *to, const unsigned long *from, int shift, int bits)
{
	int i;

	for (i = BITS_TO_LONGS(bits) - 1; i >= 0; i--)
		to[i] = word_at(from, i * BITS_PER_LONG - shift, bits);
	if (bits % BITS_PER_LONG)
		to[bits / BITS_PER_LONG] &= BITMAP_LAST_WORD_MASK(bits);
}

LIB void bitmap_set(unsigned long *map, int start, int count)
{
	for (; count > 0; count--, start++)
		map[BIT_WORD(start)] |= BIT_MASK(start);
}

LIB void bitmap_clear(unsigned long *map, int start, int count)
{
	for (; count > 0; count--, start++)
		map[BIT_WORD(start)] &= ~BIT_MASK(start);
}

static int region_is_free(const unsigned long *map, int position, int order)
{
	unsigned long end = position + (1UL << order);

	return find_next_bit(map, end, position) >= end;
}

LIB int bitmap_find_free_region(unsigned long *map, int bits, int order)
{
	int position;

	for (position = 0; position + (1 << order) <= bits; position += 1 << order)
		if (region_is_free(map, position, order)) {
			bitmap_set(map, position, 1 << order);
			return position;
		}
	return -ENOMEM;
}

LIB void bitmap_release_region(unsigned long *map, int position, int order)
{
	bitmap_clear(map, position, 1 << order);
}

LIB int bitmap_allocate_region(unsigned long *map, int position, int order)
{
	if (!region_is_free(map, position, order))
		return -EBUSY;
	bitmap_set(map, position, 1 << order);
	return 0;
}
