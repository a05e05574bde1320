/*
 * Reads a word of which the last bytes are in the guard page: CR2 is where that begins.
 * argv: pages of the area, bytes in the guard page (1 to 3).
 */
#include "faults.h"
#include <linux/vmalloc.h>

int main(int argc, char **argv)
{
	unsigned long pages = number(argc, argv, 1, 2), beyond = number(argc, argv, 2, 2);
	char *area = vmalloc(pages * PAGE_SIZE);

	if (!area)
		return 1;
	printk("read of 4 bytes at %p\n", area + pages * PAGE_SIZE - 4 + beyond);
	return *(volatile int *)(area + pages * PAGE_SIZE - 4 + beyond);
}
