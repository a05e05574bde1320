/*
 * kunmap takes the page, not the address, as kunmap_atomic does; a cast keeps the compiler quiet.
 * highmem: --ram 1G
 * expect: kunmap_address.c:20: log: BUG: unable to handle
 */
#include <linux/errno.h>
#include <linux/highmem.h>
#include <linux/kernel.h>
#include <linux/mm.h>

int main(void)
{
	struct page *page = alloc_page(GFP_HIGHUSER);
	int *window;

	if (!page)
		return -ENOMEM;
	window = kmap(page);
	window[0] = 0;
	kunmap((struct page *)window);
	__free_page(page);
	return 0;
}
