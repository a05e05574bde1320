/*
 * An object goes back to another cache than it came from: a BUG, with every kernel.
 * expect: wrong_cache.c:13: log: kernel BUG at mm/slab_objects.py:...
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>

static struct kmem_cache *requests, *replies;

static void drop_reply(void *reply)
{
	kmem_cache_free(replies, reply);
}

int main(void)
{
	void *request;

	requests = kmem_cache_create("requests", 96, 0, 0, NULL, NULL);
	replies = kmem_cache_create("replies", 96, 0, 0, NULL, NULL);
	if (!requests || !replies)
		return -ENOMEM;
	request = kmem_cache_alloc(requests, GFP_KERNEL);
	drop_reply(request);
	return 0;
}
