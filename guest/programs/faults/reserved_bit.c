/*
 * A page-table entry with a bit that must be 0: bit 21 of a 4 MB page's, with PAE one of the bits above a physical
 * address. The CPU refuses to use it. argv: an offset, with PAE the bit (40 to 62).
 */
#include "faults.h"
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/vmalloc.h>

int main(int argc, char **argv)
{
	unsigned long offset = number(argc, argv, 1, 0x10) & 0xffc;
#ifdef CONFIG_X86_PAE
	unsigned long address = (unsigned long)vmalloc(PAGE_SIZE) + offset;
	pmd_t *pmd = pmd_offset(pud_offset(pgd_offset_k(address), address), address);
	pte_t *pte = pte_offset_kernel(pmd, address);

	pte->pte_high |= 1UL << (number(argc, argv, 2, 52) - 32);
#else
	unsigned long address = 0x40000000 + offset;

	*(unsigned long *)pgd_offset(current->mm, address) = 1 << 21 | _PAGE_PSE | _KERNPG_TABLE;
#endif
	__flush_tlb_one(address);
	printk("read of 4 bytes at %08lx\n", address);
	return *(volatile int *)address;
}
