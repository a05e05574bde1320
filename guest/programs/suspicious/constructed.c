/*
 * A cache with a constructor: an object that comes back is as the constructor made it, and is used like that, though
 * nobody has written to it since it was freed.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/slab.h>

struct buffer {
	struct list_head users;
	int size;
};

static void make_buffer(void *object, struct kmem_cache *cache, unsigned long flags)
{
	struct buffer *buffer = object;

	if ((flags & (SLAB_CTOR_VERIFY | SLAB_CTOR_CONSTRUCTOR)) != SLAB_CTOR_CONSTRUCTOR)
		return;
	INIT_LIST_HEAD(&buffer->users);
	buffer->size = 64;
}

int main(void)
{
	struct kmem_cache *cache;
	int i, wrong = 0;

	cache = kmem_cache_create("buffers", sizeof(struct buffer), 0, 0, make_buffer, NULL);
	if (!cache)
		return -ENOMEM;
	for (i = 0; i < 3; i++) {
		struct buffer *buffer = kmem_cache_alloc(cache, GFP_KERNEL);

		if (!buffer)
			return -ENOMEM;
		wrong += buffer->size != 64 || !list_empty(&buffer->users);
		kmem_cache_free(cache, buffer);
	}
	kmem_cache_destroy(cache);
	return wrong;
}
