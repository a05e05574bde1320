/*
 * 3,000 pages of HighMem through the window of kmap, which has 1024 slots (with --pae 512). A page that nobody uses
 * stays mapped until the search for a free slot wraps: then the kernel drops all such mappings and flushes the TLBs
 * once. Every page is written through one mapping and read through a later one. Some pages stay in use all the time.
 */
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/kernel.h>
#include <linux/mm.h>

#define PAGES	3000
#define WORDS	(PAGE_SIZE / sizeof(u32))
#define KEPT	500	/* every so many-th page stays mapped */

static struct page *pages[PAGES];
static void *kept[PAGES / KEPT];
static unsigned long lowest = ~0UL, highest, last;
static unsigned int made, wraps;

#define FACTOR	2654435761u	/* the n-th word of memory is n * FACTOR */

/* kmap, and a look at the slot that a new mapping gets. */
static u32 *map(struct page *page)
{
	int is_new = !page_address(page);
	unsigned long address = (unsigned long)kmap(page);

	if (is_new) {
		made++;
		wraps += address < last;
		last = address;
	}
	lowest = min(lowest, address);
	highest = max(highest, address);
	return (u32 *)address;
}

static void report(const char *what)
{
	printk("%s: %u pages mapped anew, the search wrapped %u times\n", what, made, wraps);
	made = wraps = 0;
}

static void write(struct page *page)
{
	u32 *p = map(page), word = page_to_pfn(page) * WORDS * FACTOR;
	unsigned int i;

	for (i = 0; i < WORDS; i++, word += FACTOR)
		p[i] = word;
	kunmap(page);
}

static unsigned int wrong_words(struct page *page)
{
	u32 *p = map(page), word = page_to_pfn(page) * WORDS * FACTOR;
	unsigned int i, wrong = 0;

	for (i = 0; i < WORDS; i++, word += FACTOR)
		wrong += p[i] != word;
	kunmap(page);
	return wrong;
}

int main(int argc, char **argv)
{
	unsigned int i, wrong = 0, moved = 0;

	for (i = 0; i < PAGES; i++) {
		pages[i] = alloc_page(GFP_HIGHUSER);
		if (!pages[i] || !PageHighMem(pages[i])) {
			printk("this machine has not enough HighMem: try --ram 1G\n");
			return 1;
		}
	}
	for (i = 0; i < PAGES; i++) {
		if (i % KEPT == 0)
			kept[i / KEPT] = map(pages[i]);
		write(pages[i]);
	}
	report("written");
	for (i = PAGES; i--; )
		wrong += wrong_words(pages[i]);
	report("read");
	for (i = 0; i < PAGES; i += KEPT) {
		moved += kept[i / KEPT] != page_address(pages[i]);
		kunmap(pages[i]);
	}
	printk("%lu slots from %08lx on: %lu words right, %u wrong, %u pages in use moved\n",
	       (highest - lowest) / PAGE_SIZE + 1, lowest, PAGES * WORDS - wrong, wrong, moved);
	for (i = 0; i < PAGES; i++)
		__free_page(pages[i]);
	return wrong || moved;
}
