/* Caches of one's own: constructors, destructors, alignment, slabs that come and go. */
#include <kunit/test.h>
#include <linux/mm.h>

#define READY	0x600d

struct thing {
	int state;
	int uses;
	char name[56];
};

static struct kmem_cache *cache;
static int constructed, destroyed;

static void construct(void *object, struct kmem_cache *cachep, unsigned long flags)
{
	struct thing *thing = object;

	if (flags & SLAB_CTOR_CONSTRUCTOR)
		constructed++;
	thing->state = READY;
	thing->uses = 0;
}

static void destroy(void *object, struct kmem_cache *cachep, unsigned long flags)
{
	destroyed++;
}

static int make_cache(struct kunit *test)
{
	constructed = destroyed = 0;
	cache = kmem_cache_create("thing", sizeof(struct thing), 0, 0, construct, destroy);
	return cache ? 0 : -ENOMEM;
}

static void destroy_cache(struct kunit *test)
{
	if (cache)
		kmem_cache_destroy(cache);
	cache = NULL;
}

static void a_slab_is_constructed_at_once(struct kunit *test)
{
	struct thing *thing;

	KUNIT_EXPECT_EQ_MSG(test, constructed, 0, "a new cache has no slab");
	thing = kmem_cache_alloc(cache, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, thing);
	KUNIT_EXPECT_EQ(test, thing->state, READY);
	KUNIT_EXPECT_EQ(test, constructed, 59);		/* of 64 bytes, with 4 for each and 28 for the slab */
	kmem_cache_free(cache, thing);
	KUNIT_EXPECT_EQ(test, destroyed, 0);
}

static void an_object_is_constructed_once(struct kunit *test)
{
	struct thing *thing = kmem_cache_alloc(cache, GFP_KERNEL), *again;
	int before = constructed;

	thing->uses = 7;
	kmem_cache_free(cache, thing);
	again = kmem_cache_alloc(cache, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, again, thing);
	KUNIT_EXPECT_EQ_MSG(test, again->uses, 7, "nobody touches a free object");
	KUNIT_EXPECT_EQ(test, constructed, before);
	kmem_cache_free(cache, again);
}

static void destroying_destroys_each_object(struct kunit *test)
{
	kmem_cache_free(cache, kmem_cache_alloc(cache, GFP_KERNEL));
	kmem_cache_destroy(cache);
	cache = NULL;
	KUNIT_EXPECT_EQ(test, destroyed, constructed);
}

static void shrinking_gives_the_pages_back(struct kunit *test)
{
	enum { COUNT = 200 };
	static struct thing *things[COUNT];
	int i;

	for (i = 0; i < COUNT; i++)
		things[i] = kmem_cache_alloc(cache, GFP_KERNEL);
	for (i = 0; i < COUNT; i++)
		kmem_cache_free(cache, things[i]);
	KUNIT_EXPECT_TRUE(test, PageSlab(virt_to_page(things[0])));
	KUNIT_EXPECT_EQ(test, kmem_cache_shrink(cache), 0);
	KUNIT_EXPECT_EQ(test, constructed, 59 * DIV_ROUND_UP(COUNT, 59));
	KUNIT_EXPECT_EQ(test, destroyed, constructed);
	for (i = 0; i < COUNT; i++)
		KUNIT_EXPECT_FALSE(test, PageSlab(virt_to_page(things[i])));
}

static void name_and_size(struct kunit *test)
{
	struct kmem_cache *odd = kmem_cache_create("odd", 21, 0, 0, NULL, NULL);

	KUNIT_EXPECT_STREQ(test, kmem_cache_name(cache), "thing");
	KUNIT_EXPECT_EQ(test, kmem_cache_size(cache), sizeof(struct thing));
	KUNIT_EXPECT_EQ_MSG(test, kmem_cache_size(odd), 24, "rounded up to words");
	kmem_cache_destroy(odd);
}

static void zalloc_clears(struct kunit *test)
{
	struct kmem_cache *plain = kmem_cache_create("plain", 100, 0, 0, NULL, NULL);
	char *object = kmem_cache_alloc(plain, GFP_KERNEL);

	memset(object, 0xff, 100);
	kmem_cache_free(plain, object);
	object = kmem_cache_zalloc(plain, GFP_KERNEL);
	KUNIT_EXPECT_NULL(test, memchr_inv(object, 0, 100));
	kmem_cache_free(plain, object);
	kmem_cache_destroy(plain);
}

struct alignment {
	const char *name;
	size_t size, align;
	unsigned long flags;
	unsigned int distance;	/* of two neighbours */
};

static const struct alignment alignments[] = {
	{ "none", 20, 0, 0, 20 },
	{ "16 bytes", 20, 16, 0, 32 },
	{ "a cache line for a large object", 40, 0, SLAB_HWCACHE_ALIGN, 64 },
	{ "a part of a cache line for a small one", 12, 0, SLAB_HWCACHE_ALIGN, 16 },
	{ "1024 bytes", 100, 1024, 0, 1024 },
};
KUNIT_ARRAY_PARAM_DESC(alignment, alignments, name);

static void objects_are_aligned(struct kunit *test)
{
	const struct alignment *wanted = test->param_value;
	struct kmem_cache *aligned = kmem_cache_create("aligned", wanted->size, wanted->align, wanted->flags, NULL, NULL);
	unsigned long first = (unsigned long)kmem_cache_alloc(aligned, GFP_KERNEL);
	unsigned long second = (unsigned long)kmem_cache_alloc(aligned, GFP_KERNEL);

	KUNIT_EXPECT_EQ(test, abs((long)(second - first)), wanted->distance);
	KUNIT_EXPECT_EQ(test, first & (wanted->align ? wanted->align - 1 : 3), 0);
	kmem_cache_free(aligned, (void *)first);
	kmem_cache_free(aligned, (void *)second);
	kmem_cache_destroy(aligned);
}

static void pointers_of_other_caches_are_not_valid(struct kunit *test)
{
	struct kmem_cache *other = kmem_cache_create("other", sizeof(struct thing), 0, 0, NULL, NULL);
	void *mine = kmem_cache_alloc(cache, GFP_KERNEL), *yours = kmem_cache_alloc(other, GFP_KERNEL);

	KUNIT_EXPECT_EQ(test, kmem_ptr_validate(cache, mine), 1);
	KUNIT_EXPECT_EQ(test, kmem_ptr_validate(cache, yours), 0);
	KUNIT_EXPECT_PTR_NE(test, virt_to_page(mine), virt_to_page(yours));
	kmem_cache_free(cache, mine);
	kmem_cache_free(other, yours);
	kmem_cache_destroy(other);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(a_slab_is_constructed_at_once),
	KUNIT_CASE(an_object_is_constructed_once),
	KUNIT_CASE(destroying_destroys_each_object),
	KUNIT_CASE(shrinking_gives_the_pages_back),
	KUNIT_CASE(name_and_size),
	KUNIT_CASE(zalloc_clears),
	KUNIT_CASE_PARAM(objects_are_aligned, alignment_gen_params),
	KUNIT_CASE(pointers_of_other_caches_are_not_valid),
	{}
};

static struct kunit_suite suite = {
	.name = "kmem_cache",
	.init = make_cache,
	.exit = destroy_cache,
	.test_cases = cases,
};
kunit_test_suite(suite);
MODULE_LICENSE("MIT");
