/*
 * Between kmap_atomic and kunmap_atomic nobody may sleep: another task could get the window.
 * highmem: --ram 1G
 * expect: schedule_in_atomic.c:21: log: BUG: scheduling while atomic: 
 */
#include <linux/errno.h>
#include <linux/highmem.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/sched.h>

int main(void)
{
	struct page *page = alloc_page(GFP_HIGHUSER);
	int *window;

	if (!page)
		return -ENOMEM;
	window = kmap_atomic(page, KM_USER0);
	window[0] = 1;
	schedule();
	window[1] = 2;
	kunmap_atomic(window, KM_USER0);
	__free_page(page);
	return 0;
}
