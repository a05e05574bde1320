#ifndef _ASM_DIV64_H
#define _ASM_DIV64_H

#include <linux/types.h>

/* Divides the 64-bit variable n in place and gives the remainder. */
#define do_div(n, base) ({						\
	u32 __base = (base), __rest = (u64)(n) % __base;		\
	(n) = (u64)(n) / __base;					\
	__rest; })

#endif
