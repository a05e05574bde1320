#ifndef _LINUX_CONST_H
#define _LINUX_CONST_H

#include <linux/compiler.h>

/* A number with a suffix for C; in assembler the plain number. */
#ifdef __ASSEMBLER__
#define _AC(x, suffix)	x
#define _AT(type, x)	x
#else
#define _AC(x, suffix)	__PASTE(x, suffix)
#define _AT(type, x)	((type)(x))
#endif
#define _UL(x)		_AC(x, UL)
#define _ULL(x)		_AC(x, ULL)
#define UL(x)		_UL(x)
#define ULL(x)		_ULL(x)
#define _BITUL(x)	(_UL(1) << (x))
#define _BITULL(x)	(_ULL(1) << (x))

#endif
