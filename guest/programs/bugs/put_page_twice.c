/*
 * Two references are given up where one was taken: the count of a page that is free already goes below 0.
 * expect: put_page_twice.c:11: fsck: struct page of frame ... _count is 0xffffffff, the frame belongs to pcp[0].list
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>

static noinline void drop(struct page *page)
{
	put_page(page);
}

int main(void)
{
	struct page *page = alloc_page(GFP_KERNEL);

	if (!page)
		return -ENOMEM;
	get_page(page);
	drop(page);
	drop(page);
	drop(page);
	return 0;
}
