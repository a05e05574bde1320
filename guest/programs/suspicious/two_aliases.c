/* One page at two addresses, that of the direct map and one of vmap: what the one writes the other reads. */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>

int main(void)
{
	struct page *page = alloc_page(GFP_KERNEL);
	volatile int *alias, *direct;
	int same;

	if (!page)
		return -ENOMEM;
	alias = vmap(&page, 1, VM_MAP, PAGE_KERNEL);
	if (!alias) {
		__free_page(page);
		return -ENOMEM;
	}
	direct = page_address(page);
	direct[3] = 7;
	same = alias[3] == 7;
	vunmap((void *)alias);
	direct[4] = same;
	same = direct[4];
	__free_page(page);
	return same ? 0 : 1;
}
