/*
 * A HighMem page has no address until it is mapped: page_address() is NULL.
 * highmem: --ram 1G
 * expect: highmem_address.c:18: log: BUG: unable to handle kernel NULL pointer dereference at virtual address 00000000
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>

int main(void)
{
	struct page *page = alloc_page(GFP_HIGHUSER);
	volatile char *text;

	if (!page)
		return -ENOMEM;
	text = page_address(page);
	text[0] = 'x';
	__free_page(page);
	return 0;
}
