#ifndef _LINUX_BITMAP_H
#define _LINUX_BITMAP_H

#include <linux/align.h>
#include <linux/bitops.h>
#include <linux/find.h>
#include <linux/limits.h>
#include <linux/string.h>

/* Bitmaps of `bits` bits. Bits of the last word behind them may be anything, and do not count. */

#define BITMAP_FIRST_WORD_MASK(start)	(-BIT((start) % BITS_PER_LONG))
#define BITMAP_LAST_WORD_MASK(bits)	(~0UL >> (-(bits) & (BITS_PER_LONG - 1)))
#define bitmap_size(bits)		(ALIGN(bits, BITS_PER_LONG) / BITS_PER_BYTE)

/* For the initial value of an array of longs. */
#define BITMAP_FROM_U64(n)	(u32)(n), (u32)((u64)(n) >> 32)

static inline void bitmap_zero(unsigned long *map, unsigned int bits)
{
	memset(map, 0, BITS_TO_LONGS(bits) * sizeof(long));
}

static inline void bitmap_fill(unsigned long *map, unsigned int bits)
{
	memset(map, 0xff, BITS_TO_LONGS(bits) * sizeof(long));
}

static inline void bitmap_copy(unsigned long *to, const unsigned long *from, unsigned int bits)
{
	memmove(to, from, BITS_TO_LONGS(bits) * sizeof(long));
}

/* The bits behind the last one as zeros. */
static inline void bitmap_copy_clear_tail(unsigned long *to, const unsigned long *from, unsigned int bits)
{
	bitmap_copy(to, from, bits);
	if (bits % BITS_PER_LONG)
		to[bits / BITS_PER_LONG] &= BITMAP_LAST_WORD_MASK(bits);
}

/* True where the result has a bit. */
extern bool bitmap_and(unsigned long *to, const unsigned long *a, const unsigned long *b, unsigned int bits);
extern bool bitmap_andnot(unsigned long *to, const unsigned long *a, const unsigned long *b, unsigned int bits);

extern void bitmap_or(unsigned long *to, const unsigned long *a, const unsigned long *b, unsigned int bits);
extern void bitmap_xor(unsigned long *to, const unsigned long *a, const unsigned long *b, unsigned int bits);
extern void bitmap_complement(unsigned long *to, const unsigned long *from, unsigned int bits);
extern void bitmap_replace(unsigned long *to, const unsigned long *old, const unsigned long *new,
			   const unsigned long *mask, unsigned int bits);
extern bool bitmap_equal(const unsigned long *a, const unsigned long *b, unsigned int bits);
extern bool bitmap_or_equal(const unsigned long *a, const unsigned long *b, const unsigned long *both,
			    unsigned int bits);
extern bool bitmap_intersects(const unsigned long *a, const unsigned long *b, unsigned int bits);
extern bool bitmap_subset(const unsigned long *inner, const unsigned long *outer, unsigned int bits);
extern unsigned int bitmap_weight(const unsigned long *map, unsigned int bits);
extern unsigned int bitmap_weight_and(const unsigned long *a, const unsigned long *b, unsigned int bits);
extern unsigned int bitmap_weight_andnot(const unsigned long *a, const unsigned long *b, unsigned int bits);

/* Towards bit 0, and away from it; zeros come in. */
extern void bitmap_shift_right(unsigned long *to, const unsigned long *from, unsigned int shift, unsigned int bits);
extern void bitmap_shift_left(unsigned long *to, const unsigned long *from, unsigned int shift, unsigned int bits);

/* Leaves `count` bits from `first` on out: the rest moves down. */
extern void bitmap_cut(unsigned long *to, const unsigned long *from, unsigned int first, unsigned int count,
		       unsigned int bits);

extern void bitmap_set(unsigned long *map, unsigned int start, int count);
extern void bitmap_clear(unsigned long *map, unsigned int start, int count);

/* Aligned runs of 1 << order bits: the first free one is taken, -ENOMEM; a known one is freed or taken, -EBUSY. */
extern int bitmap_find_free_region(unsigned long *map, unsigned int bits, int order);
extern void bitmap_release_region(unsigned long *map, unsigned int position, int order);
extern int bitmap_allocate_region(unsigned long *map, unsigned int position, int order);

/* The first run of `count` zeros from `start` on, at a multiple of align_mask + 1; more than `bits` for none. */
extern unsigned long bitmap_find_next_zero_area_off(unsigned long *map, unsigned long bits, unsigned long start,
						    unsigned int count, unsigned long align_mask,
						    unsigned long align_offset);
#define bitmap_find_next_zero_area(map, bits, start, count, align_mask) \
	bitmap_find_next_zero_area_off(map, bits, start, count, align_mask, 0)

/* The n-th set bit of `old` goes to the n-th of `new`, round and round; bits that are in neither stay. */
extern void bitmap_remap(unsigned long *to, const unsigned long *from, const unsigned long *old,
			 const unsigned long *new, unsigned int bits);
extern int bitmap_bitremap(int bit, const unsigned long *old, const unsigned long *new, int bits);

/* The n-th bit goes to the n-th set bit of the mask; and back. */
extern void bitmap_scatter(unsigned long *to, const unsigned long *from, const unsigned long *mask,
			   unsigned int bits);
extern void bitmap_gather(unsigned long *to, const unsigned long *from, const unsigned long *mask,
			  unsigned int bits);

/* 1 to 32 bits at any place, as a number. */
extern unsigned long bitmap_read(const unsigned long *map, unsigned long start, unsigned long count);
extern void bitmap_write(unsigned long *map, unsigned long value, unsigned long start, unsigned long count);
#define bitmap_get_value8(map, start)	bitmap_read(map, start, 8)
#define bitmap_set_value8(map, value, start)	bitmap_write(map, value, start, 8)

extern void bitmap_from_arr32(unsigned long *map, const u32 *words, unsigned int bits);
extern void bitmap_to_arr32(u32 *words, const unsigned long *map, unsigned int bits);
extern void bitmap_from_arr64(unsigned long *map, const u64 *words, unsigned int bits);
extern void bitmap_to_arr64(u64 *words, const unsigned long *map, unsigned int bits);
#define bitmap_from_u64(map, mask)	bitmap_from_arr64(map, &(u64) { mask }, 64)

/*
 * As text: words in hexadecimal with commas, "0-3,8" or "0-31:1/4" (the first one of each four). 0, or -EINVAL,
 * -ERANGE for a bit outside, -EOVERFLOW for a number that is too large.
 */
extern int bitmap_parse(const char *text, unsigned int length, unsigned long *map, int bits);
extern int bitmap_parselist(const char *text, unsigned long *map, int bits);
extern int bitmap_parse_user(const char __user *text, unsigned int length, unsigned long *map, int bits);
extern int bitmap_parselist_user(const char __user *text, unsigned int length, unsigned long *map, int bits);
extern int bitmap_scnprintf(char *buf, unsigned int size, const unsigned long *map, int bits);
extern int bitmap_scnlistprintf(char *buf, unsigned int size, const unsigned long *map, int bits);

/* With a newline: to the end of the page that buf lies in; `count` bytes of the text from `offset` on. */
extern int bitmap_print_to_pagebuf(bool list, char *buf, const unsigned long *map, int bits);
extern int bitmap_print_bitmask_to_buf(char *buf, const unsigned long *map, int bits, loff_t offset, size_t count);
extern int bitmap_print_list_to_buf(char *buf, const unsigned long *map, int bits, loff_t offset, size_t count);

extern unsigned long *bitmap_alloc(unsigned int bits, gfp_t flags);
extern unsigned long *bitmap_zalloc(unsigned int bits, gfp_t flags);
extern void bitmap_free(const unsigned long *map);
#define bitmap_alloc_node(bits, flags, node)	bitmap_alloc(bits, flags)
#define bitmap_zalloc_node(bits, flags, node)	bitmap_zalloc(bits, flags)

static inline bool bitmap_empty(const unsigned long *map, unsigned int bits)
{
	return find_first_bit(map, bits) >= bits;
}

static inline bool bitmap_full(const unsigned long *map, unsigned int bits)
{
	return find_first_zero_bit(map, bits) >= bits;
}

#define __bitmap_equal(a, b, bits)	bitmap_equal(a, b, bits)
#define __bitmap_set(map, start, count)	bitmap_set(map, start, count)
#define __bitmap_clear(map, start, count)	bitmap_clear(map, start, count)
#define __bitmap_weight(map, bits)	bitmap_weight(map, bits)
#define __bitmap_and(to, a, b, bits)	bitmap_and(to, a, b, bits)
#define __bitmap_or(to, a, b, bits)	bitmap_or(to, a, b, bits)

#endif
