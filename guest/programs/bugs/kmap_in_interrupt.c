/*
 * kmap in an interrupt: it may have to wait for a slot. There kmap_atomic is the one to call.
 * highmem: --ram 1G
 * expect: kmap_in_interrupt.c:16: log: BUG: sleeping function called from invalid context at mm/highmem.py:...
 */
#include <linux/errno.h>
#include <linux/highmem.h>
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/mm.h>

static char *window;

static void received(void *page)
{
	window = kmap(page);
	window[0] = 1;
}

int main(void)
{
	struct page *page = alloc_page(GFP_HIGHUSER);

	if (!page)
		return -ENOMEM;
	run_in_irq(received, page);
	kunmap(page);
	__free_page(page);
	return 0;
}
