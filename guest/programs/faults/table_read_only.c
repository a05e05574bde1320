/*
 * The page is writable, but the entry of the page directory above it is not: one level that refuses is enough.
 * argv: an offset in the page.
 */
#include "faults.h"
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/vmalloc.h>

int main(int argc, char **argv)
{
	char *area = vmalloc(3 * PMD_SIZE), *place;
	pmd_t *pmd;

	if (!area)
		return 1;
	/* A page table that has nothing of the program's in it. */
	place = (char *)(((unsigned long)area + PMD_SIZE) & PMD_MASK) + (number(argc, argv, 1, 0x100) & 0xfff);
	*(volatile char *)place = 1;
	pmd = pmd_offset(pud_offset(pgd_offset(current->mm, (unsigned long)place), 0), (unsigned long)place);
	*(volatile unsigned long *)pmd &= ~_PAGE_RW;
	__flush_tlb_one(place);
	printk("write of 1 byte at %p\n", place);
	*(volatile char *)place = 2;
	return 0;
}
