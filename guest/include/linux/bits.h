#ifndef _LINUX_BITS_H
#define _LINUX_BITS_H

#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/const.h>
#include <asm/types.h>

#define BITS_PER_TYPE(type)	(sizeof(type) * 8)
#define BITS_PER_LONG_LONG	64

#define BIT(nr)		(1UL << (nr))
#define BIT_ULL(nr)	(1ULL << (nr))
#define BIT_MASK(nr)	(1UL << ((nr) % BITS_PER_LONG))
#define BIT_WORD(nr)	((nr) / BITS_PER_LONG)
#define BIT_ULL_MASK(nr)	(1ULL << ((nr) % BITS_PER_LONG_LONG))
#define BIT_ULL_WORD(nr)	((nr) / BITS_PER_LONG_LONG)

/* 0, and no number at all where what is a constant is wrong. */
#define __REFUSE(condition)	((int)BUILD_BUG_ON_ZERO(__if_constexpr(condition, condition, 0)))
#define GENMASK_INPUT_CHECK(high, low)	__REFUSE((low) > (high))

/* The bits from low to high, both included. */
#define __GENMASK(high, low)	(-BIT(low) & ~0UL >> (BITS_PER_LONG - 1 - (high)))
#define __GENMASK_ULL(high, low)	(-BIT_ULL(low) & ~0ULL >> (BITS_PER_LONG_LONG - 1 - (high)))
#define GENMASK(high, low)	(GENMASK_INPUT_CHECK(high, low) + __GENMASK(high, low))
#define GENMASK_ULL(high, low)	(GENMASK_INPUT_CHECK(high, low) + __GENMASK_ULL(high, low))

/* As numbers of a type: there must be room for them. */
#define __MASK_OF_TYPE(type, high, low) \
	((type)(__REFUSE((high) >= BITS_PER_TYPE(type)) + GENMASK_ULL(high, low)))
#define GENMASK_TYPE(type, high, low)	__MASK_OF_TYPE(type, high, low)
#define GENMASK_U8(high, low)	__MASK_OF_TYPE(u8, high, low)
#define GENMASK_U16(high, low)	__MASK_OF_TYPE(u16, high, low)
#define GENMASK_U32(high, low)	__MASK_OF_TYPE(u32, high, low)
#define GENMASK_U64(high, low)	__MASK_OF_TYPE(u64, high, low)
#define BIT_TYPE(type, nr)	GENMASK_TYPE(type, nr, nr)
#define BIT_U8(nr)		GENMASK_U8(nr, nr)
#define BIT_U16(nr)		GENMASK_U16(nr, nr)
#define BIT_U32(nr)		GENMASK_U32(nr, nr)
#define BIT_U64(nr)		GENMASK_U64(nr, nr)

#endif
