/*
 * kmap_atomic without kunmap_atomic: the slot stays taken, and the task may never sleep again.
 * highmem: --ram 1G
 * expect: log: note: kmap_atomic_kep[...] exited with preempt_count 1
 * expect: kmap_atomic_kept.c:19: leaks: kmap_atomic of KM_USER0 on CPU 0 was never undone
 */
#include <linux/errno.h>
#include <linux/highmem.h>
#include <linux/kernel.h>
#include <linux/mm.h>

int main(void)
{
	struct page *page = alloc_page(GFP_HIGHUSER);
	int *window;

	if (!page)
		return -ENOMEM;
	window = kmap_atomic(page, KM_USER0);
	window[0] = 1;
	__free_page(page);
	return 0;
}
