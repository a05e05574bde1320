#ifndef _ASM_UNALIGNED_H
#define _ASM_UNALIGNED_H

#include <asm/byteorder.h>

/* The i386 reads and writes at any address. */
#define get_unaligned(ptr)		(*(ptr))
#define put_unaligned(value, ptr)	((void)(*(ptr) = (value)))

/* By name of the order in memory, as later kernels have them. */
#define __UNALIGNED(order, bits)					\
static inline u##bits get_unaligned_##order##bits(const void *p)	\
{									\
	return order##bits##_to_cpup(p);				\
}									\
static inline void put_unaligned_##order##bits(u##bits value, void *p)	\
{									\
	*(__##order##bits *)p = cpu_to_##order##bits(value);		\
}
__UNALIGNED(le, 16)
__UNALIGNED(le, 32)
__UNALIGNED(le, 64)
__UNALIGNED(be, 16)
__UNALIGNED(be, 32)
__UNALIGNED(be, 64)
#undef __UNALIGNED

#endif
