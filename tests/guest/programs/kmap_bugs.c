/* What kmap, kmap_atomic and the fixmap do not forgive, by argv[1]. */
#include <linux/highmem.h>
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <asm/fixmap.h>

static struct page *page;

static void unmap(void *unused)
{
	kunmap(page);
}

int main(int argc, char **argv)
{
	page = alloc_page(GFP_HIGHUSER);
	if (!strcmp(argv[1], "taken")) {
		kmap_atomic(page, KM_USER0);
		kmap_atomic(page, KM_USER0);
	} else if (!strcmp(argv[1], "unmapped")) {
		kunmap(page);
	} else if (!strcmp(argv[1], "twice")) {
		kmap(page);
		kunmap(page);
		kunmap(page);
	} else if (!strcmp(argv[1], "interrupt")) {
		kmap(page);
		run_in_irq(unmap, NULL);
	} else if (!strcmp(argv[1], "above")) {
		kmap_atomic_to_page((void *)FIXADDR_TOP);
	} else if (!strcmp(argv[1], "index")) {
		set_fixmap(__end_of_fixed_addresses, 0);
	} else if (!strcmp(argv[1], "hypercall")) {
		clear_fixmap(FIX_HYPERCALL);
	} else if (!strcmp(argv[1], "stale")) {
		char *p = kmap_atomic(page, KM_USER0);

		*p = 1;
		kunmap_atomic(p, KM_USER0);
		*p = 2;
	} else if (!strcmp(argv[1], "kept")) {
		kmap_atomic(page, KM_IRQ1);
	} else if (!strcmp(argv[1], "leak")) {
		kmap_atomic(page, KM_IRQ1);
		kmap(page);
		for (;;)
			;
	}
	return 0;
}
