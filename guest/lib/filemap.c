/* The page cache: what of mm/filemap.c and its kin is made of calls. */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/pagemap.h>
#include <linux/pagevec.h>
#include <linux/swap.h>
#include "lib.h"

LIB struct inode *igrab(struct inode *inode)
{
	if (inode->i_state & (I_FREEING | I_WILL_FREE))
		return NULL;
	atomic_inc(&inode->i_count);
	return inode;
}

LIB int mapping_tagged(struct address_space *mapping, int tag)
{
	return (mapping->page_tree.gfp_mask >> (__GFP_BITS_SHIFT + tag)) & 1;
}

LIB int set_page_dirty_lock(struct page *page)
{
	int newly;

	lock_page(page);
	newly = set_page_dirty(page);
	unlock_page(page);
	return newly;
}

/* The page locked, or NULL: where another has it locked, or where memory would have to be waited for. */
LIB struct page *grab_cache_page_nowait(struct address_space *mapping, unsigned long index)
{
	struct page *page = find_get_page(mapping, index);

	if (page) {
		if (trylock_page(page))
			return page;
	} else {
		page = alloc_pages(mapping_gfp_mask(mapping) & ~__GFP_FS, 0);
		if (!page || !add_to_page_cache_lru(page, mapping, index, GFP_KERNEL & ~__GFP_FS))
			return page;
	}
	page_cache_release(page);
	return NULL;
}

/* A page that was there or is new; of a new one the filler has the lock, which it gives back when the page is read. */
static struct page *begin_reading(struct address_space *mapping, unsigned long index, filler_t *filler, void *data)
{
	struct page *page;
	int error;

	while (!(page = find_get_page(mapping, index))) {
		page = page_cache_alloc_cold(mapping);
		if (!page)
			return ERR_PTR(-ENOMEM);
		error = add_to_page_cache_lru(page, mapping, index, GFP_KERNEL);
		if (!error)
			error = filler(data, page);
		if (!error)
			return page;
		page_cache_release(page);
		if (error != -EEXIST)
			return ERR_PTR(error);
	}
	return page;
}

LIB struct page *read_cache_page(struct address_space *mapping, unsigned long index, filler_t *filler, void *data)
{
	for (;;) {
		struct page *page = begin_reading(mapping, index, filler, data);
		int error = 0;

		if (IS_ERR(page))
			return page;
		mark_page_accessed(page);
		if (PageUptodate(page))
			return page;
		lock_page(page);
		if (!page->mapping) {	/* truncated meanwhile */
			unlock_page(page);
			page_cache_release(page);
			continue;
		}
		if (PageUptodate(page))
			unlock_page(page);
		else
			error = filler(data, page);
		if (!error)
			return page;
		page_cache_release(page);
		return ERR_PTR(error);
	}
}

LIB unsigned int pagevec_lookup(struct pagevec *pvec, struct address_space *mapping, unsigned long start,
				unsigned int nr_pages)
{
	return pvec->nr = find_get_pages(mapping, start, nr_pages, pvec->pages);
}

LIB unsigned int pagevec_lookup_tag(struct pagevec *pvec, struct address_space *mapping, unsigned long *index,
				    int tag, unsigned int nr_pages)
{
	return pvec->nr = find_get_pages_tag(mapping, index, tag, nr_pages, pvec->pages);
}

LIB void pagevec_release(struct pagevec *pvec)
{
	if (!pvec->nr)
		return;
	lru_add_drain();
	while (pvec->nr)
		put_page(pvec->pages[--pvec->nr]);
}
