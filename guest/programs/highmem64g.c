/*
 * More memory than 32 bits can address. Every block of HighMem is taken, one page of each gigabyte is written and read
 * again through a window of 4 KB, and all is given back. `struct page` of all that lies in lowmem: on a machine of 64 GB
 * it leaves less than a third of it.
 *
 *	highmem run --pae --ram 64G guest/programs/highmem64g.c
 */
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/mm.h>

enum { PAGES_OF_A_GB = 1 << (30 - PAGE_SHIFT), MOST_GB = 64 };

static int failures;
static LIST_HEAD(blocks);
static struct page *page_of[MOST_GB];	/* one of each gigabyte, where there is HighMem */

static void check(const char *what, int ok)
{
	printk("  %-62s %s\n", what, ok ? "ok" : "WRONG");
	if (!ok)
		failures++;
}

/* What stands in a page: words that no other page has. */
static u32 word(unsigned long pfn, unsigned int i)
{
	return pfn * 2654435761u ^ i * 40503u;
}

static void fill(struct page *page)
{
	u32 *words = kmap(page);
	unsigned int i;

	for (i = 0; i < PAGE_SIZE / sizeof(u32); i++)
		words[i] = word(page_to_pfn(page), i);
	kunmap(page);
}

static int is_filled(struct page *page)
{
	u32 *words = kmap_atomic(page, KM_USER0);
	unsigned int i;

	for (i = 0; i < PAGE_SIZE / sizeof(u32); i++)
		if (words[i] != word(page_to_pfn(page), i))
			break;
	kunmap_atomic(words, KM_USER0);
	return i == PAGE_SIZE / sizeof(u32);
}

static unsigned long take_all_of_highmem(void)
{
	unsigned long taken = 0;
	struct page *page;

	while ((page = alloc_pages(GFP_HIGHUSER | __GFP_NOWARN | __GFP_NORETRY, MAX_ORDER - 1))) {
		if (!PageHighMem(page)) {
			__free_pages(page, MAX_ORDER - 1);
			break;
		}
		list_add(&page->lru, &blocks);
		page_of[page_to_pfn(page) / PAGES_OF_A_GB] = page;
		taken++;
	}
	return taken;
}

static void give_all_back(void)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, &blocks, lru) {
		list_del(&page->lru);
		__free_pages(page, MAX_ORDER - 1);
	}
}

/* kunmap leaves the mapping until the search for slots wraps. */
static int has_kept_window(struct page **pages)
{
	int gb;

	for (gb = 0; gb < MOST_GB; gb++)
		if (pages[gb] && !(page_address(pages[gb]) && !page_address(pages[gb] + 1)))
			return 0;
	return 1;
}

int main(void)
{
	unsigned long before = nr_free_pages(), blocks_taken, mem_map_kb = max_mapnr * sizeof(struct page) >> 10;
	int gb, found = 0, above = 0, right = 0;

	printk("%lu MB of memory, %lu MB of it HighMem; lowmem ends at %p\n", num_physpages >> (20 - PAGE_SHIFT),
	       totalhigh_pages >> (20 - PAGE_SHIFT), high_memory);
	printk("mem_map: %lu pages, %u bytes each: %lu MB of %lu MB lowmem\n", max_mapnr, sizeof(struct page),
	       mem_map_kb >> 10, max_low_pfn >> (20 - PAGE_SHIFT));

	if (!totalhigh_pages) {
		printk("no HighMem: nothing to show\n");
		return 0;
	}
	blocks_taken = take_all_of_highmem();
	printk("took %lu blocks of 4 MB\n", blocks_taken);
	for (gb = 0; gb < MOST_GB; gb++)
		if (page_of[gb])
			fill(page_of[gb]);
	for (gb = 0; gb < MOST_GB; gb++) {
		if (!page_of[gb])
			continue;
		found++;
		above += page_to_pfn(page_of[gb]) >= 1 << (32 - PAGE_SHIFT);
		right += is_filled(page_of[gb]);
	}
	printk("%d gigabytes have a page in our hands, %d of them above 4 GB\n", found, above);
	check("every page holds what was written to it", right == found);
#ifdef CONFIG_X86_PAE
	check("pages above 4 GB were reached where there are such", !above == (max_mapnr <= 1 << (32 - PAGE_SHIFT)));
#else
	check("without PAE nothing above 4 GB is reached", !above);
#endif
	check("a page that was shown keeps its window, its neighbour has none", has_kept_window(page_of));

	give_all_back();
	check("all is given back, but for some pages on the CPUs' lists", nr_free_pages() + 64 > before);
	return failures ? -EIO : 0;
}
