#ifndef _LINUX_PAGEMAP_H
#define _LINUX_PAGEMAP_H

#include <linux/mm.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/highmem.h>
#include <linux/compiler.h>
#include <linux/gfp.h>
#include <asm/uaccess.h>

#define PAGE_CACHE_SHIFT	PAGE_SHIFT
#define PAGE_CACHE_SIZE		PAGE_SIZE
#define PAGE_CACHE_MASK		PAGE_MASK
#define PAGE_CACHE_ALIGN(addr)	PAGE_ALIGN(addr)

#define page_cache_get(page)		get_page(page)
#define page_cache_release(page)	put_page(page)

/* mapping->flags: the GFP flags of the mapping's pages, and above them these bits. */
#define AS_EIO		(__GFP_BITS_SHIFT + 0)
#define AS_ENOSPC	(__GFP_BITS_SHIFT + 1)

static inline gfp_t mapping_gfp_mask(struct address_space *mapping)
{
	return mapping->flags & __GFP_BITS_MASK;
}

static inline void mapping_set_gfp_mask(struct address_space *mapping, gfp_t mask)
{
	mapping->flags = (mapping->flags & ~(unsigned long)__GFP_BITS_MASK) | mask;
}

#define page_cache_alloc(mapping)	alloc_pages(mapping_gfp_mask(mapping), 0)
#define page_cache_alloc_cold(mapping)	alloc_pages(mapping_gfp_mask(mapping) | __GFP_COLD, 0)
#define grab_cache_page(mapping, index)	find_or_create_page(mapping, index, mapping_gfp_mask(mapping))

extern struct page *grab_cache_page_nowait(struct address_space *mapping, unsigned long index);

typedef int filler_t(void *, struct page *);
extern struct page *read_cache_page(struct address_space *mapping, unsigned long index, filler_t *filler, void *data);

static inline struct page *read_mapping_page(struct address_space *mapping, unsigned long index, void *data)
{
	return read_cache_page(mapping, index, (filler_t *)mapping->a_ops->readpage, data);
}

static inline loff_t page_offset(struct page *page)
{
	return (loff_t)page->index << PAGE_CACHE_SHIFT;
}

static inline void lock_page(struct page *page)
{
	might_sleep();
	if (TestSetPageLocked(page))
		__lock_page(page);
}

#define trylock_page(page)	(!TestSetPageLocked(page))

static inline void wait_on_page_locked(struct page *page)
{
	if (PageLocked(page))
		wait_on_page_bit(page, PG_locked);
}

static inline void wait_on_page_writeback(struct page *page)
{
	if (PageWriteback(page))
		wait_on_page_bit(page, PG_writeback);
}

#endif
