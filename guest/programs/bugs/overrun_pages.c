/*
 * The order of a block is not the number of its pages: order 1 is two pages, and the third is somebody else's.
 * highmem: --check-access
 * expect: overrun_pages.c:15: access: BUG: KASAN: use-of-freed-page in
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>

static noinline void number_pages(volatile char *block, int pages)
{
	int i;

	for (i = 0; i < pages; i++)
		block[i * PAGE_SIZE] = i;
}

int main(void)
{
	unsigned long block = __get_free_pages(GFP_KERNEL, get_order(3 * PAGE_SIZE) - 1);

	if (!block)
		return -ENOMEM;
	number_pages((char *)block, 3);
	free_pages(block, 1);
	return 0;
}
