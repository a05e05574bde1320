/* What a shrinker is told, and what it may allocate: it runs where memory is short, so it may use the reserves. */
#include "reclaim.h"

static unsigned int seen;
static void *object;

static int shrink(int nr_to_scan, gfp_t gfp_mask)
{
	seen = gfp_mask;
	if (!nr_to_scan)
		return 100000;
	if (!(gfp_mask & __GFP_FS))
		return -1;
	if (!object) {
		object = alloc_page(GFP_KERNEL | __GFP_NOWARN | __GFP_NOMEMALLOC);
		printk("with __GFP_NOMEMALLOC it gets %s\n", object ? "a page" : "nothing");
		object = alloc_page(GFP_KERNEL | __GFP_NOWARN);
	}
	return 100000;
}

static void try(const char *name, gfp_t gfp_mask)
{
	struct page *page;

	seen = 0;
	page = alloc_page(gfp_mask | __GFP_NOWARN | __GFP_NORETRY);
	printk("%s: %s, the shrinker saw WAIT %d IO %d FS %d\n", name, page ? "got it" : "NULL",
	       !!(seen & __GFP_WAIT), !!(seen & __GFP_IO), !!(seen & __GFP_FS));
	if (page)
		__free_page(page);
}

int main(void)
{
	struct shrinker *shrinker = set_shrinker(DEFAULT_SEEKS, shrink);

	exhaust();
	try("GFP_ATOMIC", GFP_ATOMIC);
	try("GFP_NOIO", GFP_NOIO);
	try("GFP_NOFS", GFP_NOFS);
	printk("the shrinker has %s\n", object ? "a page" : "nothing");
	try("GFP_KERNEL", GFP_KERNEL);
	try("GFP_USER", GFP_USER);
	printk("the shrinker has %s\n", object ? "a page" : "nothing");
	remove_shrinker(shrinker);
	try("no shrinker", GFP_KERNEL);
	if (object)
		__free_page(object);
	relax(nr_hoard);
	return 0;
}
