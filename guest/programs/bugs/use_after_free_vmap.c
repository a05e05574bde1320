/*
 * Pages that vmap has put side by side are freed one by one, but their area is still there: vunmap should come first.
 * highmem: --check-access
 * expect: use_after_free_vmap.c:23: access: BUG: KASAN: use-of-freed-page in
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>

int main(void)
{
	struct page *pages[2] = { alloc_page(GFP_KERNEL), alloc_page(GFP_KERNEL) };
	volatile int *ring;

	if (!pages[0] || !pages[1])
		return -ENOMEM;
	ring = vmap(pages, 2, VM_MAP, PAGE_KERNEL);
	if (!ring)
		return -ENOMEM;
	ring[0] = 1;
	__free_page(pages[1]);
	ring[1024] = 2;
	vunmap((void *)ring);
	__free_page(pages[0]);
	return 0;
}
