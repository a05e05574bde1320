/* Writes through the address of kmap_atomic() after kunmap_atomic(). argv: offset in the page, type of the slot. */
#include "faults.h"
#include <linux/highmem.h>

int main(int argc, char **argv)
{
	struct page *page = alloc_page(GFP_HIGHUSER);
	enum km_type type = number(argc, argv, 2, KM_USER0) % KM_TYPE_NR;
	volatile int *window;

	if (!page || !PageHighMem(page)) {
		printk("this machine has no HighMem: kmap_atomic() gives an address that stays\n");
		return 0;
	}
	window = kmap_atomic(page, type) + (number(argc, argv, 1, 0x40) & 0xffc);
	*window = 1;
	kunmap_atomic((void *)window, type);
	printk("write of 4 bytes at %p\n", window);
	*window = 2;
	return 0;
}
