/*
 * One kmap and two kunmaps: the second takes the slot's last count away. A BUG, with every kernel.
 * highmem: --ram 1G
 * expect: kunmap_twice.c:27: log: kernel BUG at mm/highmem.py:...
 * expect: fsck: pkmap_count at ... is 0, frame ... is mapped there
 */
#include <linux/errno.h>
#include <linux/highmem.h>
#include <linux/kernel.h>
#include <linux/mm.h>

static void clear(struct page *page)
{
	int *window = kmap(page);

	window[0] = 0;
	kunmap(page);
}

int main(void)
{
	struct page *page = alloc_page(GFP_HIGHUSER);

	if (!page)
		return -ENOMEM;
	clear(page);
	kunmap(page);	/* again */
	__free_page(page);
	return 0;
}
