/*
 * Programs that end badly while the kernel still knows of them; argv[1] says how. The machine must go on: run once more
 * with "file" it reads a file through the page cache.
 */
#include "reclaim.h"
#include <linux/fs.h>
#include <linux/pagemap.h>
#include <linux/swap.h>
#include <linux/timer.h>
#include <linux/vmalloc.h>

static struct inode *file;

static struct page *make_page(unsigned long index)
{
	struct page *page = find_or_create_page(file->i_mapping, index, GFP_KERNEL);

	if (page)
		SetPageUptodate(page);
	return page;
}

static unsigned long read_file(unsigned long count)
{
	unsigned long index;
	struct page *page;

	for (index = 0; index < count && (page = make_page(index)) != NULL; index++) {
		unlock_page(page);
		put_page(page);
	}
	return index;
}

static void everything(void)
{
	struct page *page;

	while ((page = alloc_page(GFP_KERNEL)) != NULL)
		list_add(&page->lru, &hoard);
}

static struct timer_list timer;

static void tick(unsigned long data)
{
	printk("the timer of a dead program\n");
}

static int shrink(int nr_to_scan, gfp_t gfp_mask)
{
	return 1000;
}

static struct shrinker *shrinker;

static int shrink_once(int nr_to_scan, gfp_t gfp_mask)
{
	remove_shrinker(shrinker);
	return 0;
}

static int nr_released;

static int releasepage(struct page *page, gfp_t gfp_mask)
{
	nr_released++;
	ClearPagePrivate(page);
	put_page(page);
	return 1;
}

static void invalidatepage(struct page *page, unsigned long offset)
{
	ClearPagePrivate(page);
	put_page(page);
}

static struct address_space_operations with_buffers = {
	.releasepage = releasepage, .invalidatepage = invalidatepage,
};

static void read_with_buffers(void)
{
	int i;

	file->i_mapping->a_ops = &with_buffers;
	for (i = 0; i < 200; i++) {
		struct page *page = make_page(i);

		SetPagePrivate(page);
		get_page(page);
		unlock_page(page);
		put_page(page);
	}
	while (alloc_pages(GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN, 3))
		;
	printk("%d of 200 pages gave up their buffers, %lu are left\n", nr_released, file->i_mapping->nrpages);
}

static void handler(void *data)
{
	*(volatile int *)0 = 0;
}

int main(int argc, char **argv)
{
	const char *how = argv[1];
	unsigned long i;

	file = new_inode(NULL);
	if (!strcmp(how, "file")) {
		read_file(30000);
		msleep(500);
		iput(file);
		return 0;
	} else if (!strcmp(how, "timer")) {
		setup_timer(&timer, tick, 0);
		mod_timer(&timer, jiffies + 10);
	} else if (!strcmp(how, "shrinker")) {
		set_shrinker(DEFAULT_SEEKS, shrink);
	} else if (!strcmp(how, "dirty")) {
		for (i = 0;; i++) {
			struct page *page = make_page(i);

			set_page_dirty(page);
			unlock_page(page);
			put_page(page);
		}
	} else if (!strcmp(how, "locked")) {
		for (i = 0;; i++)
			make_page(i);
	} else if (!strcmp(how, "inodes")) {
		while (new_inode(NULL))
			;
	} else if (!strcmp(how, "vmalloc")) {
		read_file(3000);
		while (vmalloc(20 << 20))
			;
	} else if (!strcmp(how, "removes-itself")) {
		shrinker = set_shrinker(DEFAULT_SEEKS, shrink_once);
		exhaust();
		alloc_page(GFP_KERNEL | __GFP_NORETRY);
		return 0;
	} else if (!strcmp(how, "buffers")) {
		read_with_buffers();
		return 0;
	} else if (!strcmp(how, "handler")) {
		run_in_irq(handler, NULL);
	}
	everything();
	return 0;
}
