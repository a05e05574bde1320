#ifndef _KUNIT_RESOURCE_H
#define _KUNIT_RESOURCE_H

#include <kunit/test.h>

/*
 * Something that a test has: data, found again by name or by a function, and given back by free() when the test ends,
 * the youngest first. It is counted: who finds one puts it back. What kunit_alloc_resource makes is freed itself, too.
 */
struct kunit_resource;
typedef int (*kunit_resource_init_t)(struct kunit_resource *resource, void *context);
typedef void (*kunit_resource_free_t)(struct kunit_resource *resource);
typedef bool (*kunit_resource_match_t)(struct kunit *test, struct kunit_resource *resource, void *wanted);

struct kunit_resource {
	void *data;
	const char *name;
	kunit_resource_free_t free;
	struct list_head node;
	int refcount;
	bool should_kfree;
};

extern int kunit_add_resource(struct kunit *test, kunit_resource_init_t init, kunit_resource_free_t free,
			      struct kunit_resource *resource, void *data);
/* -EINVAL without a name, -EEXIST for one that is taken. */
extern int kunit_add_named_resource(struct kunit *test, kunit_resource_init_t init, kunit_resource_free_t free,
				    struct kunit_resource *resource, const char *name, void *data);
/* One that was filled in by hand; for kunit_add_resource() of the form above. */
extern int __kunit_add_resource(struct kunit *test, kunit_resource_init_t init, kunit_resource_free_t free,
				struct kunit_resource *resource, void *data);
/* To be put back. */
extern struct kunit_resource *kunit_alloc_and_get_resource(struct kunit *test, kunit_resource_init_t init,
							   kunit_resource_free_t free, gfp_t gfp, void *context);
extern void *kunit_alloc_resource(struct kunit *test, kunit_resource_init_t init, kunit_resource_free_t free,
				  gfp_t gfp, void *context);

/* The youngest that matches, to be put back. */
extern struct kunit_resource *kunit_find_resource(struct kunit *test, kunit_resource_match_t match, void *wanted);
extern bool kunit_resource_name_match(struct kunit *test, struct kunit_resource *resource, void *name);
#define kunit_find_named_resource(test, name)	kunit_find_resource(test, kunit_resource_name_match, (void *)(name))

/* Tests of later kernels have one of their own. */
extern inline bool kunit_resource_instance_match(struct kunit *test, struct kunit_resource *resource, void *data)
{
	return resource->data == data;
}

/* 0, or -ENOENT. */
extern int kunit_destroy_resource(struct kunit *test, kunit_resource_match_t match, void *wanted);
#define kunit_destroy_named_resource(test, name) \
	kunit_destroy_resource(test, kunit_resource_name_match, (void *)(name))
/* The test has it no longer; it is freed when nobody else has it. */
extern void kunit_remove_resource(struct kunit *test, struct kunit_resource *resource);

extern void kunit_get_resource(struct kunit_resource *resource);
extern void kunit_put_resource(struct kunit_resource *resource);

/* What is called when the test ends; release: now; remove: never. */
typedef void (kunit_action_t)(void *context);
extern int kunit_add_action(struct kunit *test, kunit_action_t *action, void *context);
extern int kunit_add_action_or_reset(struct kunit *test, kunit_action_t *action, void *context);
extern void kunit_remove_action(struct kunit *test, kunit_action_t *action, void *context);
extern void kunit_release_action(struct kunit *test, kunit_action_t *action, void *context);
#define KUNIT_DEFINE_ACTION_WRAPPER(wrapper, function, type) \
	static void wrapper(void *context) { function((type)context); }

#endif
