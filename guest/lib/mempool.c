/* Memory pools: as mm/mempool.c. */
#include <linux/mempool.h>
#include <linux/sched.h>
#include "lib.h"

LIB void mempool_exit(mempool_t *pool)
{
	while (pool->curr_nr)
		pool->free(pool->elements[--pool->curr_nr], pool->pool_data);
	kfree(pool->elements);
	pool->elements = NULL;
}

static void free_pool(mempool_t *pool)
{
	mempool_exit(pool);
	kfree(pool);
}

LIB int mempool_init(mempool_t *pool, int min_nr, mempool_alloc_t *alloc_fn, mempool_free_t *free_fn, void *pool_data)
{
	memset(pool, 0, sizeof(*pool));
	spin_lock_init(&pool->lock);
	init_waitqueue_head(&pool->wait);
	pool->min_nr = min_nr;
	pool->pool_data = pool_data;
	pool->alloc = alloc_fn;
	pool->free = free_fn;
	pool->elements = kmalloc(min_nr * sizeof(void *), GFP_KERNEL);
	if (!pool->elements)
		return -ENOMEM;
	while (pool->curr_nr < min_nr) {
		void *element = alloc_fn(GFP_KERNEL, pool_data);

		if (!element) {
			mempool_exit(pool);
			return -ENOMEM;
		}
		pool->elements[pool->curr_nr++] = element;
	}
	return 0;
}

LIB mempool_t *mempool_create(int min_nr, mempool_alloc_t *alloc_fn, mempool_free_t *free_fn, void *pool_data)
{
	mempool_t *pool = kmalloc(sizeof(*pool), GFP_KERNEL);

	if (pool && mempool_init(pool, min_nr, alloc_fn, free_fn, pool_data)) {
		kfree(pool);
		return NULL;
	}
	return pool;
}

/* An element of the stock, or NULL. */
static void *take(mempool_t *pool)
{
	void *element = NULL;
	unsigned long flags;

	spin_lock_irqsave(&pool->lock, flags);
	if (pool->curr_nr)
		element = pool->elements[--pool->curr_nr];
	spin_unlock_irqrestore(&pool->lock, flags);
	return element;
}

/* Whether the stock had room for it. */
static int put_back(mempool_t *pool, void *element)
{
	int wanted;
	unsigned long flags;

	spin_lock_irqsave(&pool->lock, flags);
	wanted = pool->curr_nr < pool->min_nr;
	if (wanted)
		pool->elements[pool->curr_nr++] = element;
	spin_unlock_irqrestore(&pool->lock, flags);
	return wanted;
}

/* A larger stock is filled up as far as there is memory. -ENOMEM: there is none for its table. */
LIB int __mempool_resize(mempool_t *pool, int new_min_nr, gfp_t gfp_mask)
{
	void **elements, **old, *element;
	unsigned long flags;

	BUG_ON(new_min_nr <= 0);
	while (pool->curr_nr > new_min_nr && (element = take(pool)))
		pool->free(element, pool->pool_data);
	if (new_min_nr > pool->min_nr) {
		elements = kmalloc(new_min_nr * sizeof(*elements), gfp_mask);
		if (!elements)
			return -ENOMEM;
		spin_lock_irqsave(&pool->lock, flags);
		memcpy(elements, pool->elements, pool->curr_nr * sizeof(*elements));
		old = pool->elements;
		pool->elements = elements;
		pool->min_nr = new_min_nr;
		spin_unlock_irqrestore(&pool->lock, flags);
		kfree(old);
	}
	pool->min_nr = new_min_nr;
	while (pool->curr_nr < pool->min_nr && (element = pool->alloc(gfp_mask, pool->pool_data)))
		if (!put_back(pool, element)) {
			pool->free(element, pool->pool_data);
			break;
		}
	return 0;
}

/* A pool with elements still in use cannot go. */
LIB void mempool_destroy(mempool_t *pool)
{
	BUG_ON(pool->curr_nr != pool->min_nr);
	free_pool(pool);
}

LIB void *mempool_alloc(mempool_t *pool, gfp_t gfp_mask)
{
	gfp_t first;
	void *element;

	might_sleep_if(gfp_mask & __GFP_WAIT);
	gfp_mask |= __GFP_NOMEMALLOC | __GFP_NORETRY | __GFP_NOWARN;
	first = gfp_mask & ~(__GFP_WAIT | __GFP_IO);
	for (element = pool->alloc(first, pool->pool_data);
	     !element && !(element = take(pool)) && (gfp_mask & __GFP_WAIT);
	     element = pool->alloc(gfp_mask, pool->pool_data)) {
		DEFINE_WAIT(wait);

		prepare_to_wait(&pool->wait, &wait, TASK_UNINTERRUPTIBLE);
		if (!pool->curr_nr)
			io_schedule_timeout(5 * HZ);
		finish_wait(&pool->wait, &wait);
	}
	return element;
}

LIB void *mempool_alloc_preallocated(mempool_t *pool)
{
	return take(pool);
}

LIB void mempool_free(void *element, mempool_t *pool)
{
	if (!element)
		return;
	if (pool->curr_nr < pool->min_nr && put_back(pool, element))
		wake_up(&pool->wait);
	else
		pool->free(element, pool->pool_data);
}

LIB void *mempool_alloc_slab(gfp_t gfp_mask, void *pool_data)
{
	return kmem_cache_alloc(pool_data, gfp_mask);
}

LIB void mempool_free_slab(void *element, void *pool_data)
{
	kmem_cache_free(pool_data, element);
}

LIB void *mempool_kmalloc(gfp_t gfp_mask, void *pool_data)
{
	return kmalloc((size_t)pool_data, gfp_mask);
}

LIB void *mempool_kzalloc(gfp_t gfp_mask, void *pool_data)
{
	return kzalloc((size_t)pool_data, gfp_mask);
}

LIB void mempool_kfree(void *element, void *pool_data)
{
	kfree(element);
}

LIB void *mempool_alloc_pages(gfp_t gfp_mask, void *pool_data)
{
	return alloc_pages(gfp_mask, (int)(long)pool_data);
}

LIB void mempool_free_pages(void *element, void *pool_data)
{
	__free_pages(element, (int)(long)pool_data);
}
