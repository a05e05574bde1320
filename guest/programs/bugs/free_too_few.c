/*
 * Four pages are allocated and two are freed: the order is another one. The two others are nobody's from now on.
 * expect: free_too_few.c:11: fsck: struct page of frame ... _count is 0, and no one claims ...: neither free nor in use
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>

int main(void)
{
	unsigned long block = __get_free_pages(GFP_KERNEL, 2);

	if (!block)
		return -ENOMEM;
	free_pages(block, 1);
	return 0;
}
