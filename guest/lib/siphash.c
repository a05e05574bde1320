/* SipHash, by its authors' description (Aumasson, Bernstein: SipHash, a fast short-input PRF). */
#include <linux/bitops.h>
#include <linux/siphash.h>
#include <asm/unaligned.h>
#include "lib.h"

/* One round with words of a size: what moves by how much. */
#define __ROUND(bits, v, a, b, c, d, e, f) do {				\
	v[0] += v[1]; v[1] = rol##bits(v[1], a); v[1] ^= v[0]; v[0] = rol##bits(v[0], b); \
	v[2] += v[3]; v[3] = rol##bits(v[3], c); v[3] ^= v[2];		\
	v[0] += v[3]; v[3] = rol##bits(v[3], d); v[3] ^= v[0];		\
	v[2] += v[1]; v[1] = rol##bits(v[1], e); v[1] ^= v[2]; v[2] = rol##bits(v[2], f); \
} while (0)

static void rounds64(u64 *v, int count)
{
	while (count--)
		__ROUND(64, v, 13, 32, 16, 21, 17, 32);
}

static void rounds32(u32 *v, int count)
{
	while (count--)
		__ROUND(32, v, 5, 16, 8, 7, 13, 16);
}

/* What is left of the data, as a number with the length as its highest byte. */
static u64 last(const u8 *data, size_t left, size_t len, int size)
{
	u64 word = (u64)(u8)len << (8 * size - 8);

	while (left--)
		word |= (u64)data[left] << (8 * left);
	return word;
}

LIB u64 siphash(const void *data, size_t len, const siphash_key_t *key)
{
	u64 v[4] = {
		key->key[0] ^ 0x736f6d6570736575ULL, key->key[1] ^ 0x646f72616e646f6dULL,
		key->key[0] ^ 0x6c7967656e657261ULL, key->key[1] ^ 0x7465646279746573ULL,
	};
	const u8 *at = data;
	size_t left = len;

	for (;; at += 8, left -= 8) {
		u64 word = left >= 8 ? get_unaligned_le64(at) : last(at, left, len, 8);

		v[3] ^= word;
		rounds64(v, 2);
		v[0] ^= word;
		if (left < 8)
			break;
	}
	v[2] ^= 0xff;
	rounds64(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

LIB u32 hsiphash(const void *data, size_t len, const hsiphash_key_t *key)
{
	u32 v[4] = { key->key[0], key->key[1], key->key[0] ^ 0x6c796765, key->key[1] ^ 0x74656462 };
	const u8 *at = data;
	size_t left = len;

	for (;; at += 4, left -= 4) {
		u32 word = left >= 4 ? get_unaligned_le32(at) : last(at, left, len, 4);

		v[3] ^= word;
		rounds32(v, 1);
		v[0] ^= word;
		if (left < 4)
			break;
	}
	v[2] ^= 0xff;
	rounds32(v, 3);
	return v[1] ^ v[3];
}
