/*
 * highmem: --ram 64M --vmalloc 992M
 *
 * The vmalloc family: runs of addresses over pages from anywhere.
 */
#include <kunit/test.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>

static pte_t pte_of(const void *address)
{
	unsigned long va = (unsigned long)address;
	pmd_t *pmd = pmd_offset(pud_offset(pgd_offset_k(va), va), va);

	return *pte_offset_kernel(pmd, va);
}

static void every_page_holds_what_is_written(struct kunit *test)
{
	enum { PAGES = 20 };
	unsigned long *area = vmalloc(PAGES * PAGE_SIZE);
	int i, words = PAGE_SIZE / sizeof(*area);

	KUNIT_ASSERT_NOT_NULL(test, area);
	KUNIT_EXPECT_TRUE(test, is_vmalloc_addr(area));
	for (i = 0; i < PAGES; i++)
		area[i * words] = i;
	for (i = 0; i < PAGES; i++) {
		struct page *page = vmalloc_to_page(area + i * words);
		unsigned long *window = kmap(page);

		KUNIT_EXPECT_EQ_MSG(test, *window, i, "the page behind the %d. address has what was written there", i);
		kunmap(page);
		KUNIT_EXPECT_EQ(test, vmalloc_to_pfn(area + i * words), page_to_pfn(page));
	}
	vfree(area);
}

static void a_guard_page_lies_behind_each(struct kunit *test)
{
	char *first = vmalloc(3 * PAGE_SIZE), *second = vmalloc(1), *third = vmalloc(PAGE_SIZE);

	KUNIT_EXPECT_PTR_EQ(test, second, first + 4 * PAGE_SIZE);
	KUNIT_EXPECT_PTR_EQ(test, third, second + 2 * PAGE_SIZE);
	KUNIT_EXPECT_TRUE(test, pte_present(pte_of(first + 2 * PAGE_SIZE)));
	KUNIT_EXPECT_TRUE(test, pte_none(pte_of(first + 3 * PAGE_SIZE)));
	KUNIT_EXPECT_NULL(test, vmalloc_to_page(first + 3 * PAGE_SIZE));
	vfree(second);
	KUNIT_EXPECT_TRUE(test, pte_none(pte_of(second)));
	KUNIT_EXPECT_PTR_EQ_MSG(test, vmalloc(1), second, "the first hole that is large enough is taken");
	vfree(second);
	vfree(first);
	vfree(third);
}

static void pages_come_from_highmem_first(struct kunit *test)
{
	void *any = vmalloc(PAGE_SIZE), *low = vmalloc_32(PAGE_SIZE);

	KUNIT_EXPECT_TRUE(test, PageHighMem(vmalloc_to_page(any)));
	KUNIT_EXPECT_FALSE(test, PageHighMem(vmalloc_to_page(low)));
	vfree(any);
	vfree(low);
}

static void what_cannot_be_is_null(struct kunit *test)
{
	KUNIT_EXPECT_NULL(test, vmalloc(0));
	KUNIT_EXPECT_NULL(test, vmalloc(num_physpages * PAGE_SIZE + 1));
	KUNIT_EXPECT_NULL(test, vmalloc(~0UL));
	KUNIT_EXPECT_NULL(test, vmalloc_to_page((void *)0x1000));
	vfree(NULL);
}

static void zeroed_kinds_are_zero(struct kunit *test)
{
	char *area = vmalloc(2 * PAGE_SIZE);
	int i;

	memset(area, 0xff, 2 * PAGE_SIZE);
	vfree(area);
	for (i = 0; i < 3; i++) {
		area = i == 0 ? vzalloc(2 * PAGE_SIZE) : i == 1 ? vmalloc_user(2 * PAGE_SIZE)
							      : vmalloc_32_user(2 * PAGE_SIZE);
		KUNIT_ASSERT_NOT_NULL(test, area);
		KUNIT_EXPECT_NULL(test, memchr_inv(area, 0, 2 * PAGE_SIZE));
		vfree(area);
	}
}

static void protection_is_in_the_tables(struct kunit *test)
{
	char *area = __vmalloc(PAGE_SIZE, GFP_KERNEL, PAGE_KERNEL_RO), *normal = vmalloc(PAGE_SIZE);

	KUNIT_EXPECT_FALSE(test, pte_write(pte_of(area)));
	KUNIT_EXPECT_TRUE(test, pte_write(pte_of(normal)));
	KUNIT_EXPECT_EQ(test, pte_pfn(pte_of(area)), vmalloc_to_pfn(area));
	vfree(area);
	vfree(normal);
}

static void code_can_run_there(struct kunit *test)
{
	static const unsigned char return_42[] = { 0xb8, 42, 0, 0, 0, 0xc3 };	/* mov $42, %eax; ret */
	void *code = vmalloc_exec(sizeof(return_42));

	KUNIT_ASSERT_NOT_NULL(test, code);
	memcpy(code, return_42, sizeof(return_42));
	KUNIT_EXPECT_EQ(test, ((int (*)(void))code)(), 42);
	vfree(code);
}

static void vmap_gives_pages_one_run_of_addresses(struct kunit *test)
{
	enum { COUNT = 4 };
	struct page *pages[COUNT];
	unsigned char *area, *window;
	int i;

	for (i = 0; i < COUNT; i++)
		pages[i] = alloc_page(i % 2 ? GFP_KERNEL : GFP_HIGHUSER);
	area = vmap(pages, COUNT, VM_MAP, PAGE_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, area);
	for (i = 0; i < COUNT; i++)
		memset(area + i * PAGE_SIZE, i, PAGE_SIZE);
	for (i = 0; i < COUNT; i++) {
		KUNIT_EXPECT_PTR_EQ(test, vmalloc_to_page(area + i * PAGE_SIZE), pages[i]);
		window = kmap(pages[i]);
		KUNIT_EXPECT_NULL(test, memchr_inv(window, i, PAGE_SIZE));
		kunmap(pages[i]);
	}
	vunmap(area);
	for (i = 0; i < COUNT; i++) {
		KUNIT_EXPECT_EQ_MSG(test, page_count(pages[i]), 1, "vunmap leaves the pages to their owner");
		__free_page(pages[i]);
	}
	KUNIT_EXPECT_NULL(test, vmap(pages, 0, VM_MAP, PAGE_KERNEL));
}

static void an_area_is_made_by_hand(struct kunit *test)
{
	struct vm_struct *area = get_vm_area(2 * PAGE_SIZE, VM_IOREMAP);
	struct page *pages[2], **next = pages;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, area);
	KUNIT_EXPECT_EQ_MSG(test, area->size, 3 * PAGE_SIZE, "with its guard page");
	KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)area->addr, 2 * PAGE_SIZE));
	for (i = 0; i < 2; i++)
		pages[i] = alloc_page(GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, map_vm_area(area, PAGE_KERNEL, &next), 0);
	KUNIT_EXPECT_PTR_EQ(test, next, pages + 2);
	strcpy(area->addr, "here");
	KUNIT_EXPECT_STREQ(test, page_address(pages[0]), "here");
	KUNIT_EXPECT_PTR_EQ(test, remove_vm_area(area->addr), area);
	KUNIT_EXPECT_NULL(test, remove_vm_area(area->addr));
	KUNIT_EXPECT_TRUE(test, pte_none(pte_of(area->addr)));
	kfree(area);
	for (i = 0; i < 2; i++)
		__free_page(pages[i]);
}

static void vread_fills_the_holes_with_zeros(struct kunit *test)
{
	char *first = vmalloc(PAGE_SIZE), *second = vmalloc(PAGE_SIZE);
	char *buffer = kunit_kmalloc(test, 3 * PAGE_SIZE, GFP_KERNEL);

	memset(first, 1, PAGE_SIZE);
	memset(second, 2, PAGE_SIZE);
	memset(buffer, 3, 3 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, vread(buffer, first, 3 * PAGE_SIZE), 3 * PAGE_SIZE);
	KUNIT_EXPECT_NULL(test, memchr_inv(buffer, 1, PAGE_SIZE));
	KUNIT_EXPECT_NULL(test, memchr_inv(buffer + PAGE_SIZE, 0, PAGE_SIZE));
	KUNIT_EXPECT_NULL(test, memchr_inv(buffer + 2 * PAGE_SIZE, 2, PAGE_SIZE));
	memset(buffer, 9, 3 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, vwrite(buffer, first, 3 * PAGE_SIZE), 3 * PAGE_SIZE);
	KUNIT_EXPECT_NULL(test, memchr_inv(first, 9, PAGE_SIZE));
	KUNIT_EXPECT_NULL(test, memchr_inv(second, 9, PAGE_SIZE));
	vfree(first);
	vfree(second);
}

static void freeing_gives_every_page_back(struct kunit *test)
{
	unsigned int before;
	int i;

	vfree(vmalloc(8 << 20));	/* the page tables of the addresses stay */
	before = nr_free_pages();
	for (i = 0; i < 3; i++) {
		void *area = vmalloc(8 << 20);

		KUNIT_ASSERT_NOT_NULL(test, area);
		KUNIT_EXPECT_GE(test, before - nr_free_pages(), 2048);
		vfree(area);
		KUNIT_EXPECT_EQ(test, nr_free_pages(), before);
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(every_page_holds_what_is_written),
	KUNIT_CASE(a_guard_page_lies_behind_each),
	KUNIT_CASE(pages_come_from_highmem_first),
	KUNIT_CASE(what_cannot_be_is_null),
	KUNIT_CASE(zeroed_kinds_are_zero),
	KUNIT_CASE(protection_is_in_the_tables),
	KUNIT_CASE(code_can_run_there),
	KUNIT_CASE(vmap_gives_pages_one_run_of_addresses),
	KUNIT_CASE(an_area_is_made_by_hand),
	KUNIT_CASE(vread_fills_the_holes_with_zeros),
	KUNIT_CASE(freeing_gives_every_page_back),
	{}
};

static struct kunit_suite suite = { .name = "vmalloc", .test_cases = cases };
kunit_test_suite(suite);
MODULE_LICENSE("MIT");
