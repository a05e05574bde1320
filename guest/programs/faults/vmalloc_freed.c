/* Reads a vmalloc area that was freed. argv: pages of the area, offset in it. */
#include "faults.h"
#include <linux/vmalloc.h>

static noinline void release(void *area)
{
	vfree(area);
}

int main(int argc, char **argv)
{
	char *area = vmalloc(number(argc, argv, 1, 8) * PAGE_SIZE);
	volatile int *late;

	if (!area)
		return 1;
	late = (int *)(area + (number(argc, argv, 2, 0x1230) & ~3UL));
	*late = 1;
	release(area);
	printk("read of 4 bytes at %p\n", late);
	return *late;
}
