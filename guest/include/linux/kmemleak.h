#ifndef _LINUX_KMEMLEAK_H
#define _LINUX_KMEMLEAK_H

/* The search for leaks is made from outside: a program can tell it nothing. */
#define kmemleak_not_leak(p)	((void)(p))
#define kmemleak_ignore(p)	((void)(p))
#define kmemleak_alloc(p, size, count, gfp)	((void)(p))
#define kmemleak_free(p)	((void)(p))

#endif
