/* Changes to the PTE of a page that was used, by way of the first argument; then the page is used again. */
#include <asm/pgtable.h>
#include <asm/system.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

static pte_t *pte_of(unsigned long address)
{
	return pte_offset_kernel(pmd_offset(pud_offset(pgd_offset_k(address), address), address), address);
}

static void touch(void *address)
{
	++*(volatile int *)address;
}

static void flush(void *address)
{
	__flush_tlb_one((unsigned long)address);
}

int main(int argc, char **argv)
{
	struct page *page = alloc_page(GFP_KERNEL);
	int *window = vmalloc(PAGE_SIZE);
	pte_t *pte, other = mk_pte(page, PAGE_KERNEL), old;
	const char *way = argv[1];

	if (!page || !window)
		return -ENOMEM;
	touch(window);
	pte = pte_of((unsigned long)window);
	old = *pte;
	if (!strcmp(way, "none")) {
		set_pte(pte, other);
	} else if (!strcmp(way, "invlpg")) {
		set_pte(pte, other);
		flush(window);
	} else if (!strcmp(way, "invlpg_too_early")) {
		flush(window);
		set_pte(pte, other);
		touch(window);
	} else if (!strcmp(way, "invlpg_of_another")) {
		set_pte(pte, other);
		flush((char *)window + PAGE_SIZE);
	} else if (!strcmp(way, "cr3")) {
		set_pte(pte, other);
		write_cr3(read_cr3());
	} else if (!strcmp(way, "cr3_not_global")) {
		set_pte(pte, __pte(pte_val(old) & ~_PAGE_GLOBAL));
		flush(window);
		touch(window);
		set_pte(pte, other);
		write_cr3(read_cr3());
	} else if (!strcmp(way, "pge")) {
		set_pte(pte, other);
		write_cr4(read_cr4() ^ 0x80);
		write_cr4(read_cr4() ^ 0x80);
	} else if (!strcmp(way, "unmap")) {
		set_pte(pte, __pte(0));
	} else if (!strcmp(way, "read_only")) {
		set_pte(pte, __pte(pte_val(old) & ~_PAGE_RW));
	} else if (!strcmp(way, "widen")) {
		set_pte(pte, __pte(pte_val(old) & ~_PAGE_RW));
		flush(window);
		(void)*(volatile int *)window;
		set_pte(pte, old);
	} else if (!strcmp(way, "absent")) {
		set_pte(pte, __pte(0));
		flush(window);
		set_pte(pte, other);
	} else if (!strcmp(way, "accessed")) {
		set_pte(pte, __pte(pte_val(old) & ~_PAGE_ACCESSED));
	} else if (!strcmp(way, "dirty")) {
		set_pte(pte, __pte(pte_val(old) & ~_PAGE_DIRTY));
	} else if (!strcmp(way, "untouched")) {
		set_pte(pte, other);
		*(volatile int *)0 = 0;	/* nothing is flushed at the end of a program that dies */
	} else if (!strcmp(way, "back")) {
		set_pte(pte, other);
		set_pte(pte, old);
	} else if (!strcmp(way, "one_cpu")) {
		smp_call_function(touch, window, 0, 1);
		set_pte(pte, other);
		flush(window);
		smp_call_function(touch, window, 0, 1);
	} else if (!strcmp(way, "all_cpus")) {
		smp_call_function(touch, window, 0, 1);
		set_pte(pte, other);
		flush(window);
		smp_call_function(flush, window, 0, 1);
		smp_call_function(touch, window, 0, 1);
	} else {
		return -EINVAL;
	}
	touch(window);
	touch(window);
	return 0;
}
