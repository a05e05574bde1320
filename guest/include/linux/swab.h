#ifndef _LINUX_SWAB_H
#define _LINUX_SWAB_H

#include <linux/types.h>

/* Of a constant each is a constant, good for an initialiser and a case label. */
#define swab16(x)	((u16)__builtin_bswap16((u16)(x)))
#define swab32(x)	((u32)__builtin_bswap32((u32)(x)))
#define swab64(x)	((u64)__builtin_bswap64((u64)(x)))

/* swahw32 exchanges the halves, swahb32 the bytes in each half. */
#define swahw32(x)	((u32)((u32)(x) << 16 | (u32)(x) >> 16))
#define swahb32(x)	((u32)(((u32)(x) & 0x00ff00ff) << 8 | ((u32)(x) >> 8 & 0x00ff00ff)))

/* ...p reads through a pointer, ...s changes what it points to. */
#define __SWAB_BY_POINTER(name, type)					\
static inline type name##p(const type *p) { return name(*p); }		\
static inline void name##s(type *p) { *p = name(*p); }
__SWAB_BY_POINTER(swab16, u16)
__SWAB_BY_POINTER(swab32, u32)
__SWAB_BY_POINTER(swab64, u64)
__SWAB_BY_POINTER(swahw32, u32)
__SWAB_BY_POINTER(swahb32, u32)
#undef __SWAB_BY_POINTER

#define __swab16(x)	swab16(x)
#define __swab32(x)	swab32(x)
#define __swab64(x)	swab64(x)
#define __swab16p(p)	swab16p(p)
#define __swab32p(p)	swab32p(p)
#define __swab64p(p)	swab64p(p)
#define __swab16s(p)	swab16s(p)
#define __swab32s(p)	swab32s(p)
#define __swab64s(p)	swab64s(p)

#endif
