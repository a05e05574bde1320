/*
 * vmalloc() hangs a new page table into init_mm alone. The first access through the program's own page directory
 * faults, do_page_fault() copies the entry, and the access runs again. argv: an offset in the page.
 */
#include "faults.h"
#include <linux/mm.h>
#include <linux/vmalloc.h>

int main(int argc, char **argv)
{
	char *area = vmalloc(3 * PMD_SIZE);
	volatile char *place;
	int ok;

	if (!area)
		return 1;
	place = (char *)(((unsigned long)area + PMD_SIZE) & PMD_MASK) + (number(argc, argv, 1, 0x123) & 0xfff);
	printk("write of 1 byte at %p\n", place);
	*place = 7;
	ok = *place == 7;
	printk("it is there%s\n", ok ? "" : " not");
	vfree(area);
	return !ok;
}
