/* Bits of bitmaps that are looked for. */
#include "lib.h"

/* The first bit of `expression`, a word for each i, from `offset` on. */
#define __FIND_NEXT(size, offset, expression) ({			\
	unsigned long __at = (offset), __found = (size);		\
									\
	while (__at < (size)) {						\
		unsigned long i = BIT_WORD(__at), __word = (expression) >> (__at % BITS_PER_LONG); \
									\
		if (__word) {						\
			__found = min(__at + __ffs(__word), (unsigned long)(size)); \
			break;						\
		}							\
		__at = (__at | (BITS_PER_LONG - 1)) + 1;		\
	}								\
	__found; })

LIB unsigned long find_next_bit(const unsigned long *addr, unsigned long size, unsigned long offset)
{
	return __FIND_NEXT(size, offset, addr[i]);
}

LIB unsigned long find_next_zero_bit(const unsigned long *addr, unsigned long size, unsigned long offset)
{
	return __FIND_NEXT(size, offset, ~addr[i]);
}

LIB unsigned long find_next_and_bit(const unsigned long *a, const unsigned long *b, unsigned long size,
				    unsigned long offset)
{
	return __FIND_NEXT(size, offset, a[i] & b[i]);
}

LIB unsigned long find_next_andnot_bit(const unsigned long *a, const unsigned long *b, unsigned long size,
				       unsigned long offset)
{
	return __FIND_NEXT(size, offset, a[i] & ~b[i]);
}

LIB unsigned long find_next_or_bit(const unsigned long *a, const unsigned long *b, unsigned long size,
				   unsigned long offset)
{
	return __FIND_NEXT(size, offset, a[i] | b[i]);
}

LIB unsigned long find_last_bit(const unsigned long *addr, unsigned long size)
{
	unsigned long i = BITS_TO_LONGS(size), kept = size % BITS_PER_LONG ? BIT(size % BITS_PER_LONG) - 1 : ~0UL;

	for (; i--; kept = ~0UL)
		if (addr[i] & kept)
			return i * BITS_PER_LONG + __fls(addr[i] & kept);
	return size;
}

/* The number of the n-th set bit, counted from 0; 32 where there are not so many. */
LIB unsigned long fns(unsigned long word, unsigned int n)
{
	while (word && n--)
		word &= word - 1;
	return word ? __ffs(word) : BITS_PER_LONG;
}

#define __FIND_NTH(size, n, expression) ({				\
	unsigned long i, __left = (n), __found = (size);		\
									\
	for (i = 0; i < BITS_TO_LONGS(size); i++) {			\
		unsigned long __word = (expression), __count = hweight_long(__word); \
									\
		if (__left < __count) {					\
			__found = min(i * BITS_PER_LONG + fns(__word, __left), (unsigned long)(size)); \
			break;						\
		}							\
		__left -= __count;					\
	}								\
	__found; })

LIB unsigned long find_nth_bit(const unsigned long *addr, unsigned long size, unsigned long n)
{
	return __FIND_NTH(size, n, addr[i]);
}

LIB unsigned long find_nth_and_bit(const unsigned long *a, const unsigned long *b, unsigned long size,
				   unsigned long n)
{
	return __FIND_NTH(size, n, a[i] & b[i]);
}

LIB unsigned long find_nth_andnot_bit(const unsigned long *a, const unsigned long *b, unsigned long size,
				      unsigned long n)
{
	return __FIND_NTH(size, n, a[i] & ~b[i]);
}

LIB unsigned long find_next_bit_wrap(const unsigned long *addr, unsigned long size, unsigned long offset)
{
	unsigned long bit = find_next_bit(addr, size, offset);

	return bit < size ? bit : find_first_bit(addr, size);
}

LIB unsigned long find_next_and_bit_wrap(const unsigned long *a, const unsigned long *b, unsigned long size,
					 unsigned long offset)
{
	unsigned long bit = find_next_and_bit(a, b, size, offset);

	return bit < size ? bit : find_first_and_bit(a, b, size);
}

/* The bit behind `bit` on the round that begins at `start`; `size` where the round is complete. */
LIB unsigned long __next_bit_around(const unsigned long *addr, unsigned long size, unsigned long start,
				    unsigned long bit)
{
	unsigned long next = find_next_bit_wrap(addr, size, bit + 1);
	unsigned long here = (bit + size - start) % size, there = (next + size - start) % size;

	return there > here ? next : size;
}

LIB unsigned long find_next_clump8(unsigned long *clump, const unsigned long *addr, unsigned long size,
				   unsigned long offset)
{
	unsigned long bit = find_next_bit(addr, size, offset);

	if (bit >= size)
		return size;
	bit &= ~7UL;
	*clump = addr[BIT_WORD(bit)] >> (bit % BITS_PER_LONG) & 0xff;
	return bit;
}
