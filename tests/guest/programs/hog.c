/*
 * Takes all the memory there is, of one kind or of each in turn: hog KIND [atomic [free]]. With "atomic" it takes it
 * until it gets NULL, and ends; "free" gives all back first. What it has hangs on a list or in its pages alone.
 */
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

static gfp_t gfp = GFP_KERNEL;
static struct kmem_cache *cache;

struct node {
	struct node *next;
	struct page *page;
};

static void *take_object(unsigned long size)
{
	return size ? kmalloc(size, gfp) : kmem_cache_alloc(cache, gfp);
}

static void give_object(struct node *node, unsigned long size)
{
	if (size)
		kfree(node);
	else
		kmem_cache_free(cache, node);
}

/* Pages are linked through page->lru, whether they are in HighMem or not. */
static LIST_HEAD(pages);

static int take_pages(unsigned int order, gfp_t more)
{
	struct page *page = alloc_pages(gfp | more, order);

	if (!page)
		return 0;
	if (!PageCompound(page))
		page->private = order;
	list_add(&page->lru, &pages);
	return 1;
}

static struct node *objects, *areas;
static unsigned long count;

static int take_objects(unsigned long size)
{
	struct node *node = take_object(size);

	if (!node)
		return 0;
	node->next = objects;
	objects = node;
	return 1;
}

static int take_area(unsigned long size)
{
	struct node *node = gfp & __GFP_WAIT ? vmalloc(size) : __vmalloc(size, gfp | __GFP_HIGHMEM, PAGE_KERNEL);

	if (!node)
		return 0;
	node->next = areas;
	areas = node;
	return 1;
}

static int take(const char *kind, unsigned long size)
{
	if (!strcmp(kind, "kmalloc") || !strcmp(kind, "cache"))
		return take_objects(size);
	if (!strcmp(kind, "pages"))
		return take_pages(size, 0);
	if (!strcmp(kind, "highuser"))
		return take_pages(size, __GFP_HIGHMEM);
	if (!strcmp(kind, "compound"))
		return take_pages(size, __GFP_COMP);
	if (!strcmp(kind, "vmalloc"))
		return take_area(size);
	/* mixed */
	switch (count % 3) {
	case 0:
		return take_objects(2000);
	case 1:
		return take_pages(count % 4, count & 4 ? __GFP_COMP : 0);
	default:
		return take_area(20000);
	}
}

static void give_all(unsigned long size)
{
	while (objects) {
		struct node *node = objects;

		objects = node->next;
		give_object(node, size);
	}
	while (!list_empty(&pages)) {
		struct page *page = list_entry(pages.next, struct page, lru);

		list_del(&page->lru);
		__free_pages(page, PageCompound(page) ? size : page_private(page));
	}
	while (areas) {
		struct node *node = areas;

		areas = node->next;
		vfree(node);
	}
}

int main(int argc, char **argv)
{
	unsigned long size = simple_strtoul(argv[2], NULL, 0);

	if (argc > 3)
		gfp = GFP_ATOMIC | __GFP_NOWARN;
	if (!strcmp(argv[1], "cache")) {
		cache = kmem_cache_create("hog_cache", size, 0, 0, NULL, NULL);
		size = 0;
	}
	while (take(argv[1], size))
		count++;
	printk("NULL after %lu\n", count);
	if (argc > 4) {
		give_all(size);
		if (cache)
			kmem_cache_destroy(cache);
	}
	return 0;
}
