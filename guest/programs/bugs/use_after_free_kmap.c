/*
 * A HighMem page is unmapped and freed, and then written to by the address that kmap gave. The slot still leads there:
 * kunmap leaves the PTE until the slots run out.
 * highmem: --ram 1G --check-access
 * expect: use_after_free_kmap.c:23: access: BUG: KASAN: use-of-freed-page in
 */
#include <linux/errno.h>
#include <linux/highmem.h>
#include <linux/kernel.h>
#include <linux/mm.h>

int main(void)
{
	struct page *page = alloc_page(GFP_HIGHUSER);
	volatile char *window;

	if (!page)
		return -ENOMEM;
	window = kmap(page);
	window[99] = 'a';
	kunmap(page);
	__free_page(page);
	window[100] = 'b';
	return 0;
}
