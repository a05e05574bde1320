#include <linux/bitmap.h>
#include <linux/errno.h>
#include <linux/math.h>
#include "lib.h"

/* A word for each i, and whether there is a bit that counts. */
#define __BITMAP_OPERATION(type, name, expression)			\
LIB type bitmap_##name(unsigned long *to, const unsigned long *a, const unsigned long *b, unsigned int bits) \
{									\
	unsigned int i;							\
	unsigned long any = 0;						\
									\
	for (i = 0; i < BITS_TO_LONGS(bits); i++) {			\
		to[i] = expression;					\
		any |= i < bits / BITS_PER_LONG ? to[i] : to[i] & BITMAP_LAST_WORD_MASK(bits); \
	}								\
	return (type)(any != 0);					\
}
__BITMAP_OPERATION(bool, and, a[i] & b[i])
__BITMAP_OPERATION(bool, andnot, a[i] & ~b[i])
__BITMAP_OPERATION(void, or, a[i] | b[i])
__BITMAP_OPERATION(void, xor, a[i] ^ b[i])

LIB void bitmap_replace(unsigned long *to, const unsigned long *old, const unsigned long *new,
			const unsigned long *mask, unsigned int bits)
{
	unsigned int i;

	for (i = 0; i < BITS_TO_LONGS(bits); i++)
		to[i] = (old[i] & ~mask[i]) | (new[i] & mask[i]);
}

/* Whether a word of `expression` has a bit that counts. */
#define __BITMAP_ANY(bits, expression) ({				\
	unsigned long __any = 0;					\
	unsigned int i;							\
	for (i = 0; i < (bits) / BITS_PER_LONG; i++)			\
		__any |= expression;					\
	if ((bits) % BITS_PER_LONG)					\
		__any |= (expression) & BITMAP_LAST_WORD_MASK(bits);	\
	__any != 0; })

LIB bool bitmap_equal(const unsigned long *a, const unsigned long *b, unsigned int bits)
{
	return !__BITMAP_ANY(bits, a[i] ^ b[i]);
}

LIB bool bitmap_or_equal(const unsigned long *a, const unsigned long *b, const unsigned long *both, unsigned int bits)
{
	return !__BITMAP_ANY(bits, (a[i] | b[i]) ^ both[i]);
}

LIB bool bitmap_intersects(const unsigned long *a, const unsigned long *b, unsigned int bits)
{
	return __BITMAP_ANY(bits, a[i] & b[i]);
}

LIB bool bitmap_subset(const unsigned long *inner, const unsigned long *outer, unsigned int bits)
{
	return !__BITMAP_ANY(bits, inner[i] & ~outer[i]);
}

LIB void bitmap_complement(unsigned long *to, const unsigned long *from, unsigned int bits)
{
	unsigned int i;

	for (i = 0; i < bits / BITS_PER_LONG; i++)
		to[i] = ~from[i];
	if (bits % BITS_PER_LONG)
		to[i] = ~from[i] & BITMAP_LAST_WORD_MASK(bits);
}

#define __BITMAP_WEIGHT(bits, expression) ({				\
	unsigned int i, __weight = 0;					\
	for (i = 0; i < (bits) / BITS_PER_LONG; i++)			\
		__weight += hweight_long(expression);			\
	if ((bits) % BITS_PER_LONG)					\
		__weight += hweight_long((expression) & BITMAP_LAST_WORD_MASK(bits)); \
	__weight; })

LIB unsigned int bitmap_weight(const unsigned long *map, unsigned int bits)
{
	return __BITMAP_WEIGHT(bits, map[i]);
}

LIB unsigned int bitmap_weight_and(const unsigned long *a, const unsigned long *b, unsigned int bits)
{
	return __BITMAP_WEIGHT(bits, a[i] & b[i]);
}

LIB unsigned int bitmap_weight_andnot(const unsigned long *a, const unsigned long *b, unsigned int bits)
{
	return __BITMAP_WEIGHT(bits, a[i] & ~b[i]);
}

/* A word of the map that starts at any bit, also before its first and behind its last. */
static unsigned long word_at(const unsigned long *map, int start, int bits)
{
	unsigned long word = 0;
	int index = start >> 5, shift = start & (BITS_PER_LONG - 1), words = BITS_TO_LONGS(bits);

	if (index >= 0 && index < words)
		word = map[index] >> shift;
	if (shift && index + 1 >= 0 && index + 1 < words)
		word |= map[index + 1] << (BITS_PER_LONG - shift);
	if (start + BITS_PER_LONG > bits)
		word &= start >= bits ? 0 : ~0UL >> (start + BITS_PER_LONG - bits);
	return word;
}

LIB void bitmap_shift_right(unsigned long *to, const unsigned long *from, unsigned int shift, unsigned int bits)
{
	int i;

	for (i = 0; i < (int)BITS_TO_LONGS(bits); i++)
		to[i] = word_at(from, i * BITS_PER_LONG + shift, bits);
}

LIB void bitmap_shift_left(unsigned long *to, const unsigned long *from, unsigned int shift, unsigned int bits)
{
	int i;

	for (i = BITS_TO_LONGS(bits) - 1; i >= 0; i--)
		to[i] = word_at(from, i * BITS_PER_LONG - (int)shift, bits);
	if (bits % BITS_PER_LONG)
		to[bits / BITS_PER_LONG] &= BITMAP_LAST_WORD_MASK(bits);
}

/* What is moved down is read before it is written: `to` may be `from`, or lie below it. */
LIB void bitmap_cut(unsigned long *to, const unsigned long *from, unsigned int first, unsigned int count,
		    unsigned int bits)
{
	unsigned int i;

	for (i = 0; i < BITS_TO_LONGS(bits); i++) {
		unsigned int start = i * BITS_PER_LONG;
		unsigned int left = first > start ? first - start : 0;
		unsigned long kept = left >= BITS_PER_LONG ? ~0UL : BIT(left) - 1;

		to[i] = (from[i] & kept) | (word_at(from, start + count, BITS_TO_LONGS(bits) * BITS_PER_LONG) & ~kept);
	}
}

/* Each word with the bits of it that lie in [start, start + count). */
#define __FOR_EACH_PART(map, start, count, operation) do {		\
	unsigned long *__word = (map) + BIT_WORD(start);		\
	unsigned int __from = (start) % BITS_PER_LONG;			\
	int __left = (count);						\
									\
	for (; __left > 0; __word++, __left -= BITS_PER_LONG - __from, __from = 0) { \
		unsigned long mask = ~0UL << __from;			\
									\
		if (__from + __left < BITS_PER_LONG)			\
			mask &= BIT(__from + __left) - 1;		\
		*__word = *__word operation mask;			\
	}								\
} while (0)

LIB void bitmap_set(unsigned long *map, unsigned int start, int count)
{
	__FOR_EACH_PART(map, start, count, |);
}

LIB void bitmap_clear(unsigned long *map, unsigned int start, int count)
{
	__FOR_EACH_PART(map, start, count, & ~);
}

static int region_is_free(const unsigned long *map, int position, int order)
{
	unsigned long end = position + (1UL << order);

	return find_next_bit(map, end, position) >= end;
}

LIB int bitmap_find_free_region(unsigned long *map, unsigned int bits, int order)
{
	unsigned int position;

	for (position = 0; position + (1U << order) <= bits; position += 1U << order)
		if (region_is_free(map, position, order)) {
			bitmap_set(map, position, 1 << order);
			return position;
		}
	return -ENOMEM;
}

LIB void bitmap_release_region(unsigned long *map, unsigned int position, int order)
{
	bitmap_clear(map, position, 1 << order);
}

LIB int bitmap_allocate_region(unsigned long *map, unsigned int position, int order)
{
	if (!region_is_free(map, position, order))
		return -EBUSY;
	bitmap_set(map, position, 1 << order);
	return 0;
}

LIB unsigned long bitmap_find_next_zero_area_off(unsigned long *map, unsigned long bits, unsigned long start,
						 unsigned int count, unsigned long align_mask,
						 unsigned long align_offset)
{
	for (;;) {
		unsigned long end, taken, first = find_next_zero_bit(map, bits, start);

		first = ((first + align_offset + align_mask) & ~align_mask) - align_offset;
		end = first + count;
		if (end > bits)
			return end;
		taken = find_next_bit(map, end, first);
		if (taken >= end)
			return first;
		start = taken + 1;
	}
}

/* How many bits of the map are set below `bit`. */
static int ordinal(const unsigned long *map, int bit)
{
	return bitmap_weight(map, bit);
}

LIB int bitmap_bitremap(int bit, const unsigned long *old, const unsigned long *new, int bits)
{
	int weight = bitmap_weight(new, bits);

	if (bit < 0 || bit >= bits || !test_bit(bit, old) || !weight)
		return bit;
	return find_nth_bit(new, bits, ordinal(old, bit) % weight);
}

LIB void bitmap_remap(unsigned long *to, const unsigned long *from, const unsigned long *old,
		      const unsigned long *new, unsigned int bits)
{
	unsigned int bit;

	if (to == from)
		return;
	bitmap_zero(to, bits);
	for_each_set_bit(bit, from, bits)
		__set_bit(bitmap_bitremap(bit, old, new, bits), to);
}

LIB void bitmap_scatter(unsigned long *to, const unsigned long *from, const unsigned long *mask, unsigned int bits)
{
	unsigned int bit, n = 0;

	bitmap_zero(to, bits);
	for_each_set_bit(bit, mask, bits)
		__assign_bit(bit, to, test_bit(n++, from));
}

LIB void bitmap_gather(unsigned long *to, const unsigned long *from, const unsigned long *mask, unsigned int bits)
{
	unsigned int bit, n = 0;

	bitmap_zero(to, bits);
	for_each_set_bit(bit, mask, bits)
		__assign_bit(n++, to, test_bit(bit, from));
}

LIB unsigned long bitmap_read(const unsigned long *map, unsigned long start, unsigned long count)
{
	return !count || count > BITS_PER_LONG ? 0 : word_at(map, start, start + count);
}

LIB void bitmap_write(unsigned long *map, unsigned long value, unsigned long start, unsigned long count)
{
	unsigned long bit;

	for (bit = 0; bit < count && count <= BITS_PER_LONG; bit++)
		__assign_bit(start + bit, map, value >> bit & 1);
}

/* A word here is one of 32 bits. */
LIB void bitmap_from_arr32(unsigned long *map, const u32 *words, unsigned int bits)
{
	bitmap_copy_clear_tail(map, (const unsigned long *)words, bits);
}

LIB void bitmap_to_arr32(u32 *words, const unsigned long *map, unsigned int bits)
{
	bitmap_copy_clear_tail((unsigned long *)words, map, bits);
}

LIB void bitmap_from_arr64(unsigned long *map, const u64 *words, unsigned int bits)
{
	bitmap_copy_clear_tail(map, (const unsigned long *)words, bits);
}

LIB void bitmap_to_arr64(u64 *words, const unsigned long *map, unsigned int bits)
{
	bitmap_copy_clear_tail((unsigned long *)words, map, bits);
	if (bits && BITS_TO_LONGS(bits) % 2)
		((unsigned long *)words)[BITS_TO_LONGS(bits)] = 0;
}
