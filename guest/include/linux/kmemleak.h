#ifndef _LINUX_KMEMLEAK_H
#define _LINUX_KMEMLEAK_H

#include <linux/stddef.h>

/* The search for leaks is made from outside: a program can tell it nothing. */
#define kmemleak_not_leak(p)	((void)(p))
#define kmemleak_ignore(p)	((void)(p))
#define kmemleak_alloc(p, size, count, gfp)	((void)(p))
#define kmemleak_free(p)	((void)(p))
#define kmemleak_free_part(p, size)	((void)(p))
#define kmemleak_alloc_percpu(p, size, gfp)	((void)(p))
#define kmemleak_free_percpu(p)	((void)(p))
#define kmemleak_vmalloc(area, size, gfp)	((void)(area))
#define kmemleak_no_scan(p)	((void)(p))
#define kmemleak_scan_area(p, size, gfp)	((void)(p))
#define kmemleak_update_trace(p)	((void)(p))
#define kmemleak_transient_leak(p)	((void)(p))
#define kmemleak_erase(p)	((void)(*(p) = NULL))

#endif
