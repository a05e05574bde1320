/* Cyclic redundancy checks, a byte at a time by a table that the first use fills. */
#include <linux/bitrev.h>
#include <linux/crc-ccitt.h>
#include <linux/crc-itu-t.h>
#include <linux/crc-t10dif.h>
#include <linux/crc16.h>
#include <linux/crc32.h>
#include <linux/crc64.h>
#include <linux/crc7.h>
#include "lib.h"

/* name(crc, data, len) with the lowest bit first; the polynomial's bits are in that order too. */
#define __CRC_LE(type, name, pointer, polynomial)			\
LIB type name(type crc, const pointer *data, size_t len)		\
{									\
	static type table[256];						\
	const u8 *at = (const u8 *)data;				\
	int i, bit;							\
									\
	for (i = 0; !table[255] && i < 256; i++) {			\
		type value = i;						\
									\
		for (bit = 0; bit < 8; bit++)				\
			value = value >> 1 ^ (value & 1 ? polynomial : 0); \
		table[i] = value;					\
	}								\
	while (len--)							\
		crc = crc >> 8 ^ table[(u8)crc ^ *at++];		\
	return crc;							\
}

/* With the highest bit first. */
#define __CRC_BE(type, name, pointer, polynomial)			\
LIB type name(type crc, const pointer *data, size_t len)		\
{									\
	static type table[256];						\
	const u8 *at = (const u8 *)data;				\
	int i, bit, shift = 8 * sizeof(type) - 8;			\
									\
	for (i = 0; !table[255] && i < 256; i++) {			\
		type value = (type)i << shift;				\
									\
		for (bit = 0; bit < 8; bit++)				\
			value = value << 1 ^ (value >> (shift + 7) & 1 ? polynomial : 0); \
		table[i] = value;					\
	}								\
	while (len--)							\
		crc = (u64)crc << 8 ^ table[(u8)(crc >> shift) ^ *at++]; \
	return crc;							\
}

__CRC_LE(u32, crc32_le, void, 0xedb88320)
__CRC_BE(u32, crc32_be, void, 0x04c11db7)
__CRC_LE(u32, __crc32c_le, void, 0x82f63b78)
__CRC_LE(u16, crc16, u8, 0xa001)
__CRC_LE(u16, crc_ccitt, u8, 0x8408)
__CRC_BE(u16, crc_itu_t, u8, 0x1021)
__CRC_BE(u16, crc_t10dif_update, u8, 0x8bb7)
__CRC_BE(u8, crc7_be, u8, 0x12)
__CRC_BE(u64, crc64_be, void, 0x42f0e1eba9ea3693ULL)

extern u64 __crc64_nvme(u64 crc, const void *data, size_t len);
__CRC_LE(u64, __crc64_nvme, void, 0x9a6c9329ac4bc9b5ULL)

LIB u64 crc64_nvme(u64 crc, const void *data, size_t len)
{
	return ~__crc64_nvme(~crc, data, len);
}

/* a * b modulo the polynomial, lowest bit first. */
static u32 multiply(u32 a, u32 b, u32 polynomial)
{
	u32 product = 0;

	for (; a; a <<= 1) {
		if (a >> 31)
			product ^= b;
		b = b >> 1 ^ (b & 1 ? polynomial : 0);
	}
	return product;
}

/* What crc is after len zero bytes: crc * x^(8 len). */
static u32 shift(u32 crc, size_t len, u32 polynomial)
{
	u32 power = 1U << 23;	/* x^8 */

	for (; len; len >>= 1) {
		if (len & 1)
			crc = multiply(crc, power, polynomial);
		power = multiply(power, power, polynomial);
	}
	return crc;
}

LIB u32 crc32_le_combine(u32 crc1, u32 crc2, size_t len2)
{
	return shift(crc1, len2, 0xedb88320) ^ crc2;
}

LIB u32 __crc32c_le_combine(u32 crc1, u32 crc2, size_t len2)
{
	return shift(crc1, len2, 0x82f63b78) ^ crc2;
}
