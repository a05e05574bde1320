#ifndef _KUNIT_RESOURCE_H
#define _KUNIT_RESOURCE_H

#include <kunit/test.h>

/*
 * Something that a test has: data, found again by name or by a function, and given back by free() when the test ends.
 * What kunit_alloc_resource makes is freed itself, too.
 */
struct kunit_resource;
typedef int (*kunit_resource_init_t)(struct kunit_resource *resource, void *context);
typedef void (*kunit_resource_free_t)(struct kunit_resource *resource);
typedef bool (*kunit_resource_match_t)(struct kunit *test, struct kunit_resource *resource, void *wanted);

struct kunit_resource {
	void *data;
	const char *name;
	kunit_resource_free_t free;
	bool should_kfree;
};

extern int kunit_add_named_resource(struct kunit *test, kunit_resource_init_t init, kunit_resource_free_t free,
				    struct kunit_resource *resource, const char *name, void *data);
#define kunit_add_resource(test, init, free, resource, data) \
	kunit_add_named_resource(test, init, free, resource, NULL, data)
extern struct kunit_resource *kunit_alloc_and_get_resource(struct kunit *test, kunit_resource_init_t init,
							   kunit_resource_free_t free, gfp_t gfp, void *context);

static inline void *kunit_alloc_resource(struct kunit *test, kunit_resource_init_t init, kunit_resource_free_t free,
					 gfp_t gfp, void *context)
{
	struct kunit_resource *resource = kunit_alloc_and_get_resource(test, init, free, gfp, context);

	return resource ? resource->data : NULL;
}

extern struct kunit_resource *kunit_find_resource(struct kunit *test, kunit_resource_match_t match, void *wanted);
extern bool kunit_resource_name_match(struct kunit *test, struct kunit_resource *resource, void *name);
extern bool kunit_resource_instance_match(struct kunit *test, struct kunit_resource *resource, void *data);
#define kunit_find_named_resource(test, name)	kunit_find_resource(test, kunit_resource_name_match, (void *)(name))
extern int kunit_destroy_resource(struct kunit *test, kunit_resource_match_t match, void *wanted);
#define kunit_destroy_named_resource(test, name) \
	kunit_destroy_resource(test, kunit_resource_name_match, (void *)(name))
extern void kunit_remove_resource(struct kunit *test, struct kunit_resource *resource);

/* They are not counted: a resource stays until its test ends. */
#define kunit_get_resource(resource)	((void)(resource))
#define kunit_put_resource(resource)	((void)(resource))

#endif
