/*
 * highmem: --ram 64M --vmalloc 992M
 *
 * The page allocator, on a machine with all three zones: 16 MB of DMA, 16 MB of Normal and 32 MB of HighMem.
 */
#include <kunit/test.h>
#include <linux/highmem.h>
#include <linux/mm.h>

static void blocks_are_aligned_to_their_size(struct kunit *test)
{
	unsigned int order;

	for (order = 0; order < MAX_ORDER; order++) {
		struct page *page = alloc_pages(GFP_KERNEL, order);

		KUNIT_ASSERT_NOT_NULL(test, page);
		KUNIT_EXPECT_EQ_MSG(test, page_to_pfn(page) & ((1UL << order) - 1), 0, "order %u", order);
		KUNIT_EXPECT_EQ(test, page_count(page), 1);
		__free_pages(page, order);
	}
}

static void an_order_too_large_is_null(struct kunit *test)
{
	KUNIT_EXPECT_NULL(test, alloc_pages(GFP_KERNEL | __GFP_NOWARN, MAX_ORDER));
	KUNIT_EXPECT_EQ(test, __get_free_pages(GFP_KERNEL | __GFP_NOWARN, MAX_ORDER), 0);
}

struct wish {
	const char *name;
	gfp_t flags;
	enum zone_type zone;
};

static const struct wish wishes[] = {
	{ "GFP_DMA", GFP_KERNEL | __GFP_DMA, ZONE_DMA },
	{ "GFP_KERNEL", GFP_KERNEL, ZONE_NORMAL },
	{ "GFP_ATOMIC", GFP_ATOMIC, ZONE_NORMAL },
	{ "GFP_USER", GFP_USER, ZONE_NORMAL },
	{ "GFP_HIGHUSER", GFP_HIGHUSER, ZONE_HIGHMEM },
};
KUNIT_ARRAY_PARAM_DESC(wish, wishes, name);

static void zones_are_those_of_the_flags(struct kunit *test)
{
	const struct wish *wish = test->param_value;
	struct page *page = alloc_page(wish->flags);

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_EXPECT_EQ(test, page_zonenum(page), wish->zone);
	KUNIT_EXPECT_EQ(test, page_address(page) == NULL, wish->zone == ZONE_HIGHMEM);
	__free_page(page);
}

static void highmem_falls_back_to_normal(struct kunit *test)
{
	LIST_HEAD(taken);
	struct page *page, *next;
	int normal = 0;

	/* all of HighMem, until one comes from the zone below */
	while (!normal && (page = alloc_pages(GFP_HIGHUSER, 5)) != NULL) {
		normal = page_zonenum(page) == ZONE_NORMAL;
		list_add(&page->lru, &taken);
	}
	KUNIT_EXPECT_TRUE(test, normal);
	list_for_each_entry_safe(page, next, &taken, lru)
		__free_pages(page, 5);
}

static void free_pages_are_counted(struct kunit *test)
{
	unsigned int before = nr_free_pages();
	struct page *page = alloc_pages(GFP_KERNEL, 4);

	KUNIT_EXPECT_EQ(test, before - nr_free_pages(), 16);
	__free_pages(page, 4);
	KUNIT_EXPECT_EQ(test, nr_free_pages(), before);
}

static void buddies_merge_again(struct kunit *test)
{
	struct page *block = alloc_pages(GFP_KERNEL, 5), *again;
	int i;

	/* a block that is given back in halves, quarters ... is one block again */
	KUNIT_ASSERT_NOT_NULL(test, block);
	for (i = 2; i < 32; i += 2)
		set_page_count(block + i, 1);
	for (i = 0; i < 32; i += 2)
		__free_pages(block + i, 1);
	KUNIT_EXPECT_TRUE(test, block->flags & 1 << PG_buddy || page_count(block) == 0);
	again = alloc_pages(GFP_KERNEL, 5);
	KUNIT_EXPECT_PTR_EQ(test, again, block);
	__free_pages(again, 5);
}

static void addresses_are_those_of_the_direct_map(struct kunit *test)
{
	unsigned long address = __get_free_pages(GFP_KERNEL, 2);
	struct page *page = virt_to_page(address);

	KUNIT_ASSERT_NE(test, address, 0);
	KUNIT_EXPECT_PTR_EQ(test, page_address(page), (void *)address);
	KUNIT_EXPECT_EQ(test, page_to_phys(page), address - PAGE_OFFSET);
	KUNIT_EXPECT_LT(test, address + 4 * PAGE_SIZE - 1, (unsigned long)high_memory);
	memset((void *)address, 0x42, 4 * PAGE_SIZE);
	KUNIT_EXPECT_NULL(test, memchr_inv((void *)address, 0x42, 4 * PAGE_SIZE));
	free_pages(address, 2);
	free_pages(0, 2);	/* nothing */
}

static void a_zeroed_page_is_zero(struct kunit *test)
{
	unsigned long address = __get_free_page(GFP_KERNEL), zeroed;
	struct page *high;
	char *window;

	memset((void *)address, 0xff, PAGE_SIZE);
	free_page(address);
	zeroed = get_zeroed_page(GFP_KERNEL);
	KUNIT_EXPECT_EQ_MSG(test, zeroed, address, "the warmest page comes first");
	KUNIT_EXPECT_NULL(test, memchr_inv((void *)zeroed, 0, PAGE_SIZE));
	free_page(zeroed);
	high = alloc_page(GFP_HIGHUSER | __GFP_ZERO);
	window = kmap(high);
	KUNIT_EXPECT_NULL(test, memchr_inv(window, 0, PAGE_SIZE));
	kunmap(high);
	__free_page(high);
	KUNIT_EXPECT_NULL(test, memchr_inv((void *)empty_zero_page, 0, PAGE_SIZE));
}

static void the_last_user_frees_a_page(struct kunit *test)
{
	struct page *page = alloc_page(GFP_KERNEL);
	unsigned int before = nr_free_pages();

	get_page(page);
	KUNIT_EXPECT_EQ(test, page_count(page), 2);
	put_page(page);
	KUNIT_EXPECT_EQ(test, page_count(page), 1);
	KUNIT_EXPECT_EQ(test, nr_free_pages(), before);
	put_page(page);
	KUNIT_EXPECT_EQ(test, page_count(page), 0);
}

static void a_compound_page_is_one(struct kunit *test)
{
	unsigned int before = nr_free_pages();
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_COMP, 3);

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_EXPECT_TRUE(test, PageCompound(page) && PageCompound(page + 7));
	KUNIT_EXPECT_PTR_EQ(test, compound_head(page + 5), page);
	get_page(page + 5);
	KUNIT_EXPECT_EQ(test, page_count(page), 2);
	put_page(page + 3);
	put_page(page + 1);
	KUNIT_EXPECT_EQ_MSG(test, nr_free_pages(), before, "the last reference to any of its pages frees all");
}

static void the_machine_has_its_memory(struct kunit *test)
{
	struct zone *zone;
	unsigned long present = 0;

	for_each_zone(zone)
		present += zone->spanned_pages;
	KUNIT_EXPECT_EQ(test, present, max_mapnr);
	KUNIT_EXPECT_EQ(test, max_mapnr, 64UL << 20 >> PAGE_SHIFT);
	KUNIT_EXPECT_EQ(test, max_low_pfn, 32UL << 20 >> PAGE_SHIFT);
	KUNIT_EXPECT_EQ(test, totalhigh_pages, max_mapnr - max_low_pfn);
	KUNIT_EXPECT_PTR_EQ(test, high_memory, __va(max_low_pfn << PAGE_SHIFT));
	KUNIT_EXPECT_PTR_EQ(test, pfn_to_page(5), mem_map + 5);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(blocks_are_aligned_to_their_size),
	KUNIT_CASE(an_order_too_large_is_null),
	KUNIT_CASE_PARAM(zones_are_those_of_the_flags, wish_gen_params),
	KUNIT_CASE(highmem_falls_back_to_normal),
	KUNIT_CASE(free_pages_are_counted),
	KUNIT_CASE(buddies_merge_again),
	KUNIT_CASE(addresses_are_those_of_the_direct_map),
	KUNIT_CASE(a_zeroed_page_is_zero),
	KUNIT_CASE(the_last_user_frees_a_page),
	KUNIT_CASE(a_compound_page_is_one),
	KUNIT_CASE(the_machine_has_its_memory),
	{}
};

static struct kunit_suite suite = { .name = "page_alloc", .test_cases = cases };
kunit_test_suite(suite);
MODULE_LICENSE("MIT");
