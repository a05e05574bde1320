/* Who waits for memory, who gives up, by order and flags (the end of __alloc_pages). */
#include "reclaim.h"

static void try(const char *name, gfp_t gfp_mask, unsigned int order)
{
	unsigned int start = now();
	struct page *page = alloc_pages(gfp_mask | __GFP_NOWARN, order);

	printk("%s: %s after %s\n", name, page ? "got it" : "NULL", now() - start >= 300 ? "a wait" : "no wait");
	if (page)
		__free_pages(page, order);
}

#define TRY(gfp_mask, order)	try(#gfp_mask " " #order, gfp_mask, order)
#define WAIT(gfp_mask, order, pages) \
	do { call_helper(pages); exhaust(); try(#gfp_mask " " #order, gfp_mask, order); relax(nr_hoard); } while (0)

int main(void)
{
	exhaust();
	TRY(GFP_NOFS | __GFP_NORETRY, 0);
	TRY(GFP_KERNEL | __GFP_NORETRY, 0);
	TRY(GFP_NOFS, 4);
	TRY(GFP_NOIO, 4);
	relax(nr_hoard);
	WAIT(GFP_NOFS, 0, 2000);
	WAIT(GFP_NOIO, 0, 2000);
	WAIT(GFP_NOFS, 3, 8000);
	WAIT(GFP_NOFS | __GFP_REPEAT, 4, 8000);
	WAIT(GFP_NOFS | __GFP_NOFAIL, 4, 8000);
	exhaust();
	TRY(GFP_NOFS | __GFP_NOFAIL | __GFP_NORETRY, 0);
	relax(nr_hoard);
	return 0;
}
