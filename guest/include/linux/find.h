#ifndef _LINUX_FIND_H
#define _LINUX_FIND_H

#include <linux/types.h>
#include <asm/bitops.h>

/* The first bit from `offset` on that is set here and there, or whatever; `size` where there is none. */
#define __FIND_PAIR(name) \
	extern unsigned long find_next_##name(const unsigned long *a, const unsigned long *b, unsigned long size, \
					      unsigned long offset);
__FIND_PAIR(and_bit)
__FIND_PAIR(andnot_bit)
__FIND_PAIR(or_bit)
#undef __FIND_PAIR
#define find_first_and_bit(a, b, size)	find_next_and_bit(a, b, size, 0)
#define find_first_andnot_bit(a, b, size)	find_next_andnot_bit(a, b, size, 0)

/* `size` where all bits are 0. */
extern unsigned long find_last_bit(const unsigned long *addr, unsigned long size);

/* The n-th set bit, counted from 0. */
extern unsigned long find_nth_bit(const unsigned long *addr, unsigned long size, unsigned long n);
extern unsigned long find_nth_and_bit(const unsigned long *a, const unsigned long *b, unsigned long size,
				      unsigned long n);
extern unsigned long find_nth_andnot_bit(const unsigned long *a, const unsigned long *b, unsigned long size,
					 unsigned long n);
extern unsigned long fns(unsigned long word, unsigned int n);

/* From `offset` to the end, and then from the start up to there. */
extern unsigned long find_next_bit_wrap(const unsigned long *addr, unsigned long size, unsigned long offset);
extern unsigned long find_next_and_bit_wrap(const unsigned long *a, const unsigned long *b, unsigned long size,
					    unsigned long offset);
extern unsigned long __next_bit_around(const unsigned long *addr, unsigned long size, unsigned long start,
				       unsigned long bit);

/* The next eight bits, at a multiple of eight, that are not all 0. */
extern unsigned long find_next_clump8(unsigned long *clump, const unsigned long *addr, unsigned long size,
				      unsigned long offset);
#define find_first_clump8(clump, addr, size)	find_next_clump8(clump, addr, size, 0)

#define find_next_bit_le(addr, size, offset)	find_next_bit(addr, size, offset)
#define find_next_zero_bit_le(addr, size, offset)	find_next_zero_bit(addr, size, offset)
#define find_first_zero_bit_le(addr, size)	find_first_zero_bit(addr, size)

/* Each bit that `next` finds behind the one before. */
#define __for_each_found(bit, first, next, size)			\
	for ((bit) = (first); (bit) < (size); (bit)++, (bit) = (next))
#define for_each_set_bit_from(bit, addr, size) \
	__for_each_found(bit, find_next_bit(addr, size, bit), find_next_bit(addr, size, bit), size)
#define for_each_clear_bit(bit, addr, size) \
	__for_each_found(bit, find_first_zero_bit(addr, size), find_next_zero_bit(addr, size, bit), size)
#define for_each_clear_bit_from(bit, addr, size) \
	__for_each_found(bit, find_next_zero_bit(addr, size, bit), find_next_zero_bit(addr, size, bit), size)
#define for_each_and_bit(bit, a, b, size) \
	__for_each_found(bit, find_first_and_bit(a, b, size), find_next_and_bit(a, b, size, bit), size)
#define for_each_andnot_bit(bit, a, b, size) \
	__for_each_found(bit, find_first_andnot_bit(a, b, size), find_next_andnot_bit(a, b, size, bit), size)
#define for_each_or_bit(bit, a, b, size) \
	__for_each_found(bit, find_next_or_bit(a, b, size, 0), find_next_or_bit(a, b, size, bit), size)
#define for_each_set_bit_wrap(bit, addr, size, start)			\
	for ((bit) = find_next_bit_wrap(addr, size, start); (bit) < (size); \
	     (bit) = __next_bit_around(addr, size, start, bit))

/* Runs of bits that are alike: [b, e), where e is found by `end` and the next b behind it by `next`. */
#define __for_each_run(b, first, e, end, next, size) \
	for ((b) = (first); (b) < (size) && ((e) = (end), true); (b) = (next))
#define for_each_set_bitrange_from(b, e, addr, size)			\
	__for_each_run(b, find_next_bit(addr, size, b), e, find_next_zero_bit(addr, size, b), \
		       find_next_bit(addr, size, e), size)
#define for_each_clear_bitrange_from(b, e, addr, size)			\
	__for_each_run(b, find_next_zero_bit(addr, size, b), e, find_next_bit(addr, size, b), \
		       find_next_zero_bit(addr, size, e), size)
#define for_each_set_bitrange(b, e, addr, size)				\
	__for_each_run(b, find_first_bit(addr, size), e, find_next_zero_bit(addr, size, b), \
		       find_next_bit(addr, size, e), size)
#define for_each_clear_bitrange(b, e, addr, size)			\
	__for_each_run(b, find_first_zero_bit(addr, size), e, find_next_bit(addr, size, b), \
		       find_next_zero_bit(addr, size, e), size)

#define for_each_set_clump8(start, clump, bits, size)			\
	for ((start) = find_first_clump8(&(clump), bits, size); (start) < (size); \
	     (start) = find_next_clump8(&(clump), bits, size, (start) + 8))

#endif
