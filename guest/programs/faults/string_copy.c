/*
 * Copies more than there is, with one instruction for all: what faults is the address in ESI.
 * argv: pages of the source, bytes too many.
 */
#include "faults.h"
#include <linux/gfp.h>
#include <linux/vmalloc.h>

static noinline void copy(void *to, const void *from, unsigned long bytes)
{
	unsigned long words = bytes / 4;

	__asm__ __volatile__("rep; movsl" : "+c" (words), "+D" (to), "+S" (from) : : "memory");
}

int main(int argc, char **argv)
{
	unsigned long pages = number(argc, argv, 1, 2), more = number(argc, argv, 2, 64) & ~3UL;
	char *from = vmalloc(pages * PAGE_SIZE), *to = (char *)__get_free_pages(GFP_KERNEL, 4);

	if (!from || !to)
		return 1;
	printk("read of 4 bytes at %p\n", from + pages * PAGE_SIZE);
	copy(to, from, pages * PAGE_SIZE + more + 4);
	return 0;
}
