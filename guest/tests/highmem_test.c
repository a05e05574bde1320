/*
 * highmem: --ram 64M --vmalloc 992M
 *
 * Pages without an address of their own, and the windows on them: kmap, kmap_atomic, the fixmap.
 */
#include <kunit/test.h>
#include <linux/hardirq.h>
#include <linux/highmem.h>
#include <linux/interrupt.h>
#include <linux/mm.h>
#include <asm/fixmap.h>

static struct page *high, *low;

static int take_pages(struct kunit *test)
{
	high = alloc_page(GFP_HIGHUSER);
	low = alloc_page(GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, high && low);
	KUNIT_ASSERT_TRUE(test, PageHighMem(high));
	KUNIT_ASSERT_FALSE(test, PageHighMem(low));
	return 0;
}

static void give_pages(struct kunit *test)
{
	if (high)
		__free_page(high);
	if (low)
		__free_page(low);
}

static void kmap_counts_its_users(struct kunit *test)
{
	char *window = kmap(high);

	KUNIT_EXPECT_GE(test, (unsigned long)window, PKMAP_BASE);
	KUNIT_EXPECT_LT(test, (unsigned long)window, PKMAP_BASE + LAST_PKMAP * PAGE_SIZE);
	KUNIT_EXPECT_PTR_EQ_MSG(test, kmap(high), window, "a page has one window");
	strcpy(window, "through the window");
	kunmap(high);
	KUNIT_EXPECT_STREQ_MSG(test, window, "through the window", "one user is left");
	kunmap(high);
}

static void a_page_keeps_its_window_until_all_are_used(struct kunit *test)
{
	char *window = kmap(high);

	kunmap(high);
	KUNIT_EXPECT_PTR_EQ(test, page_address(high), window);
	KUNIT_EXPECT_PTR_EQ(test, kmap(high), window);
	kunmap(high);
}

static void lowmem_needs_no_window(struct kunit *test)
{
	KUNIT_EXPECT_PTR_EQ(test, kmap(low), page_address(low));
	kunmap(low);
	KUNIT_EXPECT_PTR_EQ(test, kmap_atomic(low, KM_USER0), page_address(low));
	kunmap_atomic(page_address(low), KM_USER0);
	KUNIT_EXPECT_EQ(test, preempt_count(), 0);
}

static void each_atomic_type_has_its_slot(struct kunit *test)
{
	char *windows[KM_TYPE_NR];
	int type;

	for (type = 0; type < KM_TYPE_NR; type++) {
		windows[type] = kmap_atomic(high, type);
		KUNIT_EXPECT_EQ(test, (unsigned long)windows[type], fix_to_virt(FIX_KMAP_BEGIN + type));
		KUNIT_EXPECT_EQ_MSG(test, preempt_count(), type + 1, "nobody may sleep with an atomic kmap");
		KUNIT_EXPECT_PTR_EQ(test, kmap_atomic_to_page(windows[type] + 100), high);
		windows[type][type] = 'a' + type;
	}
	KUNIT_EXPECT_MEMEQ(test, windows[0], "abcdefghijklm", KM_TYPE_NR);	/* they show one page */
	while (type--)
		kunmap_atomic(windows[type], type);
	KUNIT_EXPECT_EQ(test, preempt_count(), 0);
	KUNIT_EXPECT_NULL_MSG(test, page_address(high), "an atomic kmap is not the page's address");
}

static void atomic_windows_nest(struct kunit *test)
{
	struct page *other = alloc_page(GFP_HIGHUSER);
	char *outer, *inner;

	outer = kmap_atomic(high);	/* without a type: a stack */
	inner = kmap_atomic(other);
	KUNIT_EXPECT_PTR_NE(test, outer, inner);
	strcpy(outer, "outer");
	strcpy(inner, "inner");
	KUNIT_EXPECT_STREQ(test, outer, "outer");
	kunmap_atomic(inner);
	KUNIT_EXPECT_STREQ(test, outer, "outer");
	kunmap_atomic(outer);
	inner = kmap(other);
	KUNIT_EXPECT_STREQ(test, inner, "inner");
	kunmap(other);
	__free_page(other);
}

static void write_in_interrupt(void *seen)
{
	char *window = kmap_atomic(high, KM_IRQ0);

	strcpy(window, "from the interrupt");
	*(unsigned long *)seen = in_irq();
	kunmap_atomic(window, KM_IRQ0);
}

static void an_interrupt_has_its_own_slot(struct kunit *test)
{
	char *window = kmap_atomic(high, KM_USER0);
	unsigned long seen = 0;

	run_in_irq(write_in_interrupt, &seen);
	KUNIT_EXPECT_NE(test, seen, 0);
	KUNIT_EXPECT_STREQ(test, window, "from the interrupt");
	kunmap_atomic(window, KM_USER0);
}

static void frames_without_a_page_can_be_seen(struct kunit *test)
{
	char *window = kmap_atomic_pfn(0xb8000 >> PAGE_SHIFT, KM_USER1);

	strcpy(window, "on the screen");
	KUNIT_EXPECT_STREQ(test, __va(0xb8000), "on the screen");
	kunmap_atomic(window, KM_USER1);
}

static void pages_are_copied_and_cleared(struct kunit *test)
{
	struct page *copy = alloc_page(GFP_HIGHUSER);
	char *window = kmap(high), *copied = kmap(copy);

	memset(window, 'x', PAGE_SIZE);
	copy_highpage(copy, high);
	clear_highpage(high);
	KUNIT_EXPECT_NULL(test, memchr_inv(window, 0, PAGE_SIZE));
	KUNIT_EXPECT_NULL(test, memchr_inv(copied, 'x', PAGE_SIZE));
	memclear_highpage_flush(copy, 10, 5);
	KUNIT_EXPECT_NULL(test, memchr_inv(copied + 10, 0, 5));
	KUNIT_EXPECT_TRUE(test, copied[9] == 'x' && copied[15] == 'x');
	kunmap(high);
	kunmap(copy);
	__free_page(copy);
}

static void a_fixmap_slot_shows_what_it_is_set_to(struct kunit *test)
{
	char *slot = (char *)fix_to_virt(FIX_ACPI_BEGIN), *window = kmap(high);

	strcpy(window, "high");
	strcpy(page_address(low), "low");
	set_fixmap(FIX_ACPI_BEGIN, page_to_phys(high));
	KUNIT_EXPECT_STREQ(test, slot, "high");
	set_fixmap(FIX_ACPI_BEGIN, page_to_phys(low));
	KUNIT_EXPECT_STREQ_MSG(test, slot, "low", "no old translation is left");
	KUNIT_EXPECT_EQ(test, virt_to_fix((unsigned long)slot + 5), FIX_ACPI_BEGIN);
	clear_fixmap(FIX_ACPI_BEGIN);
	kunmap(high);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(kmap_counts_its_users),
	KUNIT_CASE(a_page_keeps_its_window_until_all_are_used),
	KUNIT_CASE(lowmem_needs_no_window),
	KUNIT_CASE(each_atomic_type_has_its_slot),
	KUNIT_CASE(atomic_windows_nest),
	KUNIT_CASE(an_interrupt_has_its_own_slot),
	KUNIT_CASE(frames_without_a_page_can_be_seen),
	KUNIT_CASE(pages_are_copied_and_cleared),
	KUNIT_CASE(a_fixmap_slot_shows_what_it_is_set_to),
	{}
};

static struct kunit_suite suite = {
	.name = "highmem",
	.init = take_pages,
	.exit = give_pages,
	.test_cases = cases,
};
kunit_test_suite(suite);
MODULE_LICENSE("MIT");
