/* Writes to a page that is mapped read-only: CR0.WP holds for the kernel too. argv: an offset in the page. */
#include "faults.h"
#include <linux/mm.h>
#include <linux/vmalloc.h>

int main(int argc, char **argv)
{
	struct page *page = alloc_page(GFP_KERNEL);
	char *text = page ? vmap(&page, 1, VM_MAP, PAGE_KERNEL_RO) : NULL;
	unsigned long offset = number(argc, argv, 1, 0x100) & (PAGE_SIZE - 1);

	if (!text)
		return 1;
	printk("the first byte is %d\n", *(volatile char *)text);
	printk("write of 1 byte at %p\n", text + offset);
	((volatile char *)text)[offset] = 'x';
	return 0;
}
