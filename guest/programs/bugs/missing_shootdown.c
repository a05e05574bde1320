/*
 * A PTE is changed and INVLPG done, on one CPU. The other one may go on with the old page: nobody told it.
 * highmem: --cpus 2 --check-tlb
 * expect: missing_shootdown.c:19: tlb: BUG: stale TLB entry on CPU 1: read of ... at
 */
#include <asm/pgtable.h>
#include <asm/tlbflush.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/smp.h>
#include <linux/vmalloc.h>

static volatile int *window;
static int sum;

static void look(void *unused)
{
	sum += window[0];
}

static pte_t *pte_of(unsigned long address)
{
	return pte_offset_kernel(pmd_offset(pud_offset(pgd_offset_k(address), address), address), address);
}

int main(void)
{
	struct page *second = alloc_page(GFP_KERNEL | __GFP_ZERO);

	window = vmalloc(PAGE_SIZE);
	if (!second || !window)
		return -ENOMEM;
	window[0] = 1;
	smp_call_function(look, NULL, 0, 1);
	set_pte(pte_of((unsigned long)window), mk_pte(second, PAGE_KERNEL));
	__flush_tlb_one((unsigned long)window);
	smp_call_function(look, NULL, 0, 1);
	printk("the sum is %d\n", sum);
	vfree((void *)window);
	__free_page(second);
	return 0;
}
