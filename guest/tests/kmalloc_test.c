/* kmalloc and its kin: sizes, alignment, zones, contents, and what is refused. */
#include <kunit/test.h>
#include <linux/mm.h>

static void sizes_are_those_of_the_caches(struct kunit *test)
{
	static const size_t asked[] = { 1, 32, 33, 64, 65, 128, 4096, 4097, 131072 };
	static const size_t given[] = { 32, 32, 64, 64, 128, 128, 4096, 8192, 131072 };
	int i;

	for (i = 0; i < ARRAY_SIZE(asked); i++) {
		void *p = kmalloc(asked[i], GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, p);
		KUNIT_EXPECT_EQ(test, ksize(p), given[i]);
		kfree(p);
	}
}

static void too_much_is_null(struct kunit *test)
{
	KUNIT_EXPECT_NULL(test, kmalloc(131073, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, kcalloc(1 << 16, 1 << 16, GFP_KERNEL));	/* the product does not fit 32 bits */
}

static void objects_do_not_overlap(struct kunit *test)
{
	enum { COUNT = 100, SIZE = 96 };
	unsigned char *object[COUNT];
	int i;

	for (i = 0; i < COUNT; i++) {
		object[i] = kmalloc(SIZE, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, object[i]);
		KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)object[i], L1_CACHE_BYTES));
		memset(object[i], i, ksize(object[i]));
	}
	for (i = 0; i < COUNT; i++) {
		KUNIT_EXPECT_NULL(test, memchr_inv(object[i], i, ksize(object[i])));
		kfree(object[i]);
	}
}

static void what_is_freed_is_given_next(struct kunit *test)
{
	void *first = kmalloc(200, GFP_KERNEL), *second = kmalloc(200, GFP_KERNEL);

	KUNIT_EXPECT_PTR_NE(test, first, second);
	kfree(first);
	kfree(second);
	/* the array cache is a stack: its warmest object comes first */
	KUNIT_EXPECT_PTR_EQ(test, kmalloc(200, GFP_KERNEL), second);
	KUNIT_EXPECT_PTR_EQ(test, kmalloc(200, GFP_KERNEL), first);
	kfree(first);
	kfree(second);
}

static void zeroed_kinds_are_zero(struct kunit *test)
{
	char *p;
	int i;

	for (i = 0; i < 2; i++) {
		p = kmalloc(300, GFP_KERNEL);	/* so that there is something to clear */
		memset(p, 0xaa, 300);
		kfree(p);
		p = i ? kcalloc(3, 100, GFP_KERNEL) : kzalloc(300, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p);
		KUNIT_EXPECT_NULL(test, memchr_inv(p, 0, 300));
		kfree(p);
	}
}

static void zones_are_those_of_the_flags(struct kunit *test)
{
	void *dma = kmalloc(100, GFP_KERNEL | GFP_DMA), *atomic = kmalloc(100, GFP_ATOMIC);

	KUNIT_EXPECT_LT(test, __pa(dma), 16UL << 20);
	KUNIT_EXPECT_EQ(test, page_zonenum(virt_to_page(dma)), ZONE_DMA);
	KUNIT_EXPECT_EQ(test, page_zonenum(virt_to_page(atomic)), ZONE_NORMAL);
	KUNIT_EXPECT_TRUE(test, PageSlab(virt_to_page(dma)) && PageSlab(virt_to_page(atomic)));
	kfree(dma);
	kfree(atomic);
}

static void krealloc_keeps_the_contents(struct kunit *test)
{
	char *p = krealloc(NULL, 10, GFP_KERNEL), *q;

	KUNIT_ASSERT_NOT_NULL(test, p);
	strcpy(p, "contents");
	q = krealloc(p, 32, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ_MSG(test, q, p, "32 bytes fit where 10 are");
	q = krealloc(p, 1000, GFP_KERNEL);
	KUNIT_EXPECT_PTR_NE(test, q, p);
	KUNIT_EXPECT_STREQ(test, q, "contents");
	KUNIT_EXPECT_EQ(test, ksize(q), 1024);
	kfree(q);
}

static void general_caches(struct kunit *test)
{
	struct kmem_cache *cache = kmem_find_general_cachep(100, GFP_KERNEL);
	void *p = kmalloc(100, GFP_KERNEL);

	KUNIT_EXPECT_STREQ(test, kmem_cache_name(cache), "size-128");
	KUNIT_EXPECT_EQ(test, kmem_cache_size(cache), 128);
	KUNIT_EXPECT_STREQ(test, kmem_cache_name(kmem_find_general_cachep(4096, GFP_DMA)), "size-4096(DMA)");
	KUNIT_EXPECT_TRUE(test, kmem_ptr_validate(cache, p));
	KUNIT_EXPECT_FALSE(test, kmem_ptr_validate(kmem_find_general_cachep(1000, GFP_KERNEL), p));
	KUNIT_EXPECT_FALSE(test, kmem_ptr_validate(cache, (void *)0x1000));
	kmem_cache_free(cache, p);	/* what kfree does */
}

static void kfree_of_null_is_nothing(struct kunit *test)
{
	unsigned int before = nr_free_pages();

	kfree(NULL);
	KUNIT_EXPECT_EQ(test, nr_free_pages(), before);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(sizes_are_those_of_the_caches),
	KUNIT_CASE(too_much_is_null),
	KUNIT_CASE(objects_do_not_overlap),
	KUNIT_CASE(what_is_freed_is_given_next),
	KUNIT_CASE(zeroed_kinds_are_zero),
	KUNIT_CASE(zones_are_those_of_the_flags),
	KUNIT_CASE(krealloc_keeps_the_contents),
	KUNIT_CASE(general_caches),
	KUNIT_CASE(kfree_of_null_is_nothing),
	{}
};

static struct kunit_suite suite = { .name = "kmalloc", .test_cases = cases };
kunit_test_suite(suite);
MODULE_LICENSE("MIT");
