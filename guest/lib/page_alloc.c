/* Pages by the number and not by the order: what mm/page_alloc.c of later kernels adds. */
#include <linux/mm.h>
#include "lib.h"

/* From now on each page of the block is freed by itself. */
LIB void split_page(struct page *page, unsigned int order)
{
	unsigned int i;

	BUG_ON(PageCompound(page));
	BUG_ON(!page_count(page));
	for (i = 1; i < 1U << order; i++)
		set_page_count(page + i, 1);
}

LIB void *alloc_pages_exact(size_t size, gfp_t gfp_mask)
{
	unsigned int order = get_order(size);
	unsigned long addr, used, end;

	if (!size || order >= MAX_ORDER)
		return NULL;
	addr = __get_free_pages(gfp_mask & ~__GFP_COMP, order);
	if (!addr)
		return NULL;
	split_page(virt_to_page(addr), order);
	end = addr + (PAGE_SIZE << order);
	for (used = addr + PAGE_ALIGN(size); used < end; used += PAGE_SIZE)
		free_page(used);
	return (void *)addr;
}

LIB void free_pages_exact(void *virt, size_t size)
{
	unsigned long addr = (unsigned long)virt, end = addr + PAGE_ALIGN(size);

	for (; addr < end; addr += PAGE_SIZE)
		free_page(addr);
}

LIB unsigned long alloc_pages_bulk(gfp_t gfp_mask, unsigned long nr_pages, struct page **page_array)
{
	unsigned long i;

	for (i = 0; i < nr_pages; i++)
		if (!page_array[i] && !(page_array[i] = alloc_page(gfp_mask)))
			break;
	return i;
}
