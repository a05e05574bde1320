#ifndef _LINUX_SIPHASH_H
#define _LINUX_SIPHASH_H

#include <linux/types.h>

/* SipHash-2-4 with 64 bits, and HalfSipHash-1-3 with 32 (https://github.com/veorq/SipHash). */
#define SIPHASH_ALIGNMENT	__alignof__(u64)
#define HSIPHASH_ALIGNMENT	__alignof__(unsigned long)

typedef struct { u64 key[2]; } siphash_key_t;
typedef struct { unsigned long key[2]; } hsiphash_key_t;

#define siphash_key_is_zero(k)	(!((k)->key[0] | (k)->key[1]))

extern u64 siphash(const void *data, size_t len, const siphash_key_t *key);
extern u32 hsiphash(const void *data, size_t len, const hsiphash_key_t *key);

#define siphash_1u64(a, k)	siphash((u64[]) { a }, 8, k)
#define siphash_2u64(a, b, k)	siphash((u64[]) { a, b }, 16, k)
#define siphash_3u64(a, b, c, k)	siphash((u64[]) { a, b, c }, 24, k)
#define siphash_4u64(a, b, c, d, k)	siphash((u64[]) { a, b, c, d }, 32, k)
#define siphash_1u32(a, k)	siphash((u32[]) { a }, 4, k)
#define siphash_2u32(a, b, k)	siphash((u32[]) { a, b }, 8, k)
#define siphash_3u32(a, b, c, k)	siphash((u32[]) { a, b, c }, 12, k)
#define siphash_4u32(a, b, c, d, k)	siphash((u32[]) { a, b, c, d }, 16, k)
#define hsiphash_1u32(a, k)	hsiphash((u32[]) { a }, 4, k)
#define hsiphash_2u32(a, b, k)	hsiphash((u32[]) { a, b }, 8, k)
#define hsiphash_3u32(a, b, c, k)	hsiphash((u32[]) { a, b, c }, 12, k)
#define hsiphash_4u32(a, b, c, d, k)	hsiphash((u32[]) { a, b, c, d }, 16, k)

#endif
