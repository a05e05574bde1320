#ifndef _LINUX_MEMPOOL_H
#define _LINUX_MEMPOOL_H

#include <linux/slab.h>
#include <linux/wait.h>

/* A stock of at least min_nr elements for when the allocator has none: who may sleep is always served. */

typedef void *(mempool_alloc_t)(gfp_t gfp_mask, void *pool_data);
typedef void (mempool_free_t)(void *element, void *pool_data);

typedef struct mempool_s {
	spinlock_t lock;
	int min_nr;
	int curr_nr;
	void **elements;
	void *pool_data;
	mempool_alloc_t *alloc;
	mempool_free_t *free;
	wait_queue_head_t wait;
} mempool_t;

extern mempool_t *mempool_create(int min_nr, mempool_alloc_t *alloc_fn, mempool_free_t *free_fn, void *pool_data);
/* mempool_resize(pool, new_min_nr, gfp_mask); from 4.1 on without the mask. */
extern int __mempool_resize(mempool_t *pool, int new_min_nr, gfp_t gfp_mask);
#define __mempool_resize_2(pool, new_min_nr)	__mempool_resize(pool, new_min_nr, GFP_KERNEL)
#define __mempool_resize_3(pool, new_min_nr, gfp_mask)	__mempool_resize(pool, new_min_nr, gfp_mask)
#define mempool_resize(...)	__PASTE(__mempool_resize_, __COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)
extern void mempool_destroy(mempool_t *pool);
extern void *mempool_alloc(mempool_t *pool, gfp_t gfp_mask);
extern void mempool_free(void *element, mempool_t *pool);

/* Of later kernels: a pool in memory of the caller's; to take from the stock only. */
extern int mempool_init(mempool_t *pool, int min_nr, mempool_alloc_t *alloc_fn, mempool_free_t *free_fn,
			void *pool_data);
extern void mempool_exit(mempool_t *pool);
extern void *mempool_alloc_preallocated(mempool_t *pool);
#define mempool_initialized(pool)	((pool)->elements != NULL)
#define mempool_is_saturated(pool)	((pool)->curr_nr >= (pool)->min_nr)
#define mempool_init_slab_pool(pool, min_nr, cache) \
	mempool_init(pool, min_nr, mempool_alloc_slab, mempool_free_slab, (void *)(cache))
#define mempool_init_kmalloc_pool(pool, min_nr, size) \
	mempool_init(pool, min_nr, mempool_kmalloc, mempool_kfree, (void *)(size_t)(size))
#define mempool_init_page_pool(pool, min_nr, order) \
	mempool_init(pool, min_nr, mempool_alloc_pages, mempool_free_pages, (void *)(long)(order))

#define mempool_create_node(min_nr, alloc_fn, free_fn, pool_data, node) \
	((void)(node), mempool_create(min_nr, alloc_fn, free_fn, pool_data))

/* pool_data is the cache, the size in bytes, the order. */
extern mempool_alloc_t mempool_alloc_slab, mempool_kmalloc, mempool_kzalloc, mempool_alloc_pages;
extern mempool_free_t mempool_free_slab, mempool_kfree, mempool_free_pages;

#define mempool_create_slab_pool(min_nr, cache) \
	mempool_create(min_nr, mempool_alloc_slab, mempool_free_slab, (void *)(cache))
#define mempool_create_kmalloc_pool(min_nr, size) \
	mempool_create(min_nr, mempool_kmalloc, mempool_kfree, (void *)(size_t)(size))
#define mempool_create_kzalloc_pool(min_nr, size) \
	mempool_create(min_nr, mempool_kzalloc, mempool_kfree, (void *)(size_t)(size))
#define mempool_create_page_pool(min_nr, order) \
	mempool_create(min_nr, mempool_alloc_pages, mempool_free_pages, (void *)(long)(order))

#endif
