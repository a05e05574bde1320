#ifndef _LINUX_BITOPS_H
#define _LINUX_BITOPS_H

#include <linux/bits.h>
#include <linux/find.h>
#include <asm/bitops.h>

#define BITS_TO_U64(bits)	(((bits) + 63) / 64)
#define BITS_TO_U32(bits)	(((bits) + 31) / 32)
#define BITS_TO_BYTES(bits)	(((bits) + 7) / 8)

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

#define get_count_order_long(count)	get_count_order(count)

static inline unsigned long __ffs64(u64 word)
{
	return (u32)word ? __ffs((u32)word) : __ffs(word >> 32) + 32;
}

/* Bit `index` is the sign, and goes to all bits above it. */
static inline s32 sign_extend32(u32 value, int index)
{
	return (s32)(value << (31 - index)) >> (31 - index);
}

static inline s64 sign_extend64(u64 value, int index)
{
	return (s64)(value << (63 - index)) >> (63 - index);
}

#define assign_bit(nr, addr, value)	((value) ? set_bit(nr, addr) : clear_bit(nr, addr))
#define __assign_bit(nr, addr, value)	((value) ? __set_bit(nr, addr) : __clear_bit(nr, addr))
#define __ptr_set_bit(nr, addr)		__set_bit(nr, (unsigned long *)(addr))
#define __ptr_clear_bit(nr, addr)	__clear_bit(nr, (unsigned long *)(addr))
#define test_and_set_bit_lock(nr, addr)	test_and_set_bit(nr, addr)
#define clear_bit_unlock(nr, addr)	clear_bit(nr, addr)
#define __clear_bit_unlock(nr, addr)	__clear_bit(nr, addr)
#define test_bit_acquire(nr, addr)	test_bit(nr, addr)
#define for_each_set_bit_le(bit, addr, size)	for_each_set_bit(bit, addr, size)

/* Whether an odd number of bits is set. */
#define parity8(byte)			((bool)(hweight8(byte) & 1))

#define fls_long(word)			fls(word)
#define get_bitmask_order(count)	fls(count)

#endif
