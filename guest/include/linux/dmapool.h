#ifndef _LINUX_DMAPOOL_H
#define _LINUX_DMAPOOL_H

#include <linux/dma-mapping.h>

/*
 * Small blocks of memory that a device reaches: a multiple of `align`, a power of two, and none that crosses a multiple
 * of `boundary`, or of a page where that is 0 and a page has room for one.
 */
struct dma_pool;

extern struct dma_pool *dma_pool_create(const char *name, struct device *dev, size_t size, size_t align,
					size_t boundary);
extern void dma_pool_destroy(struct dma_pool *pool);
extern void *dma_pool_alloc(struct dma_pool *pool, gfp_t mem_flags, dma_addr_t *handle);
extern void dma_pool_free(struct dma_pool *pool, void *vaddr, dma_addr_t addr);
#define dma_pool_zalloc(pool, mem_flags, handle)	dma_pool_alloc(pool, (mem_flags) | __GFP_ZERO, handle)
#define dma_pool_create_node(name, dev, size, align, boundary, node) \
	((void)(node), dma_pool_create(name, dev, size, align, boundary))

#endif
