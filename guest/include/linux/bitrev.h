#ifndef _LINUX_BITREV_H
#define _LINUX_BITREV_H

#include <linux/types.h>

/* The bits in the other order. */
static inline u32 bitrev32(u32 word)
{
	word = (word & 0x55555555) << 1 | (word >> 1 & 0x55555555);
	word = (word & 0x33333333) << 2 | (word >> 2 & 0x33333333);
	word = (word & 0x0f0f0f0f) << 4 | (word >> 4 & 0x0f0f0f0f);
	return __builtin_bswap32(word);
}

#define bitrev8(byte)	((u8)(bitrev32((u8)(byte)) >> 24))
#define bitrev16(word)	((u16)(bitrev32((u16)(word)) >> 16))

/* The bits of each byte. */
#define bitrev8x4(word)	__builtin_bswap32(bitrev32(word))

#endif
