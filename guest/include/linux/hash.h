#ifndef _LINUX_HASH_H
#define _LINUX_HASH_H

#include <linux/types.h>

#define GOLDEN_RATIO_PRIME_32	0x9e370001UL
#define GOLDEN_RATIO_PRIME	GOLDEN_RATIO_PRIME_32

static inline u32 hash_32(u32 value, unsigned int bits)
{
	return (u32)(value * GOLDEN_RATIO_PRIME_32) >> (32 - bits);
}

#define hash_long(value, bits)	hash_32(value, bits)
#define hash_ptr(ptr, bits)	hash_32((u32)(ptr), bits)

#endif
