/*
 * The program's page directory leads to another page table than init_mm's does: nothing that do_page_fault() could
 * copy, and a BUG. (With PAE both have the same entries, and init_mm itself maps nothing there any more.)
 * argv: an offset in the page.
 */
#include "faults.h"
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/vmalloc.h>

int main(int argc, char **argv)
{
	char *area = vmalloc(3 * PMD_SIZE), *place;
	unsigned long table = get_zeroed_page(GFP_KERNEL);

	if (!area || !table)
		return 1;
	place = (char *)(((unsigned long)area + PMD_SIZE) & PMD_MASK) + (number(argc, argv, 1, 0x80) & 0xffc);
	*(unsigned long *)pmd_offset(pud_offset(pgd_offset(current->mm, (unsigned long)place), 0), (unsigned long)place) =
		__pa(table) | _PAGE_TABLE;
	__flush_tlb_one(place);
	printk("read of 4 bytes at %p\n", place);
	return *(volatile int *)place;
}
