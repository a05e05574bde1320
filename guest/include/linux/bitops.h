#ifndef _LINUX_BITOPS_H
#define _LINUX_BITOPS_H

#include <asm/bitops.h>

#define BIT(nr)	(1UL << (nr))
#define GENMASK(high, low)	((~0UL << (low)) & (~0UL >> (BITS_PER_LONG - 1 - (high))))

#define __ROTATE(bits)							\
static inline u##bits rol##bits(u##bits word, unsigned int shift)	\
{									\
	return word << (shift & (bits - 1)) | word >> (-shift & (bits - 1)); \
}									\
static inline u##bits ror##bits(u##bits word, unsigned int shift)	\
{									\
	return word >> (shift & (bits - 1)) | word << (-shift & (bits - 1)); \
}
__ROTATE(8)
__ROTATE(16)
__ROTATE(32)
__ROTATE(64)
#undef __ROTATE

/* The order of the smallest power of two that holds `count`. */
static inline int get_count_order(unsigned int count)
{
	return count > 1 ? fls(count - 1) : 0;
}

#define fls_long(word)			fls(word)
#define get_bitmask_order(count)	fls(count)

#endif
