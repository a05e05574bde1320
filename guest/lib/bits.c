#include "lib.h"

static unsigned long next(const unsigned long *addr, unsigned long size, unsigned long offset, unsigned long flip)
{
	while (offset < size) {
		unsigned long word = (addr[BIT_WORD(offset)] ^ flip) >> (offset % BITS_PER_LONG);

		if (word)
			return min(offset + __ffs(word), size);
		offset = (offset | (BITS_PER_LONG - 1)) + 1;
	}
	return size;
}

LIB unsigned long find_next_bit(const unsigned long *addr, unsigned long size, unsigned long offset)
{
	return next(addr, size, offset, 0);
}

LIB unsigned long find_next_zero_bit(const unsigned long *addr, unsigned long size, unsigned long offset)
{
	return next(addr, size, offset, ~0UL);
}
