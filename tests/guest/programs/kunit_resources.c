/* What a test has, and functions that it replaces. */
#include <kunit/resource.h>
#include <kunit/static_stub.h>
#include <kunit/test-bug.h>
#include <kunit/test.h>
#include <kunit/visibility.h>

static int freed;

static int take(struct kunit_resource *resource, void *context)
{
	resource->data = kmalloc((long)context, GFP_KERNEL);
	return resource->data ? 0 : -ENOMEM;
}

static void give(struct kunit_resource *resource)
{
	kfree(resource->data);
	freed++;
}

static void count(struct kunit_resource *resource)
{
	freed += *(int *)resource->data;
}

static void resources(struct kunit *test)
{
	static struct kunit_resource named;
	static int ten = 10;
	void *data = kunit_alloc_resource(test, take, give, GFP_KERNEL, (void *)100), *other;
	struct kunit_resource *found;

	KUNIT_ASSERT_NOT_NULL(test, data);
	other = kunit_alloc_resource(test, take, give, GFP_KERNEL, (void *)200);
	KUNIT_EXPECT_EQ(test, kunit_add_named_resource(test, NULL, count, &named, "ten", &ten), 0);
	found = kunit_find_named_resource(test, "ten");
	KUNIT_EXPECT_PTR_EQ(test, found, &named);
	kunit_put_resource(found);
	KUNIT_EXPECT_NULL(test, kunit_find_named_resource(test, "eleven"));
	KUNIT_EXPECT_EQ(test, kunit_destroy_resource(test, kunit_resource_instance_match, other), 0);
	KUNIT_EXPECT_EQ(test, freed, 1);
	KUNIT_EXPECT_EQ(test, kunit_destroy_named_resource(test, "eleven"), -ENOENT);
	KUNIT_EXPECT_STREQ(test, kunit_kstrdup(test, "text", GFP_KERNEL), "text");
}

static void resources_were_freed(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, freed, 12);
}

VISIBLE_IF_KUNIT int price(int amount)
{
	KUNIT_STATIC_STUB_REDIRECT(price, amount);
	return amount * 3;
}

static int free_of_charge(int amount)
{
	return 0;
}

static void stubs(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, price(2), 6);
	kunit_activate_static_stub(test, price, free_of_charge);
	KUNIT_EXPECT_EQ(test, price(2), 0);
	kunit_deactivate_static_stub(test, price);
	KUNIT_EXPECT_EQ(test, price(2), 6);
	kunit_activate_static_stub(test, price, free_of_charge);
}

static void stubs_end_with_their_test(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, price(2), 6);
	KUNIT_EXPECT_PTR_EQ(test, kunit_get_current_test(), test);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(resources),
	KUNIT_CASE(resources_were_freed),
	KUNIT_CASE(stubs),
	KUNIT_CASE(stubs_end_with_their_test),
	{}
};

static struct kunit_suite suite = { .name = "resources", .test_cases = cases };
kunit_test_suite(suite);
