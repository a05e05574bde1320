/* Small blocks for devices: as drivers/base/dmapool.c. */
#include <linux/device.h>
#include <linux/dmapool.h>
#include <linux/list.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include "lib.h"

struct dma_pool {
	struct list_head pages;
	spinlock_t lock;
	struct device *dev;
	size_t size, boundary, bytes;	/* of a block; what none crosses; of a page */
	char name[32];
};

/* A piece of coherent memory. Each free block has the offset of the next one in its first word. */
struct dma_page {
	struct list_head list;
	void *vaddr;
	dma_addr_t dma;
	unsigned int in_use, free;
};

LIB struct dma_pool *dma_pool_create(const char *name, struct device *dev, size_t size, size_t align, size_t boundary)
{
	struct dma_pool *pool;
	size_t bytes;

	align = align ? align : 1;
	if (!size || align & (align - 1))
		return NULL;
	size = ALIGN(max(size, sizeof(unsigned int)), align);
	bytes = max_t(size_t, size, PAGE_SIZE);
	if (boundary && (boundary < size || boundary & (boundary - 1)))
		return NULL;
	pool = kmalloc(sizeof(*pool), GFP_KERNEL);
	if (!pool)
		return NULL;
	INIT_LIST_HEAD(&pool->pages);
	spin_lock_init(&pool->lock);
	pool->dev = dev;
	pool->size = size;
	pool->bytes = bytes;
	pool->boundary = boundary ? min(boundary, bytes) : bytes;
	strlcpy(pool->name, name, sizeof(pool->name));
	return pool;
}

/* The block behind the one at `at`; no block: pool->bytes or more. */
static unsigned int next_block(struct dma_pool *pool, unsigned int at)
{
	unsigned int next = at + pool->size, end = next + pool->size;

	if (next / pool->boundary != (end - 1) / pool->boundary)
		next = roundup(next, pool->boundary);
	return next + pool->size <= pool->bytes ? next : pool->bytes;
}

static struct dma_page *new_page(struct dma_pool *pool, gfp_t mem_flags)
{
	struct dma_page *page = kmalloc(sizeof(*page), mem_flags & ~__GFP_ZERO);
	unsigned int at, next;

	if (!page)
		return NULL;
	page->vaddr = dma_alloc_coherent(pool->dev, pool->bytes, &page->dma, mem_flags & ~__GFP_ZERO);
	if (!page->vaddr) {
		kfree(page);
		return NULL;
	}
	page->in_use = page->free = 0;
	for (at = 0; at < pool->bytes; at = next) {
		next = next_block(pool, at);
		*(unsigned int *)(page->vaddr + at) = next;
	}
	return page;
}

/* Those that are full are the last of the list. */
static struct dma_page *page_with_room(struct dma_pool *pool)
{
	struct dma_page *first = list_entry(pool->pages.next, struct dma_page, list);

	return !list_empty(&pool->pages) && first->free < pool->bytes ? first : NULL;
}

LIB void *dma_pool_alloc(struct dma_pool *pool, gfp_t mem_flags, dma_addr_t *handle)
{
	struct dma_page *page;
	unsigned long flags;
	unsigned int at;
	void *block;

	spin_lock_irqsave(&pool->lock, flags);
	page = page_with_room(pool);
	if (!page) {
		spin_unlock_irqrestore(&pool->lock, flags);
		page = new_page(pool, mem_flags);
		if (!page)
			return NULL;
		spin_lock_irqsave(&pool->lock, flags);
		list_add(&page->list, &pool->pages);
	}
	at = page->free;
	block = page->vaddr + at;
	page->free = *(unsigned int *)block;
	page->in_use++;
	if (page->free >= pool->bytes)
		list_move_tail(&page->list, &pool->pages);
	*handle = page->dma + at;
	spin_unlock_irqrestore(&pool->lock, flags);
	if (mem_flags & __GFP_ZERO)
		memset(block, 0, pool->size);
	return block;
}

LIB void dma_pool_free(struct dma_pool *pool, void *vaddr, dma_addr_t addr)
{
	struct dma_page *page;
	unsigned long flags;

	spin_lock_irqsave(&pool->lock, flags);
	list_for_each_entry(page, &pool->pages, list)
		if (addr >= page->dma && addr < page->dma + pool->bytes)
			break;
	if (&page->list == &pool->pages || vaddr != page->vaddr + (addr - page->dma)) {
		printk(KERN_ERR "dma_pool_free %s, %p/%lx (bad addr)\n", pool->name, vaddr, (unsigned long)addr);
	} else {
		*(unsigned int *)vaddr = page->free;
		page->free = vaddr - page->vaddr;
		page->in_use--;
		list_move(&page->list, &pool->pages);
	}
	spin_unlock_irqrestore(&pool->lock, flags);
}

LIB void dma_pool_destroy(struct dma_pool *pool)
{
	struct dma_page *page, *next;

	if (!pool)
		return;
	list_for_each_entry_safe(page, next, &pool->pages, list) {
		if (page->in_use)
			printk(KERN_ERR "dma_pool_destroy %s, %p busy\n", pool->name, page->vaddr);
		else
			dma_free_coherent(pool->dev, pool->bytes, page->vaddr, page->dma);
		kfree(page);
	}
	kfree(pool);
}
