/* The last byte of everything: of an object of any size, of a cache's object, of a block of pages, of an area. */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

static noinline int touch(volatile char *memory, int size)
{
	if (!memory)
		return 0;
	memory[0] = 1;
	memory[size - 1] = 2;
	return memory[size - 1] == 2;
}

int main(void)
{
	struct kmem_cache *cache = kmem_cache_create("odd", 37, 0, SLAB_HWCACHE_ALIGN, NULL, NULL);
	int size, good = 1;
	void *memory;

	if (!cache)
		return -ENOMEM;
	for (size = 2; size < 140000; size += size / 3 + 1) {
		memory = size <= 131072 ? kmalloc(size, GFP_KERNEL) : NULL;
		if (memory)
			good &= touch(memory, size);
		kfree(memory);
		memory = vmalloc(size);
		good &= touch(memory, size);
		vfree(memory);
	}
	memory = kmem_cache_alloc(cache, GFP_KERNEL);
	good &= touch(memory, 37);
	kmem_cache_free(cache, memory);
	memory = (void *)__get_free_pages(GFP_KERNEL, 3);
	good &= touch(memory, PAGE_SIZE << 3);
	free_pages((unsigned long)memory, 3);
	kmem_cache_destroy(cache);
	return good ? 0 : 1;
}
