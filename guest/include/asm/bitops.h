#ifndef _ASM_BITOPS_H
#define _ASM_BITOPS_H

#include <linux/bits.h>
#include <asm/atomic.h>

#define __BIT_OPERATION(name, instruction)				\
static inline void name(int nr, volatile unsigned long *addr)		\
{									\
	__asm__ __volatile__(LOCK_PREFIX instruction " %1, %0"		\
			     : "+m" (addr[BIT_WORD(nr)]) : "Ir" (nr % BITS_PER_LONG) : "memory"); \
}
__BIT_OPERATION(set_bit, "btsl")
__BIT_OPERATION(clear_bit, "btrl")
__BIT_OPERATION(change_bit, "btcl")
#undef __BIT_OPERATION

#define __BIT_TEST_OPERATION(name, instruction)				\
static inline int name(int nr, volatile unsigned long *addr)		\
{									\
	int old;							\
	__asm__ __volatile__(LOCK_PREFIX instruction " %2, %1\n\tsbbl %0, %0" \
			     : "=r" (old), "+m" (addr[BIT_WORD(nr)])	\
			     : "Ir" (nr % BITS_PER_LONG) : "memory", "cc"); \
	return -old;							\
}
__BIT_TEST_OPERATION(test_and_set_bit, "btsl")
__BIT_TEST_OPERATION(test_and_clear_bit, "btrl")
__BIT_TEST_OPERATION(test_and_change_bit, "btcl")
#undef __BIT_TEST_OPERATION

static inline int test_bit(int nr, const volatile unsigned long *addr)
{
	return addr[BIT_WORD(nr)] >> (nr % BITS_PER_LONG) & 1;
}

#define __set_bit(nr, addr)		set_bit(nr, addr)
#define __clear_bit(nr, addr)		clear_bit(nr, addr)
#define __change_bit(nr, addr)		change_bit(nr, addr)
#define __test_and_set_bit(nr, addr)	test_and_set_bit(nr, addr)
#define __test_and_clear_bit(nr, addr)	test_and_clear_bit(nr, addr)
#define __test_and_change_bit(nr, addr)	test_and_change_bit(nr, addr)
#define smp_mb__before_clear_bit()	barrier()
#define smp_mb__after_clear_bit()	barrier()

/* Number of the lowest set bit; undefined for 0. */
static inline unsigned long __ffs(unsigned long word)
{
	__asm__("bsfl %1, %0" : "=r" (word) : "rm" (word));
	return word;
}

/* Number of the highest set bit; undefined for 0. */
static inline unsigned long __fls(unsigned long word)
{
	__asm__("bsrl %1, %0" : "=r" (word) : "rm" (word));
	return word;
}

#define ffz(word)	__ffs(~(word))

/* These two count from 1 and give 0 for 0. */
static inline int ffs(int x)
{
	return x ? (int)__ffs(x) + 1 : 0;
}

static inline int fls(int x)
{
	return x ? (int)__fls(x) + 1 : 0;
}

static inline int fls64(u64 x)
{
	return x >> 32 ? fls(x >> 32) + 32 : fls((u32)x);
}

static inline unsigned int __hweight32(unsigned int w)
{
	w -= (w >> 1) & 0x55555555;
	w = (w & 0x33333333) + ((w >> 2) & 0x33333333);
	w = (w + (w >> 4)) & 0x0f0f0f0f;
	return w * 0x01010101 >> 24;
}

#define hweight32(w)	__hweight32((u32)(w))
#define hweight8(w)	hweight32((w) & 0xff)
#define hweight16(w)	hweight32((w) & 0xffff)
#define hweight64(w)	(hweight32(w) + hweight32((u64)(w) >> 32))
#define hweight_long(w)	hweight32(w)

extern unsigned long find_next_bit(const unsigned long *addr, unsigned long size, unsigned long offset);
extern unsigned long find_next_zero_bit(const unsigned long *addr, unsigned long size, unsigned long offset);
#define find_first_bit(addr, size)	find_next_bit(addr, size, 0)
#define find_first_zero_bit(addr, size)	find_next_zero_bit(addr, size, 0)
#define for_each_bit(bit, addr, size)					\
	for ((bit) = find_first_bit(addr, size); (bit) < (size);	\
	     (bit) = find_next_bit(addr, size, (bit) + 1))
#define for_each_set_bit(bit, addr, size)	for_each_bit(bit, addr, size)

#endif
