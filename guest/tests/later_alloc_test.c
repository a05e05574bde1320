/*
 * highmem: --ram 64M --vmalloc 992M
 *
 * Allocation as later kernels offer it, made of what 2.6.20 has.
 */
#include <kunit/test.h>
#include <linux/highmem.h>
#include <linux/mempool.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

/* Caches */

struct thing {
	int ready;
	char name[60];
};

static void construct(void *object)
{
	((struct thing *)object)->ready = 7;
}

static void a_cache_without_a_destructor(struct kunit *test)
{
	struct kmem_cache *cache = kmem_cache_create("later", sizeof(struct thing), 0, SLAB_HWCACHE_ALIGN, construct);
	struct thing *thing;

	KUNIT_ASSERT_NOT_NULL(test, cache);
	thing = kmem_cache_alloc(cache, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, thing);
	KUNIT_EXPECT_EQ(test, thing->ready, 7);
	kmem_cache_free(cache, thing);
	kmem_cache_destroy(cache);
}

static void a_cache_with_named_arguments(struct kunit *test)
{
	struct kmem_cache_args args = { .align = 128, .ctor = construct };
	struct kmem_cache *cache = kmem_cache_create("later", sizeof(struct thing), &args, SLAB_ACCOUNT);
	struct kmem_cache *plain = kmem_cache_create("plain", 40, NULL, 0);
	struct thing *thing = kmem_cache_alloc(cache, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, thing);
	KUNIT_EXPECT_EQ(test, thing->ready, 7);
	KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)thing, 128));
	KUNIT_EXPECT_EQ(test, kmem_cache_size(plain), 40);
	kmem_cache_free(cache, thing);
	kmem_cache_destroy(cache);
	kmem_cache_destroy(plain);
}

/* In 2.6.20 a flag that the kernel was not built for is a BUG. */
static void flags_for_debugging_are_the_boots_matter(struct kunit *test)
{
	struct kmem_cache *cache = kmem_cache_create("debugged", 64, 0, SLAB_RED_ZONE | SLAB_POISON, NULL);

	KUNIT_ASSERT_NOT_NULL(test, cache);
	kmem_cache_destroy(cache);
}

static void many_objects_at_once(struct kunit *test)
{
	struct kmem_cache *cache = KMEM_CACHE(thing, 0);
	void *objects[20];
	int i, j;

	KUNIT_ASSERT_EQ(test, kmem_cache_alloc_bulk(cache, GFP_KERNEL | __GFP_ZERO, 20, objects), 20);
	for (i = 0; i < 20; i++) {
		KUNIT_EXPECT_NULL(test, memchr_inv(objects[i], 0, sizeof(struct thing)));
		for (j = 0; j < i; j++)
			KUNIT_EXPECT_PTR_NE(test, objects[i], objects[j]);
		memset(objects[i], 0xff, sizeof(struct thing));
	}
	kmem_cache_free_bulk(cache, 10, objects);
	kfree_bulk(10, objects + 10);
	kmem_cache_destroy(cache);
}

/* kmalloc and its kin */

static void a_flag_asks_for_zeros(struct kunit *test)
{
	struct kmem_cache *cache = KMEM_CACHE(thing, 0);
	gfp_t flags = GFP_KERNEL | __GFP_ZERO;
	char *p;
	int i;

	for (i = 0; i < 2; i++) {	/* what was freed is given again */
		p = kmalloc(100, flags);
		KUNIT_EXPECT_NULL(test, memchr_inv(p, 0, 100));
		memset(p, 0xff, 100);
		kfree(p);
		p = kmem_cache_alloc(cache, GFP_KERNEL | __GFP_ZERO);
		KUNIT_EXPECT_NULL(test, memchr_inv(p, 0, sizeof(struct thing)));
		memset(p, 0xff, sizeof(struct thing));
		kmem_cache_free(cache, p);
	}
	kmem_cache_destroy(cache);
}

static void arrays_that_are_too_large(struct kunit *test)
{
	int *array = kmalloc_array(10, sizeof(int), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, array);
	KUNIT_EXPECT_NULL(test, kmalloc_array(1 << 30, 8, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, kvmalloc_array(1 << 30, 8, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, kvcalloc(1 << 30, 8, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, vmalloc_array(1 << 30, 8));
	KUNIT_EXPECT_NULL(test, krealloc_array(array, 1 << 30, 8, GFP_KERNEL));
	array[9] = 5;
	array = krealloc_array(array, 100, sizeof(int), GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, array[9], 5);
	kfree(array);
}

static void sizes_are_told_before(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, kmalloc_size_roundup(1), 32);
	KUNIT_EXPECT_EQ(test, kmalloc_size_roundup(33), 64);
	KUNIT_EXPECT_EQ(test, kmalloc_size_roundup(KMALLOC_MAX_SIZE), KMALLOC_MAX_SIZE);
}

static void from_kmalloc_or_from_vmalloc(struct kunit *test)
{
	char *small = kvmalloc(100, GFP_KERNEL), *large = kvzalloc(300000, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, small);
	KUNIT_ASSERT_NOT_NULL(test, large);
	KUNIT_EXPECT_FALSE(test, is_vmalloc_addr(small));
	KUNIT_EXPECT_TRUE(test, is_vmalloc_addr(large));
	KUNIT_EXPECT_NULL(test, memchr_inv(large, 0, 300000));
	KUNIT_EXPECT_NULL_MSG(test, kvmalloc(300000, GFP_ATOMIC), "vmalloc() may sleep");
	kvfree(small);
	kvfree_sensitive(large, 300000);
	kvfree(NULL);
}

static void what_grows_keeps_what_it_has(struct kunit *test)
{
	char *p = kvmalloc(1000, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	memset(p, 'a', 1000);
	p = kvrealloc(p, 1000, 200000, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_TRUE(test, is_vmalloc_addr(p));
	KUNIT_EXPECT_NULL(test, memchr_inv(p, 'a', 1000));
	memset(p, 'b', 200000);
	p = kvrealloc(p, 400000, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_NULL(test, memchr_inv(p, 'b', 200000));
	p = vrealloc(p, 500000, GFP_KERNEL);
	KUNIT_EXPECT_NULL(test, memchr_inv(p, 'b', 200000));
	KUNIT_EXPECT_NULL(test, vrealloc(p, 0, GFP_KERNEL));
}

/* Pages */

static void so_many_pages_and_no_more(struct kunit *test)
{
	char *pages = alloc_pages_exact(33 * 1024, GFP_KERNEL | __GFP_ZERO);

	KUNIT_ASSERT_NOT_NULL(test, pages);
	KUNIT_EXPECT_NULL(test, memchr_inv(pages, 0, 9 * PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, page_count(virt_to_page(pages + 8 * PAGE_SIZE)), 1);
	KUNIT_EXPECT_EQ_MSG(test, page_count(virt_to_page(pages + 9 * PAGE_SIZE)), 0, "given back");
	free_pages_exact(pages, 33 * 1024);
	KUNIT_EXPECT_NULL(test, alloc_pages_exact(0, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, alloc_pages_exact((PAGE_SIZE << MAX_ORDER) + 1, GFP_KERNEL));
}

static void a_block_is_split(struct kunit *test)
{
	struct page *page = alloc_pages(GFP_KERNEL, 2);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_EXPECT_EQ(test, page_count(page + 3), 0);
	split_page(page, 2);
	for (i = 0; i < 4; i++) {
		KUNIT_EXPECT_EQ(test, page_count(page + i), 1);
		__free_page(page + i);
	}
}

static void an_array_of_pages_is_filled(struct kunit *test)
{
	struct page *pages[5] = { NULL };
	int i;

	pages[2] = alloc_page(GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, alloc_pages_bulk(GFP_KERNEL, 5, pages), 5);
	for (i = 0; i < 5; i++) {
		KUNIT_EXPECT_NOT_NULL(test, pages[i]);
		__free_page(pages[i]);
	}
}

static void a_compound_block_has_an_order(struct kunit *test)
{
	struct page *compound = alloc_pages(GFP_KERNEL | __GFP_COMP, 3), *single = alloc_page(GFP_KERNEL);

	KUNIT_EXPECT_EQ(test, compound_order(compound), 3);
	KUNIT_EXPECT_EQ(test, page_size(compound), 8 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, compound_order(single), 0);
	__free_pages(compound, 3);
	__free_page(single);
}

static void bytes_of_a_page_in_highmem(struct kunit *test)
{
	struct page *page = alloc_page(GFP_HIGHUSER);
	char text[8] = "";

	KUNIT_ASSERT_NOT_NULL(test, page);
	memset_page(page, 0, 'a', PAGE_SIZE);
	memcpy_to_page(page, 100, "bcd", 3);
	memzero_page(page, 105, 1);
	memcpy_from_page(text, page, 99, 7);
	KUNIT_EXPECT_STREQ(test, text, "abcdaa");
	__free_page(page);
}

/* vmalloc */

static void areas_are_aligned(struct kunit *test)
{
	void *areas[2 * 10];
	int i;

	for (i = 0; i < 20; i++) {
		unsigned long align = PAGE_SIZE << i / 2;

		areas[i] = __vmalloc_node(3 * PAGE_SIZE, align, GFP_KERNEL | __GFP_ZERO, 0, NULL);
		KUNIT_ASSERT_NOT_NULL(test, areas[i]);
		KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)areas[i], align));
		KUNIT_EXPECT_NULL(test, memchr_inv(areas[i], 0, 3 * PAGE_SIZE));
	}
	for (i = 0; i < 20; i++)
		vfree(areas[i]);
	KUNIT_EXPECT_NULL_MSG(test, __vmalloc_node(PAGE_SIZE, 1UL << 30, GFP_KERNEL, 0, NULL), "no such address");
}

static void an_area_in_a_range(struct kunit *test)
{
	unsigned long start = PAGE_ALIGN(VMALLOC_START) + (32 << 20), end = start + (8 << 20);
	char *area = __vmalloc_node_range(1 << 20, 1, start, end, GFP_KERNEL | __GFP_HIGHMEM, PAGE_KERNEL, 0, 0, NULL);

	KUNIT_ASSERT_NOT_NULL(test, area);
	KUNIT_EXPECT_GE(test, (unsigned long)area, start);
	KUNIT_EXPECT_LE(test, (unsigned long)area + (1 << 20), end);
	memset(area, 1, 1 << 20);
	vfree(area);
}

/* For each CPU */

static DEFINE_PER_CPU(long, counter) = 5;

static void operations_on_a_variable(struct kunit *test)
{
	preempt_disable();
	KUNIT_EXPECT_EQ(test, this_cpu_read(counter), 5);
	this_cpu_add(counter, 10);
	__this_cpu_dec(counter);
	KUNIT_EXPECT_EQ(test, per_cpu(counter, smp_processor_id()), 14);
	KUNIT_EXPECT_EQ(test, this_cpu_sub_return(counter, 4), 10);
	KUNIT_EXPECT_EQ(test, this_cpu_xchg(counter, 3), 10);
	KUNIT_EXPECT_EQ(test, this_cpu_cmpxchg(counter, 3, 4), 3);
	KUNIT_EXPECT_EQ(test, this_cpu_cmpxchg(counter, 3, 5), 4);
	this_cpu_or(counter, 3);
	this_cpu_and(counter, 6);
	KUNIT_EXPECT_EQ(test, __get_cpu_var(counter), 6);
	this_cpu_write(counter, 5);
	preempt_enable();
}

static void memory_for_each_cpu(struct kunit *test)
{
	struct thing __percpu *things = alloc_percpu(struct thing);
	char __percpu *aligned = __alloc_percpu(100, 1024);
	int cpu;

	KUNIT_ASSERT_NOT_NULL(test, things);
	for_each_possible_cpu(cpu) {
		KUNIT_EXPECT_EQ(test, per_cpu_ptr(things, cpu)->ready, 0);
		per_cpu_ptr(things, cpu)->ready = cpu + 1;
		KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)per_cpu_ptr(aligned, cpu), 1024));
	}
	KUNIT_EXPECT_EQ(test, get_cpu_ptr(things)->ready, smp_processor_id() + 1);
	put_cpu_ptr(things);
	free_percpu(things);
	free_percpu(aligned);
	free_percpu(NULL);
}

/* Pools */

static void a_pool_of_the_callers(struct kunit *test)
{
	mempool_t pool;
	void *element;

	KUNIT_ASSERT_EQ(test, mempool_init_kmalloc_pool(&pool, 3, 200), 0);
	KUNIT_EXPECT_TRUE(test, mempool_initialized(&pool));
	KUNIT_EXPECT_TRUE(test, mempool_is_saturated(&pool));
	element = mempool_alloc_preallocated(&pool);
	KUNIT_EXPECT_NOT_NULL(test, element);
	KUNIT_EXPECT_FALSE(test, mempool_is_saturated(&pool));
	mempool_free(element, &pool);
	KUNIT_EXPECT_EQ(test, mempool_resize(&pool, 5), 0);
	KUNIT_EXPECT_EQ(test, pool.curr_nr, 5);
	mempool_exit(&pool);
	KUNIT_EXPECT_FALSE(test, mempool_initialized(&pool));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(a_cache_without_a_destructor),
	KUNIT_CASE(a_cache_with_named_arguments),
	KUNIT_CASE(flags_for_debugging_are_the_boots_matter),
	KUNIT_CASE(many_objects_at_once),
	KUNIT_CASE(a_flag_asks_for_zeros),
	KUNIT_CASE(arrays_that_are_too_large),
	KUNIT_CASE(sizes_are_told_before),
	KUNIT_CASE(from_kmalloc_or_from_vmalloc),
	KUNIT_CASE(what_grows_keeps_what_it_has),
	KUNIT_CASE(so_many_pages_and_no_more),
	KUNIT_CASE(a_block_is_split),
	KUNIT_CASE(an_array_of_pages_is_filled),
	KUNIT_CASE(a_compound_block_has_an_order),
	KUNIT_CASE(bytes_of_a_page_in_highmem),
	KUNIT_CASE(areas_are_aligned),
	KUNIT_CASE(an_area_in_a_range),
	KUNIT_CASE(operations_on_a_variable),
	KUNIT_CASE(memory_for_each_cpu),
	KUNIT_CASE(a_pool_of_the_callers),
	{}
};

static struct kunit_suite suite = { .name = "later_alloc", .test_cases = cases };
kunit_test_suite(suite);
MODULE_LICENSE("MIT");
