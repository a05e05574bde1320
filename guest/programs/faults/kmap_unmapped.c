/*
 * Keeps the address that kmap() gave after kunmap(). The mapping stands until the search for a free slot has come
 * round: then it is gone. argv: an offset in the page.
 */
#include "faults.h"
#include <linux/highmem.h>

int main(int argc, char **argv)
{
	struct page *page = alloc_page(GFP_HIGHUSER);
	volatile char *window;
	char *other, *before;

	if (!page || !PageHighMem(page)) {
		printk("this machine has no HighMem: kmap() gives an address that stays\n");
		return 0;
	}
	window = other = kmap(page);
	kunmap(page);
	do {	/* other users of kmap(), until the search has come to its end and begins anew */
		struct page *next = alloc_page(GFP_HIGHUSER);

		before = other;
		other = kmap(next);
		kunmap(next);
	} while (other > before);
	window += number(argc, argv, 1, 0x40) & (PAGE_SIZE - 1);
	printk("write of 1 byte at %p\n", window);
	*window = 1;
	return 0;
}
