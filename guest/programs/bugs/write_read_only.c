/*
 * A page that is mapped read only is written to. Ring 0 heeds that too: CR0.WP is set.
 * expect: write_read_only.c:13: log: BUG: unable to handle kernel paging request at virtual address ...
 */
#include <asm/pgtable.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>

static noinline void change(volatile int *table)
{
	table[1] = table[0] + 1;
}

int main(void)
{
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	int *table;

	if (!page)
		return -ENOMEM;
	table = vmap(&page, 1, VM_MAP, PAGE_KERNEL_RO);
	if (!table) {
		__free_page(page);
		return -ENOMEM;
	}
	change(table);
	vunmap(table);
	__free_page(page);
	return 0;
}
