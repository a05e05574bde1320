/*
 * A page in the middle of a block is used as if it were a page of its own, which has a place for private data. In a
 * compound block that is where the block's first page is named.
 * expect: compound_tail.c:22: log: Bad page state in process 'compound_tail'
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>

static noinline void mark(struct page *page, unsigned long number)
{
	set_page_private(page, number);
}

int main(void)
{
	struct page *block = alloc_pages(GFP_KERNEL | __GFP_COMP, 2);

	if (!block)
		return -ENOMEM;
	mark(block + 1, 5);
	__free_pages(block, 2);
	return 0;
}
