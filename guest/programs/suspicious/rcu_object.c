/*
 * A cache with SLAB_DESTROY_BY_RCU: its objects may be looked at after they were freed, as long as no task changes.
 * What is found there may be another object, and the reader asks whether it is.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/preempt.h>
#include <linux/slab.h>

struct node {
	int key;
	int value;
};

int main(void)
{
	struct kmem_cache *cache;
	volatile struct node *node;
	int found;

	cache = kmem_cache_create("nodes", sizeof(*node), 0, SLAB_DESTROY_BY_RCU, NULL, NULL);
	if (!cache)
		return -ENOMEM;
	node = kmem_cache_alloc(cache, GFP_KERNEL);
	if (!node)
		return -ENOMEM;
	node->key = 3;
	node->value = 30;
	preempt_disable();
	node->key = 0;
	kmem_cache_free(cache, (void *)node);
	found = node->key == 3;
	preempt_enable();
	kmem_cache_destroy(cache);
	return found;
}
