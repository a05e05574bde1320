#ifndef _ASM_CACHEFLUSH_H
#define _ASM_CACHEFLUSH_H

#include <linux/mm.h>

/* The caches of a PC see physical addresses: nothing needs to be written back. */
#define flush_cache_all()			do { } while (0)
#define flush_cache_page(vma, addr, pfn)	do { } while (0)
#define flush_cache_range(vma, start, end)	do { } while (0)
#define flush_cache_vmap(start, end)		do { } while (0)
#define flush_cache_vunmap(start, end)		do { } while (0)
#define flush_icache_range(start, end)		do { } while (0)
#define flush_dcache_page(page)			do { } while (0)

#endif
