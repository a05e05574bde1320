/*
 * A cache that is not destroyed when the program ends. Its name goes with the program, and the cache stays.
 * expect: leak_cache.c:14: fsck: struct kmem_cache ... name is ..., where nothing is mapped
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>

int main(void)
{
	struct kmem_cache *cache;
	void *object;

	cache = kmem_cache_create("forgotten", 40, 0, 0, NULL, NULL);
	if (!cache)
		return -ENOMEM;
	object = kmem_cache_alloc(cache, GFP_KERNEL);
	kmem_cache_free(cache, object);
	return 0;
}
