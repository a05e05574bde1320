#ifndef _LINUX_GFP_H
#define _LINUX_GFP_H

#include <linux/cleanup.h>
#include <linux/types.h>

#define __GFP_DMA		((gfp_t)0x01)
#define __GFP_HIGHMEM		((gfp_t)0x02)
#define __GFP_DMA32		((gfp_t)0x04)
#define __GFP_WAIT		((gfp_t)0x10)
#define __GFP_HIGH		((gfp_t)0x20)
#define __GFP_IO		((gfp_t)0x40)
#define __GFP_FS		((gfp_t)0x80)
#define __GFP_COLD		((gfp_t)0x100)
#define __GFP_NOWARN		((gfp_t)0x200)
#define __GFP_REPEAT		((gfp_t)0x400)
#define __GFP_NOFAIL		((gfp_t)0x800)
#define __GFP_NORETRY		((gfp_t)0x1000)
#define __GFP_NO_GROW		((gfp_t)0x2000)
#define __GFP_COMP		((gfp_t)0x4000)
#define __GFP_ZERO		((gfp_t)0x8000)
#define __GFP_NOMEMALLOC	((gfp_t)0x10000)
#define __GFP_HARDWALL		((gfp_t)0x20000)
#define __GFP_THISNODE		((gfp_t)0x40000)
#define __GFP_BITS_SHIFT	20
#define __GFP_BITS_MASK		((gfp_t)((1 << __GFP_BITS_SHIFT) - 1))

/* Of later kernels: other names for what there is, and hints that ask for nothing here. */
#define __GFP_DIRECT_RECLAIM	__GFP_WAIT
#define __GFP_RECLAIM		__GFP_WAIT
#define __GFP_RETRY_MAYFAIL	__GFP_REPEAT
#define __GFP_ATOMIC		((gfp_t)0)
#define __GFP_KSWAPD_RECLAIM	((gfp_t)0)
#define __GFP_MEMALLOC		((gfp_t)0)
#define __GFP_RECLAIMABLE	((gfp_t)0)
#define __GFP_MOVABLE		((gfp_t)0)
#define __GFP_WRITE		((gfp_t)0)
#define __GFP_NOTRACK		((gfp_t)0)
#define __GFP_ACCOUNT		((gfp_t)0)
#define __GFP_OTHER_NODE	((gfp_t)0)
#define __GFP_NOLOCKDEP		((gfp_t)0)

#define GFP_NOWAIT	(GFP_ATOMIC & ~__GFP_HIGH)
#define GFP_ATOMIC	(__GFP_HIGH)
#define GFP_NOIO	(__GFP_WAIT)
#define GFP_NOFS	(__GFP_WAIT | __GFP_IO)
#define GFP_KERNEL	(__GFP_WAIT | __GFP_IO | __GFP_FS)
#define GFP_USER	(__GFP_WAIT | __GFP_IO | __GFP_FS | __GFP_HARDWALL)
#define GFP_HIGHUSER	(GFP_USER | __GFP_HIGHMEM)
#define GFP_THISNODE	((gfp_t)0)
#define GFP_DMA		__GFP_DMA
#define GFP_DMA32	((gfp_t)0)
#define GFP_TEMPORARY	GFP_KERNEL
#define GFP_HIGHUSER_MOVABLE	GFP_HIGHUSER
#define GFP_KERNEL_ACCOUNT	GFP_KERNEL

#define GFP_LEVEL_MASK	(__GFP_WAIT | __GFP_HIGH | __GFP_IO | __GFP_FS | __GFP_COLD | __GFP_NOWARN | \
			 __GFP_REPEAT | __GFP_NOFAIL | __GFP_NORETRY | __GFP_NO_GROW | __GFP_COMP | \
			 __GFP_NOMEMALLOC | __GFP_HARDWALL | __GFP_THISNODE)

#define gfpflags_allow_blocking(flags)	(((flags) & __GFP_WAIT) != 0)

#include <linux/mmzone.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <generated/calls/gfp.h>

#define alloc_page(gfp_mask)		alloc_pages(gfp_mask, 0)
#define __get_free_page(gfp_mask)	__get_free_pages(gfp_mask, 0)
#define __get_dma_pages(gfp_mask, order)	__get_free_pages((gfp_mask) | GFP_DMA, order)
#define __free_page(page)		__free_pages(page, 0)
#define free_page(addr)			free_pages(addr, 0)
#define free_hot_page(page)		__free_pages(page, 0)
#define free_cold_page(page)		__free_pages(page, 0)

/* One node. */
#define alloc_pages_node(nid, gfp_mask, order)	((void)(nid), alloc_pages(gfp_mask, order))
#define alloc_page_vma(gfp_mask, vma, addr)	alloc_pages(gfp_mask, 0)
#define __alloc_pages_node(nid, gfp_mask, order)	alloc_pages_node(nid, gfp_mask, order)

/* Of later kernels: as many pages as `size` bytes need, where a block of 2^n would have more. Not for highmem. */
extern void *alloc_pages_exact(size_t size, gfp_t gfp_mask);
extern void free_pages_exact(void *virt, size_t size);
#define alloc_pages_exact_nid(nid, size, gfp_mask)	((void)(nid), alloc_pages_exact(size, gfp_mask))

/* Fills the empty places of an array; how many of its first places are full then. */
extern unsigned long alloc_pages_bulk(gfp_t gfp_mask, unsigned long nr_pages, struct page **page_array);
#define alloc_pages_bulk_array(gfp_mask, nr_pages, page_array)	alloc_pages_bulk(gfp_mask, nr_pages, page_array)

DEFINE_FREE(free_page, void *, if (_T) free_page((unsigned long)_T))

#endif
