/*
 * A walk through the memory of a 32-bit PC, as kernel code sees it: every allocator is asked for something, and
 * each answer is printed with the frame (pfn) and the zone that it lies in.
 */
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

static int failures;

static const char *zone_name(struct page *page)
{
	static const char *const names[] = { "DMA", "Normal", "HighMem" };

	return names[page_zonenum(page)];
}

static void heading(const char *text)
{
	printk("\n%s\n", text);
}

static void check(const char *what, int ok)
{
	printk("  %s: %s\n", what, ok ? "ok" : "WRONG");
	if (!ok)
		failures++;
}

/* "kmalloc(100, GFP_KERNEL) = c7d81080  pfn 07d81  zone Normal": `page` is the frame behind the address. */
static void show(const char *call, const void *address, struct page *page)
{
	printk("%-42s = %p", call, address);
	if (page)
		printk("  pfn %05lx  zone %s", page_to_pfn(page), zone_name(page));
	printk("\n");
	if (!address)
		failures++;
}

/* ---- the direct map: kmalloc and whole pages ---- */

static void *show_kmalloc(const char *call, void *p)
{
	printk("%-42s = %p", call, p);
	if (p)
		printk("  pfn %05lx  zone %s  ksize %lu", page_to_pfn(virt_to_page(p)), zone_name(virt_to_page(p)),
		       (unsigned long)ksize(p));
	else
		failures++;
	printk("\n");
	return p;
}

#define KMALLOC(size, flags)	show_kmalloc("kmalloc(" #size ", " #flags ")", kmalloc(size, flags))

static void tour_kmalloc(void)
{
	void *taken[8], *dma, *again;
	int i, n = 0;

	heading("kmalloc: small pieces of the direct map, from the slab caches size-32 to size-131072");
	taken[n++] = KMALLOC(10, GFP_KERNEL);
	taken[n++] = KMALLOC(100, GFP_KERNEL);
	taken[n++] = KMALLOC(100, GFP_ATOMIC);
	taken[n++] = KMALLOC(1000, GFP_KERNEL);
	taken[n++] = KMALLOC(5000, GFP_KERNEL);
	taken[n++] = KMALLOC(131072, GFP_KERNEL);
	dma = taken[n++] = KMALLOC(100, GFP_KERNEL | GFP_DMA);
	if (dma)
		check("GFP_DMA lies below 16 MB", __pa(dma) < 16 << 20);
	for (i = 0; i < n; i++)
		if (taken[i])
			memset(taken[i], 0xa0 + i, ksize(taken[i]));
	for (i = 0; i < n; i++)
		if (taken[i] && memchr_inv(taken[i], 0xa0 + i, ksize(taken[i])))
			break;
	check("all written to the last byte, none touches another", i == n);

	strcpy(taken[0], "moved");
	again = krealloc(taken[0], 200, GFP_KERNEL);
	show_kmalloc("krealloc(the first, 200, GFP_KERNEL)", again);
	if (again) {
		check("krealloc kept the contents", !strcmp(again, "moved"));
		taken[0] = again;
	}
	for (i = 0; i < n; i++)
		kfree(taken[i]);
	printk("kfree of all\n");
}

static void tour_zeroed_page(void)
{
	unsigned long addr;

	heading("whole pages by address");
	addr = __get_free_page(GFP_KERNEL);
	if (addr) {
		show("__get_free_page(GFP_KERNEL)", (void *)addr, virt_to_page(addr));
		memset((void *)addr, 0xff, PAGE_SIZE);
		free_page(addr);
	}
	addr = get_zeroed_page(GFP_KERNEL);
	show("get_zeroed_page(GFP_KERNEL)", (void *)addr, addr ? virt_to_page(addr) : NULL);
	if (addr) {
		check("all of it is zero", !memchr_inv((void *)addr, 0, PAGE_SIZE));
		free_page(addr);
	}
}

/* ---- pages of each zone ---- */

static void show_pages(const char *call, struct page *page, unsigned int order)
{
	void *address;

	show(call, page, page);
	if (!page)
		return;
	address = page_address(page);
	if (address)
		printk("%-42s = %p\n", "  page_address", address);
	else
		printk("  no address: HighMem is outside of the direct map\n");
	if (page_to_pfn(page) & ((1UL << order) - 1))
		check("a block is aligned to its size", 0);
	__free_pages(page, order);
}

#define ALLOC_PAGES(flags, order)	show_pages("alloc_pages(" #flags ", " #order ")", alloc_pages(flags, order), order)

static void tour_zones(void)
{
	heading("alloc_pages: blocks of 2^order pages, from the zone that the flags name or from one below it");
	ALLOC_PAGES(GFP_KERNEL | __GFP_DMA, 0);
	ALLOC_PAGES(GFP_KERNEL, 0);
	ALLOC_PAGES(GFP_KERNEL | __GFP_HIGHMEM, 0);
	ALLOC_PAGES(GFP_KERNEL | __GFP_DMA, 3);
	ALLOC_PAGES(GFP_KERNEL, 3);
	ALLOC_PAGES(GFP_KERNEL | __GFP_HIGHMEM, 3);
}

/* ---- vmalloc ---- */

/* What the CPU's own tables say about an address. */
static void show_tables(const void *address)
{
	unsigned long va = (unsigned long)address;
	pmd_t *pmd = pmd_offset(pud_offset(pgd_offset_k(va), va), va);
	unsigned long long pde = pmd_val(*pmd);

	if (pmd_large(*pmd))
		printk("page tables of %p: pde %08llx, a %lu MB page\n", address, pde, PMD_SIZE >> 20);
	else if (pmd_present(*pmd))
		printk("page tables of %p: pde %08llx, pte %08llx\n", address, pde,
		       (unsigned long long)pte_val(*pte_offset_kernel(pmd, va)));
	else
		printk("page tables of %p: pde %08llx, not present\n", address, pde);
}

static void tour_vmalloc(void)
{
	enum { SIZE = 1 << 20, PAGES = SIZE >> PAGE_SHIFT };
	unsigned long *area, pages_in_order = 0;
	int i;

	heading("vmalloc: one run of addresses over single pages from anywhere");
	area = vmalloc(SIZE);
	show("vmalloc(1 << 20)", area, NULL);
	if (!area)
		return;
	for (i = 0; i < PAGES; i += PAGES - 1) {
		char *at = (char *)area + i * PAGE_SIZE;
		char label[40];

		sprintf(label, "vmalloc_to_page(%p)", at);
		show(label, vmalloc_to_page(at), vmalloc_to_page(at));
	}
	for (i = 1; i < PAGES; i++)
		if (vmalloc_to_pfn((char *)area + i * PAGE_SIZE) == vmalloc_to_pfn((char *)area + (i - 1) * PAGE_SIZE) + 1)
			pages_in_order++;
	printk("of its %d pages %lu lie right behind the one before\n", PAGES, pages_in_order);
	for (i = 0; i < PAGES; i++)
		area[i * (PAGE_SIZE / sizeof(*area))] = i * 2654435761UL;
	for (i = 0; i < PAGES; i++)
		if (area[i * (PAGE_SIZE / sizeof(*area))] != i * 2654435761UL)
			break;
	check("every page written and read back", i == PAGES);
	show_tables(area);
	show_tables(high_memory - PAGE_SIZE);
	vfree(area);
	printk("vfree\n");
}

/* ---- kmap ---- */

static void tour_highmem(void)
{
	struct page *page = alloc_page(GFP_HIGHUSER);
	char *lasting, *passing;

	heading("kmap: a window on a page that has no address of its own");
	show("alloc_page(GFP_HIGHUSER)", page, page);
	if (!page)
		return;
	if (!PageHighMem(page))
		printk("  this machine has no HighMem: kmap gives the address in the direct map\n");
	lasting = kmap(page);
	show("kmap", lasting, page);
	strcpy(lasting, "written through the first window");
	passing = kmap_atomic(page, KM_USER0);
	show("kmap_atomic(KM_USER0)", passing, page);
	check("the second window shows what was written through the first",
	      !strcmp(passing, "written through the first window"));
	if (PageHighMem(page))
		check("the two windows are two addresses", passing != lasting);
	kunmap_atomic(passing, KM_USER0);
	kunmap(page);
	__free_page(page);
	printk("kunmap_atomic, kunmap, __free_page\n");
}

/* ---- a slab cache ---- */

struct point {
	int x, y;
	char name[52];
};

static int constructed;

static void point_ctor(void *object, struct kmem_cache *cache, unsigned long flags)
{
	memset(object, 0, sizeof(struct point));
	constructed++;
}

static void tour_slab(void)
{
	struct kmem_cache *cache;
	struct point *points[3];
	int i;

	heading("a slab cache of its own: objects of one kind, side by side");
	cache = kmem_cache_create("tour_point", sizeof(struct point), 0, SLAB_HWCACHE_ALIGN, point_ctor, NULL);
	show("kmem_cache_create(\"tour_point\")", cache, cache ? virt_to_page(cache) : NULL);
	if (!cache)
		return;
	for (i = 0; i < 3; i++) {
		points[i] = kmem_cache_alloc(cache, GFP_KERNEL);
		show("kmem_cache_alloc(tour_point)", points[i], points[i] ? virt_to_page(points[i]) : NULL);
	}
	printk("  the constructor made %d objects of %u bytes: a whole slab\n", constructed, kmem_cache_size(cache));
	check("objects come constructed", points[0] && points[0]->x == 0 && constructed >= 3);
	for (i = 0; i < 3; i++)
		kmem_cache_free(cache, points[i]);
	kmem_cache_destroy(cache);
	printk("kmem_cache_free, kmem_cache_destroy\n");
}

int main(int argc, char **argv)
{
	printk("%lu MB of memory in %lu frames; the direct map ends at %p\n", num_physpages >> (20 - PAGE_SHIFT),
	       max_mapnr, high_memory);
	show("main", main, vmalloc_to_page(main));
	show("the stack", &argc, virt_to_page(&argc));
	show("mem_map", mem_map, virt_to_page(mem_map));

	tour_kmalloc();
	tour_zeroed_page();
	tour_zones();
	tour_vmalloc();
	tour_highmem();
	tour_slab();

	printk("\nend of the tour: %s\n", failures ? "something was WRONG" : "all is well, everything was given back");
	return failures != 0;
}
