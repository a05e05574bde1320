/*
 * Two users of one window: the page stays mapped for the second one when the first has undone its kmap.
 * highmem: --ram 1G
 */
#include <linux/errno.h>
#include <linux/highmem.h>
#include <linux/kernel.h>
#include <linux/mm.h>

int main(void)
{
	struct page *page = alloc_page(GFP_HIGHUSER);
	volatile int *first, *second;

	if (!page)
		return -ENOMEM;
	first = kmap(page);
	second = kmap(page);
	first[0] = 5;
	kunmap(page);
	second[1] = second[0];
	kunmap(page);
	__free_page(page);
	return first == second ? 0 : 1;
}
