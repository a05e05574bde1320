/*
 * One window onto two pages, moved by a store to its PTE; but nobody tells the CPU, which may go on with the page that
 * it has cached. What it writes is then in the wrong one.
 * highmem: --check-tlb
 * expect: missing_tlb_flush.c:32: tlb: BUG: stale TLB entry on CPU 0: write of ... at main+
 */
#include <asm/pgtable.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>

static pte_t *pte_of(unsigned long address)
{
	return pte_offset_kernel(pmd_offset(pud_offset(pgd_offset_k(address), address), address), address);
}

static void move_window(char *window, struct page *page)
{
	set_pte(pte_of((unsigned long)window), mk_pte(page, PAGE_KERNEL));
}

int main(void)
{
	struct page *second = alloc_page(GFP_KERNEL | __GFP_ZERO);
	char *window = vmalloc(PAGE_SIZE);

	if (!second || !window)
		return -ENOMEM;
	window[16] = '1';
	move_window(window, second);
	window[16] = '2';
	printk("the second page has %s\n", ((char *)page_address(second))[16] == '2' ? "its text" : "nothing");
	vfree(window);
	__free_page(second);
	return 0;
}
