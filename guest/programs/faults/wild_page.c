/* Frees a page by a pointer to no struct page: the kernel itself meets the bad address. argv: the pointer. */
#include "faults.h"
#include <linux/gfp.h>

static noinline void release(struct page *page)
{
	__free_pages(page, 0);
}

int main(int argc, char **argv)
{
	struct page *page = (void *)(number(argc, argv, 1, 0x12345678) & ~3UL);

	printk("__free_pages of %p\n", page);
	release(page);
	return 0;
}
