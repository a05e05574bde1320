/* Many objects at once: what mm/slab_common.c of later kernels adds. */
#include <linux/mm.h>
#include <linux/slab.h>
#include "lib.h"

LIB void kmem_cache_free_bulk(struct kmem_cache *cachep, size_t nr, void **objects)
{
	while (nr--)
		if (cachep)
			kmem_cache_free(cachep, objects[nr]);
		else
			kfree(objects[nr]);
}

LIB int kmem_cache_alloc_bulk(struct kmem_cache *cachep, gfp_t flags, size_t nr, void **objects)
{
	size_t i;

	for (i = 0; i < nr; i++) {
		objects[i] = kmem_cache_alloc(cachep, flags);
		if (!objects[i]) {
			kmem_cache_free_bulk(cachep, i, objects);
			return 0;
		}
	}
	return nr;
}

LIB size_t kmalloc_size_roundup(size_t size)
{
	if (!size || size > KMALLOC_MAX_SIZE)
		return size;
	return kmem_cache_size(kmem_find_general_cachep(size, GFP_KERNEL));
}
