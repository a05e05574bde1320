#ifndef _LINUX_HASH_H
#define _LINUX_HASH_H

#include <linux/types.h>

#define GOLDEN_RATIO_PRIME_32	0x9e370001UL
#define GOLDEN_RATIO_PRIME	GOLDEN_RATIO_PRIME_32

static inline u32 hash_32(u32 value, unsigned int bits)
{
	return (u32)(value * GOLDEN_RATIO_PRIME_32) >> (32 - bits);
}

#define GOLDEN_RATIO_32		0x61c88647u
#define GOLDEN_RATIO_64		0x61c8864680b583ebull

/* Of later kernels. */
static inline u32 __hash_32(u32 value)
{
	return value * GOLDEN_RATIO_32;
}

static inline u32 hash_64(u64 value, unsigned int bits)
{
	return __hash_32((u32)value ^ __hash_32(value >> 32)) >> (32 - bits);
}

#define __hash_32_generic(value)	__hash_32(value)
#define hash_64_generic(value, bits)	hash_64(value, bits)

#define hash_long(value, bits)	hash_32(value, bits)
#define hash_ptr(ptr, bits)	hash_32((u32)(ptr), bits)

#endif
