/*
 * A HighMem page is mapped, copied from and freed; the kunmap is missing. There are 1024 slots: then nobody gets one.
 * highmem: --ram 1G
 * expect: leak_kmap.c:13: leaks: kmap at ... was never undone; allocated by
 */
#include <linux/errno.h>
#include <linux/highmem.h>
#include <linux/kernel.h>
#include <linux/mm.h>

static noinline int first_byte(struct page *page)
{
	const char *window = kmap(page);

	return window[0];
}

int main(void)
{
	struct page *page = alloc_page(GFP_HIGHUSER | __GFP_ZERO);

	if (!page)
		return -ENOMEM;
	printk("the first byte is %d\n", first_byte(page));
	__free_page(page);
	return 0;
}
