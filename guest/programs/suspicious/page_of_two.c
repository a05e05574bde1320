/*
 * Two hold a page: when one frees it, it is still there for the other, by its window and by its direct-map address.
 * highmem: --ram 1G
 */
#include <linux/errno.h>
#include <linux/highmem.h>
#include <linux/kernel.h>
#include <linux/mm.h>

static int use(gfp_t flags)
{
	struct page *page = alloc_page(flags);
	volatile int *window;

	if (!page)
		return -ENOMEM;
	window = kmap(page);
	window[0] = 1;
	get_page(page);
	__free_page(page);
	window[1] = window[0];
	kunmap(page);
	put_page(page);
	return 0;
}

int main(void)
{
	return use(GFP_HIGHUSER) ?: use(GFP_KERNEL);
}
