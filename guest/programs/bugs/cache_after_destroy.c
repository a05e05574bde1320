/*
 * A cache is used after it was destroyed.
 * highmem: --check-access
 * expect: cache_after_destroy.c:18: access: BUG: KASAN: use-after-free in
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>

int main(void)
{
	struct kmem_cache *cache = kmem_cache_create("gone", 40, 0, 0, NULL);

	if (!cache)
		return -ENOMEM;
	kmem_cache_free(cache, kmem_cache_alloc(cache, GFP_KERNEL));
	kmem_cache_destroy(cache);
	printk("%u bytes\n", kmem_cache_size(cache));
	return 0;
}
