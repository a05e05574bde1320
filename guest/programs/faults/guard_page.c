/* Writes past the end of a vmalloc area, into the page that is left unmapped behind it. argv: pages, bytes past. */
#include "faults.h"
#include <linux/vmalloc.h>

int main(int argc, char **argv)
{
	unsigned long pages = number(argc, argv, 1, 4), past = number(argc, argv, 2, 0);
	char *table = vmalloc(pages * PAGE_SIZE);

	if (!table)
		return 1;
	printk("write of 1 byte at %p\n", table + pages * PAGE_SIZE + past);
	((volatile char *)table)[pages * PAGE_SIZE + past] = 1;
	return 0;
}
