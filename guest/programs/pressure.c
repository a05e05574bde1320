/*
 * Memory runs short, and what is done about it. A file fills the page cache until kswapd wakes and drops what was not
 * used again; a reader that leaves kswapd no time reclaims for itself, and a cache of our own gives up objects; then
 * allocations that must not wait take the zone down to its min watermark and past it. At the end all is given back.
 */
#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/swap.h>

enum { PLENTY = 16384, USED_AGAIN = 64 };

static int failures;

static void check(const char *what, int ok)
{
	printk("  %-62s %s\n", what, ok ? "ok" : "WRONG");
	if (!ok)
		failures++;
}

static struct zone *zone;	/* Normal; on a machine of 16 MB there is DMA alone */

static void state(const char *when)
{
	printk("%-27s %s: free %5lu  (min %lu, low %lu, high %lu)  active %lu  inactive %lu\n", when, zone->name,
	       zone->free_pages, zone->pages_min, zone->pages_low, zone->pages_high, zone->nr_active, zone->nr_inactive);
}

/* Those that wait on the CPUs' own lists are free too. */
static unsigned long free_pages_of_zone(void)
{
	unsigned long count = zone->free_pages;
	int cpu;

	for_each_online_cpu(cpu)
		count += zone->pageset[cpu].pcp[0].count + zone->pageset[cpu].pcp[1].count;
	return count;
}

/* ---- objects of our own, which a shrinker gives up ---- */

struct recipe {
	struct list_head list;
	char text[4000];
};

static LIST_HEAD(recipes);
static int nr_recipes, asked, given_up;

static int shrink_recipes(int nr_to_scan, gfp_t gfp_mask)
{
	if (nr_to_scan)
		asked++;
	while (nr_to_scan-- > 0 && !list_empty(&recipes)) {
		struct recipe *recipe = list_entry(recipes.next, struct recipe, list);

		list_del(&recipe->list);
		kfree(recipe);
		nr_recipes--;
		given_up++;
	}
	return nr_recipes;
}

static int write_recipes(int count)
{
	while (nr_recipes < count) {
		struct recipe *recipe = kmalloc(sizeof(*recipe), GFP_KERNEL);

		if (!recipe)
			return -ENOMEM;
		list_add_tail(&recipe->list, &recipes);
		nr_recipes++;
	}
	return 0;
}

/* ---- a file in the page cache ---- */

static struct inode *file;

/* As a read of the file's page does it: look it up, or make room for it and "read" it. */
static int read_page(unsigned long index)
{
	struct page *page = find_or_create_page(file->i_mapping, index, GFP_KERNEL);

	if (!page)
		return -ENOMEM;
	SetPageUptodate(page);
	unlock_page(page);
	mark_page_accessed(page);
	put_page(page);
	return 0;
}

static int read_pages(unsigned long first, unsigned long count)
{
	while (count-- > 0)
		if (read_page(first++))
			return -ENOMEM;
	return 0;
}

static int in_cache(unsigned long index)
{
	struct page *page = find_get_page(file->i_mapping, index);

	if (page)
		put_page(page);
	return page != NULL;
}

static unsigned long read_until_kswapd_wakes(void)
{
	struct task_struct *kswapd = NODE_DATA(0)->kswapd;
	unsigned long index = 0;

	while (kswapd->state != TASK_RUNNING && read_page(index) == 0)
		if (++index == USED_AGAIN)
			read_pages(0, USED_AGAIN);
	return index;
}

/* ---- pages and blocks of our own ---- */

static LIST_HEAD(pages);
static LIST_HEAD(blocks);	/* of 4 MB */

static unsigned long take(gfp_t gfp_mask)
{
	unsigned long count = 0;
	struct page *page;

	while ((page = alloc_page(gfp_mask | __GFP_NOWARN)) != NULL) {
		list_add(&page->lru, &pages);
		count++;
	}
	return count;
}

static void take_blocks(void)
{
	struct page *page;

	while (zone->free_pages > PLENTY && (page = alloc_pages(GFP_KERNEL, MAX_ORDER - 1)) != NULL)
		list_add(&page->lru, &blocks);
}

static void give_back(struct list_head *list, unsigned int order)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, list, lru)
		__free_pages(page, order);
	INIT_LIST_HEAD(list);
}

int main(void)
{
	struct shrinker *shrinker = set_shrinker(DEFAULT_SEEKS, shrink_recipes);
	unsigned long start, most, low, batch;
	int nr;

	zone = &NODE_DATA(0)->node_zones[ZONE_NORMAL];
	if (!zone->present_pages)
		zone--;
	batch = zone->pageset[0].pcp[0].batch;	/* pages leave the zone so many at a time */
	start = free_pages_of_zone();
	file = new_inode(NULL);
	take_blocks();
	nr = zone->free_pages / 8;
	if (!file || !shrinker || write_recipes(nr))
		return 1;
	state("at the start:");

	msleep(1);	/* kswapd runs for the first time, and finds nothing to do */
	most = read_until_kswapd_wakes();
	low = zone->free_pages;
	state("kswapd is woken:");
	printk("  a file of %lu pages was read, %lu are in the page cache\n", most, file->i_mapping->nrpages);
	check("the zone is below its low watermark", low <= zone->pages_low && low > zone->pages_min);

	msleep(1000);
	state("kswapd sleeps again:");
	printk("  %lu pages are left in the page cache\n", file->i_mapping->nrpages);
	check("it went on to the high watermark", low < zone->pages_high && zone->free_pages >= zone->pages_high);
	check("what was read first went first, what was read last is there", !in_cache(USED_AGAIN) && in_cache(most - 1));
	check("what was used again is on the active list, and stays", in_cache(0) && zone->nr_active);

	check("a reader that leaves kswapd no time gets its pages", read_pages(most, most) == 0);
	state("it reclaimed for itself:");
	printk("  the shrinker was asked %d times and gave up %d of %d objects\n", asked, given_up, nr);
	check("the zone is not below its min watermark", zone->free_pages + batch >= zone->pages_min);
	check("the shrinker gave up objects", given_up > 0);
	msleep(1000);

	most = take(GFP_NOWAIT);
	low = zone->free_pages;
	state("GFP_NOWAIT took all it may:");
	check("that is down to 3/4 of min", low < zone->pages_min && low + batch >= zone->pages_min - zone->pages_min / 4);
	most += take(GFP_ATOMIC);
	state("GFP_ATOMIC took the rest:");
	check("that is down to 3/8 of min", zone->free_pages < low && zone->free_pages + batch >= zone->pages_min * 3 / 8);
	printk("  %lu pages were taken, the last %lu where GFP_KERNEL would have had to wait\n", most,
	       zone->pages_min - zone->free_pages);

	give_back(&pages, 0);
	remove_shrinker(shrinker);
	shrink_recipes(nr_recipes, GFP_KERNEL);
	truncate_inode_pages(file->i_mapping, 0);
	check("the page cache is empty", file->i_mapping->nrpages == 0);
	iput(file);
	give_back(&blocks, MAX_ORDER - 1);
	state("all is given back:");
	check("no page is lost, but for some in the slab's caches", free_pages_of_zone() + 128 * num_online_cpus() >= start);
	return failures != 0;
}
