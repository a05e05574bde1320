/* Everything, in the way that the arguments say: the flags, the order, and who asks. */
#include "reclaim.h"

static gfp_t gfp_mask;
static unsigned int order;
static unsigned long count;

static int hog(void *data)
{
	struct page *page;

	while ((page = alloc_pages(gfp_mask, order)) != NULL) {
		list_add(&page->lru, &hoard);
		count++;
	}
	return 0;
}

int main(int argc, char **argv)
{
	gfp_mask = simple_strtoul(argv[1], NULL, 0);
	order = simple_strtoul(argv[2], NULL, 0);
	if (argc > 3) {
		kthread_run(hog, NULL, "hog");
		for (;;)
			msleep(100);
	}
	hog(NULL);
	printk("NULL after %lu blocks\n", count);
	while (!list_empty(&hoard)) {
		struct page *page = list_entry(hoard.next, struct page, lru);

		list_del(&page->lru);
		__free_pages(page, order);
	}
	return 0;
}
