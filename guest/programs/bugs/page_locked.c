/*
 * A page is freed whose flags say that it is locked: the kernel prints "Bad page state" and keeps it out of use.
 * expect: page_locked.c:17: log: Bad page state in process 'page_locked'
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/pagemap.h>

int main(void)
{
	struct page *page = alloc_page(GFP_KERNEL);

	if (!page)
		return -ENOMEM;
	SetPageLocked(page);
	__free_page(page);	/* without unlock_page() */
	return 0;
}
