/* KUnit's own interface: resources, actions, what leaves a test, replaced functions, devices. */
#include <kunit/device.h>
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <kunit/test-bug.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include "string-stream.h"

/* A second test, which a case may do with as it likes. */
struct context {
	struct kunit test;
	int order[8], count;
};

static int begin(struct kunit *test)
{
	struct context *context = kunit_kzalloc(test, sizeof(*context), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, context);
	kunit_init_test(&context->test, "another", NULL);
	test->priv = context;
	return 0;
}

static void end(struct kunit *test)
{
	struct context *context = test->priv;

	kunit_cleanup(&context->test);
}

static int take(struct kunit_resource *resource, void *context)
{
	resource->data = context;
	return context ? 0 : -EINVAL;
}

static void give(struct kunit_resource *resource)
{
	(*(int *)resource->data)++;
}

static bool has_data(struct kunit *test, struct kunit_resource *resource, void *data)
{
	return resource->data == data;
}

static void resources_are_counted(struct kunit *test)
{
	struct context *context = test->priv;
	struct kunit_resource *resource, *found;
	int freed = 0;

	KUNIT_EXPECT_NULL(test, kunit_alloc_and_get_resource(&context->test, take, give, GFP_KERNEL, NULL));
	KUNIT_EXPECT_TRUE(test, list_empty(&context->test.resources));
	resource = kunit_alloc_and_get_resource(&context->test, take, give, GFP_KERNEL, &freed);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, resource);
	KUNIT_EXPECT_TRUE(test, list_is_last(&resource->node, &context->test.resources));
	found = kunit_find_resource(&context->test, has_data, &freed);
	KUNIT_EXPECT_PTR_EQ(test, found, resource);
	kunit_put_resource(found);
	kunit_remove_resource(&context->test, resource);
	kunit_remove_resource(&context->test, resource);
	KUNIT_EXPECT_TRUE(test, list_empty(&context->test.resources));
	KUNIT_EXPECT_EQ(test, freed, 0);
	kunit_put_resource(resource);
	KUNIT_EXPECT_EQ(test, freed, 1);

	KUNIT_EXPECT_PTR_EQ(test, kunit_alloc_resource(&context->test, take, give, GFP_KERNEL, &freed), (void *)&freed);
	KUNIT_EXPECT_EQ(test, kunit_destroy_resource(&context->test, has_data, &freed), 0);
	KUNIT_EXPECT_EQ(test, freed, 2);
	KUNIT_EXPECT_EQ(test, kunit_destroy_resource(&context->test, has_data, &freed), -ENOENT);
	KUNIT_EXPECT_NOT_NULL(test, kunit_alloc_resource(&context->test, take, give, GFP_KERNEL, &freed));
	kunit_cleanup(&context->test);
	KUNIT_EXPECT_EQ(test, freed, 3);
}

static void resources_with_names(struct kunit *test)
{
	struct context *context = test->priv;
	struct kunit_resource one, two, *found;
	int freed = 0;

	KUNIT_EXPECT_EQ(test, kunit_add_resource(&context->test, NULL, give, &one, &freed), 0);
	KUNIT_EXPECT_PTR_EQ(test, one.data, (void *)&freed);
	kunit_cleanup(&context->test);
	KUNIT_EXPECT_EQ(test, freed, 1);
	KUNIT_EXPECT_EQ(test, kunit_add_named_resource(&context->test, take, give, &one, "one", &freed), 0);
	KUNIT_EXPECT_EQ(test, kunit_add_named_resource(&context->test, take, give, &two, "one", &freed), -EEXIST);
	KUNIT_EXPECT_EQ(test, kunit_add_named_resource(&context->test, take, give, &two, NULL, &freed), -EINVAL);
	KUNIT_EXPECT_EQ(test, kunit_add_named_resource(&context->test, take, give, &two, "two", NULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, kunit_add_named_resource(&context->test, take, give, &two, "two", &freed), 0);
	found = kunit_find_named_resource(&context->test, "one");
	KUNIT_EXPECT_PTR_EQ(test, found, &one);
	kunit_put_resource(found);
	KUNIT_EXPECT_NULL(test, kunit_find_named_resource(&context->test, "three"));
	KUNIT_EXPECT_EQ(test, kunit_destroy_named_resource(&context->test, "two"), 0);
	KUNIT_EXPECT_EQ(test, freed, 2);
	kunit_cleanup(&context->test);
	KUNIT_EXPECT_EQ(test, freed, 3);
}

static void note(struct context *context, int number)
{
	context->order[context->count++] = number;
}

static void first(void *context)
{
	note(context, 1);
}

static void second(void *context)
{
	note(context, 2);
}

static void actions(struct kunit *test)
{
	static const int wanted[] = { 2, 2, 1 };
	struct context *context = test->priv;
	int i;

	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, kunit_add_action(&context->test, first, context), 0);
		KUNIT_EXPECT_EQ(test, kunit_add_action_or_reset(&context->test, second, context), 0);
	}
	kunit_remove_action(&context->test, first, context);
	kunit_release_action(&context->test, second, context);
	KUNIT_EXPECT_EQ(test, context->count, 1);
	kunit_cleanup(&context->test);
	kunit_cleanup(&context->test);
	KUNIT_EXPECT_EQ(test, context->count, 3);
	KUNIT_EXPECT_MEMEQ(test, context->order, wanted, sizeof(wanted));
}

static void memory(struct kunit *test)
{
	static const char text[] = "text";
	char *zeros = kunit_kcalloc(test, 3, 7, GFP_KERNEL), *copy = kunit_kstrdup(test, text, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, zeros);
	KUNIT_EXPECT_NULL(test, memchr_inv(zeros, 0, 21));
	KUNIT_EXPECT_STREQ(test, copy, text);
	KUNIT_EXPECT_PTR_NE(test, copy, text);
	kunit_kfree(test, copy);
	kunit_kfree_const(test, kunit_kstrdup_const(test, text, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, kunit_kmalloc_array(test, 1 << 20, 1 << 20, GFP_KERNEL));
}

static void the_state_of_a_test(struct kunit *test)
{
	struct context *context = test->priv;
	struct kunit *other = &context->test;

	KUNIT_EXPECT_EQ(test, other->status, KUNIT_SUCCESS);
	KUNIT_EXPECT_STREQ(test, other->status_comment, "");
	KUNIT_EXPECT_NULL(test, other->log);
	kunit_mark_skipped(other, "no %s", "device");
	KUNIT_EXPECT_EQ(test, other->status, KUNIT_SKIPPED);
	KUNIT_EXPECT_STREQ(test, other->status_comment, "no device");
	kunit_set_failure(other);
	KUNIT_EXPECT_EQ(test, other->status, KUNIT_FAILURE);
}

static int is_somebody_tested(void *result)
{
	*(struct kunit **)result = kunit_get_current_test();
	return 0;
}

static void the_test_at_work(struct kunit *test)
{
	struct kunit *elsewhere = test;
	struct context *context = test->priv;

	KUNIT_EXPECT_PTR_EQ(test, kunit_get_current_test(), test);
	KUNIT_EXPECT_PTR_EQ(test, current->kunit_test, test);
	current->kunit_test = &context->test;
	kunit_fail_current_test("on purpose: %d", 1);
	current->kunit_test = test;
	KUNIT_EXPECT_EQ(test, context->test.status, KUNIT_FAILURE);
	kthread_run(is_somebody_tested, &elsewhere, "elsewhere");
	schedule_timeout_uninterruptible(2);
	KUNIT_EXPECT_NULL(test, elsewhere);
}

static void say_one(void *context)
{
	note(context, 1);
	KUNIT_EXPECT_NOT_NULL(kunit_get_current_test(), context);
}

static void say_two(void *context)
{
	note(context, 2);
}

static void throw(void *context)
{
	struct kunit_try_catch *try_catch = ((struct context *)context)->test.priv;

	note(context, 3);
	kunit_try_catch_throw(try_catch);
	note(context, 4);
}

static void trying(struct kunit *test)
{
	static const int wanted[] = { 1, 3, 2 };
	struct context *context = test->priv;
	struct kunit_try_catch try_catch;

	context->test.priv = &try_catch;
	kunit_try_catch_init(&try_catch, test, say_one, say_two);
	kunit_try_catch_run(&try_catch, context);
	KUNIT_EXPECT_EQ(test, kunit_try_catch_get_result(&try_catch), 0);
	kunit_try_catch_init(&try_catch, test, throw, say_two);
	kunit_try_catch_run(&try_catch, context);
	KUNIT_EXPECT_EQ(test, context->count, 3);
	KUNIT_EXPECT_MEMEQ(test, context->order, wanted, sizeof(wanted));
}

static int price(int amount)
{
	KUNIT_STATIC_STUB_REDIRECT(price, amount);
	return amount * 3;
}

static int free_of_charge(int amount)
{
	return 0;
}

static int (*const price_pointer)(int amount) = price;
static int voids;

static void nothing(void)
{
	KUNIT_STATIC_STUB_REDIRECT(nothing);
	voids++;
}

static void something(void)
{
	voids += 10;
}

static void replaced_functions(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, price(2), 6);
	kunit_activate_static_stub(test, price, free_of_charge);
	KUNIT_EXPECT_EQ(test, price(2), 0);
	kunit_deactivate_static_stub(test, price);
	KUNIT_EXPECT_EQ(test, price(2), 6);
	kunit_activate_static_stub(test, price_pointer, free_of_charge);
	KUNIT_EXPECT_EQ(test, price(2), 0);
	kunit_deactivate_static_stub(test, price_pointer);
	KUNIT_EXPECT_EQ(test, price(2), 6);
	nothing();
	kunit_activate_static_stub(test, nothing, something);
	nothing();
	KUNIT_EXPECT_EQ(test, voids, 11);
}

struct state {
	int probed, removed;
	long action;
};

static int probe(struct device *dev)
{
	struct state *state = kunit_get_current_test()->priv;

	state->probed++;
	return 0;
}

static int remove(struct device *dev)
{
	struct state *state = kunit_get_current_test()->priv;

	state->removed++;
	return 0;
}

static int no_probe(struct device *dev)
{
	return devm_kzalloc(dev, 10, GFP_KERNEL) ? -ENODEV : -ENOMEM;
}

static void act(void *data)
{
	*(long *)data = 1;
}

static void devices(struct kunit *test)
{
	struct state *state = kunit_kzalloc(test, sizeof(*state), GFP_KERNEL);
	struct device *dev = kunit_device_register(test, "my_device");
	struct device_driver *driver = kunit_driver_create(test, "my_driver");
	char *p;

	KUNIT_ASSERT_NOT_NULL(test, state);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, driver);
	KUNIT_EXPECT_STREQ(test, driver->name, "my_driver");
	p = devm_kstrdup(dev, "text", GFP_KERNEL);
	KUNIT_EXPECT_STREQ(test, p, "text");
	devm_kfree(dev, p);
	KUNIT_EXPECT_NOT_NULL(test, devm_kcalloc(dev, 10, 10, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, devm_add_action(dev, act, &state->action), 0);
	KUNIT_EXPECT_EQ(test, state->action, 0);
	kunit_device_unregister(test, dev);
	KUNIT_EXPECT_EQ(test, state->action, 1);

	test->priv = state;
	driver->probe = probe;
	driver->remove = remove;
	dev = kunit_device_register_with_driver(test, "my_device", driver);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev);
	KUNIT_EXPECT_EQ(test, state->probed, 1);
	kunit_device_unregister(test, dev);
	KUNIT_EXPECT_EQ(test, state->removed, 1);
	dev = kunit_device_register_with_driver(test, "my_device", driver);
	KUNIT_EXPECT_EQ(test, state->probed, 2);
	KUNIT_EXPECT_EQ(test, devm_add_action(dev, act, &state->action), 0);
	driver->probe = no_probe;
	dev = kunit_device_register_with_driver(test, "another", driver);
	KUNIT_EXPECT_TRUE(test, IS_ERR(dev));
	KUNIT_EXPECT_EQ(test, PTR_ERR(dev), -ENODEV);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(resources_are_counted),
	KUNIT_CASE(resources_with_names),
	KUNIT_CASE(actions),
	KUNIT_CASE(memory),
	KUNIT_CASE(the_state_of_a_test),
	KUNIT_CASE(the_test_at_work),
	KUNIT_CASE(trying),
	KUNIT_CASE(replaced_functions),
	{}
};

static struct kunit_suite suite = { .name = "kunit", .init = begin, .exit = end, .test_cases = cases };

static void root_devices(struct kunit *test)
{
	struct device *dev = root_device_register("a device with a long name");
	long action = 0;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev);
	KUNIT_EXPECT_EQ(test, strlen(dev->bus_id), sizeof(dev->bus_id) - 1);
	KUNIT_EXPECT_EQ(test, devm_add_action_or_reset(dev, act, &action), 0);
	devm_release_action(dev, act, &action);
	KUNIT_EXPECT_EQ(test, action, 1);
	KUNIT_EXPECT_EQ(test, devm_add_action(dev, act, &action), 0);
	devm_remove_action(dev, act, &action);
	KUNIT_EXPECT_STREQ(test, devm_kmemdup(dev, "abc", 4, GFP_KERNEL), "abc");
	root_device_unregister(dev);
}

static struct kunit_case device_cases[] = { KUNIT_CASE(devices), KUNIT_CASE(root_devices), {} };
static struct kunit_suite device_suite = { .name = "kunit_devices", .test_cases = device_cases };

/* Texts that grow. */

static void streams(struct kunit *test)
{
	struct string_stream *stream = kunit_alloc_string_stream(test, GFP_KERNEL);
	struct string_stream *lines = alloc_string_stream(GFP_KERNEL);
	char *text;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, stream);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, lines);
	KUNIT_EXPECT_EQ(test, string_stream_add(stream, "%s", ""), 0);
	KUNIT_EXPECT_TRUE(test, string_stream_is_empty(stream));
	string_stream_add(stream, "one%d", 1);
	string_stream_add(stream, "two\n");
	string_stream_set_append_newlines(lines, true);
	string_stream_add(lines, "three");
	string_stream_add(lines, "four\n");
	string_stream_append(stream, lines);
	text = string_stream_get_string(stream);
	KUNIT_EXPECT_STREQ(test, text, "one1two\nthree\nfour\n");
	KUNIT_EXPECT_EQ(test, stream->length, strlen(text));
	kfree(text);
	string_stream_clear(stream);
	string_stream_add(stream, "five");
	string_stream_append(lines, stream);
	text = string_stream_get_string(lines);
	KUNIT_EXPECT_STREQ(test, text, "three\nfour\nfive\n");
	kfree(text);
	string_stream_destroy(lines);
	kunit_free_string_stream(test, stream);
	stream = alloc_string_stream(test, GFP_KERNEL);
	string_stream_add(stream, "six");
	KUNIT_EXPECT_STREQ(test, string_stream_get_string(stream), "six");
}

static struct kunit_case stream_cases[] = { KUNIT_CASE(streams), {} };
static struct kunit_suite stream_suite = { .name = "string_stream", .test_cases = stream_cases };

/* Parameters: an array, a generator, and what is shared by all of one case. */

static const struct amount {
	int value;
} amounts[] = { { 1 }, { 2 }, { 4 } };

static void describe(struct kunit *test, const void *param, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "amount %d", ((const struct amount *)param)->value);
}

static int shared;

static int share(struct kunit *test)
{
	KUNIT_EXPECT_NULL(test, test->parent);
	kunit_register_params_array(test, amounts, ARRAY_SIZE(amounts), describe);
	return kunit_alloc_resource(test, take, give, GFP_KERNEL, &shared) ? 0 : -ENOMEM;
}

static void all_shared(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, shared, 0);
}

static void with_registered_parameters(struct kunit *test)
{
	const struct amount *amount = test->param_value;
	struct kunit_resource *resource = kunit_find_resource(test->parent, has_data, &shared);

	KUNIT_ASSERT_NOT_NULL(test, resource);
	kunit_put_resource(resource);
	KUNIT_EXPECT_PTR_EQ(test, amount, amounts + test->param_index);
	KUNIT_EXPECT_EQ(test, amount->value, 1 << test->param_index);
	KUNIT_EXPECT_EQ(test, shared, 0);
}

static const void *count_to_three(struct kunit *test, const void *prev, char *desc)
{
	return (long)prev < 3 ? prev + 1 : NULL;
}

static void with_a_generator(struct kunit *test)
{
	KUNIT_EXPECT_PTR_EQ(test, test->param_value, (const void *)(test->param_index + 1L));
}

static void slow(struct kunit *test)
{
	KUNIT_SUCCEED(test);
}

static struct kunit_case parameter_cases[] = {
	KUNIT_CASE_PARAM_WITH_INIT(with_registered_parameters, kunit_array_gen_params, share, all_shared),
	KUNIT_CASE_PARAM(with_a_generator, count_to_three),
	KUNIT_CASE_SLOW(slow),
	{}
};

static struct kunit_suite parameters = { .name = "kunit_parameters", .test_cases = parameter_cases };

kunit_test_suites(&suite, &device_suite, &stream_suite, &parameters);
