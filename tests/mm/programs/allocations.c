/*
 * Asks every allocator for something and looks at each answer. A step says 0, or -12 where something could not be had;
 * then it has given everything else back, and the next step is tried. Nothing is printed that depends on addresses.
 */
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/kernel.h>
#include <linux/kfifo.h>
#include <linux/kthread.h>
#include <linux/mempool.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

static int wrong;

#define EXPECT(condition) do {						\
	if (!(condition)) {						\
		printk("line %d is wrong: %s\n", __LINE__, #condition);	\
		wrong++;						\
	}								\
} while (0)

static int is_filled(const unsigned char *p, int byte, unsigned long size)
{
	while (size--)
		if (*p++ != byte)
			return 0;
	return 1;
}

static int objects(void)
{
	static const unsigned int sizes[] = {
		8, 60, 100, 180, 250, 500, 1000, 2000, 4000, 8000, 16000, 30000, 60000, 100000
	};
	void *p[ARRAY_SIZE(sizes)];
	int i, result = 0;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		p[i] = kmalloc(sizes[i], i & 1 ? GFP_KERNEL : GFP_KERNEL | GFP_DMA);
		if (p[i])
			memset(p[i], i + 1, sizes[i]);
		else
			result = -ENOMEM;
	}
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		if (p[i]) {
			EXPECT(is_filled(p[i], i + 1, sizes[i]));
			kfree(p[i]);
		}
	return result;
}

static int more_objects(void)
{
	char *p = kzalloc(100, GFP_KERNEL), *larger, *text = kstrdup("some text", GFP_KERNEL);
	char *formatted = kasprintf(GFP_KERNEL, "%d and %s", 5, "words"), *many = kcalloc(30, 40, GFP_KERNEL);
	char *now = kmalloc(700, GFP_ATOMIC);
	int result = p && text && formatted && many && now ? 0 : -ENOMEM;

	EXPECT(!p || is_filled((unsigned char *)p, 0, 100));
	EXPECT(!many || is_filled((unsigned char *)many, 0, 1200));
	EXPECT(!text || !strcmp(text, "some text"));
	EXPECT(!formatted || !strcmp(formatted, "5 and words"));
	if (p) {
		memset(p, 7, 100);
		larger = krealloc(p, 3000, GFP_KERNEL);
		if (larger)
			p = larger;
		else
			result = -ENOMEM;
		EXPECT(is_filled((unsigned char *)p, 7, 100));
	}
	kfree(p);
	kfree(many);
	kfree(text);
	kfree(formatted);
	kfree(now);
	return result;
}

static int constructed, destroyed;

static void construct(void *object, struct kmem_cache *cache, unsigned long flags)
{
	constructed++;
	memset(object, 0x5A, 40);
}

static void destroy(void *object, struct kmem_cache *cache, unsigned long flags)
{
	destroyed++;
}

static int cache(const char *name, unsigned int size, unsigned int align, unsigned long flags)
{
	struct kmem_cache *cache = kmem_cache_create(name, size, align, flags, construct, destroy);
	unsigned char *object[3];
	int i, result = 0;

	if (!cache)
		return -ENOMEM;
	constructed = destroyed = 0;
	for (i = 0; i < 3; i++) {
		object[i] = kmem_cache_alloc(cache, GFP_KERNEL);
		if (!object[i])
			result = -ENOMEM;
		EXPECT(!object[i] || is_filled(object[i], 0x5A, 40));
	}
	for (i = 0; i < 3; i++)
		if (object[i])
			kmem_cache_free(cache, object[i]);
	kmem_cache_destroy(cache);
	EXPECT(constructed == destroyed);
	printk("%s: %d constructed\n", name, constructed);
	return result;
}

static int caches(void)
{
	int small = cache("small", 40, 0, SLAB_HWCACHE_ALIGN), middle = cache("middle", 700, 0, SLAB_RECLAIM_ACCOUNT);
	int large = cache("large", 9000, 0, 0);

	return small ? small : middle ? middle : large;
}

static int areas(void)
{
	unsigned char *one = vmalloc(100), *some = vmalloc(50000), *low = vmalloc_32(9000), *many = vmalloc(300000);

	if (one)
		memset(one, 1, 100);
	if (some)
		memset(some, 2, 50000);
	if (low)
		memset(low, 3, 9000);
	if (many)
		memset(many, 4, 300000);
	EXPECT(!one || is_filled(one, 1, 100));
	EXPECT(!some || is_filled(some, 2, 50000));
	EXPECT(!low || is_filled(low, 3, 9000));
	EXPECT(!many || is_filled(many, 4, 300000));
	vfree(one);
	vfree(some);
	vfree(low);
	vfree(many);
	return one && some && low && many ? 0 : -ENOMEM;
}

static int pages(void)
{
	unsigned long zeroed = get_zeroed_page(GFP_KERNEL), eight = __get_free_pages(GFP_KERNEL, 3);
	struct page *high = alloc_page(GFP_HIGHUSER);
	int result = zeroed && eight && high ? 0 : -ENOMEM;

	EXPECT(!zeroed || is_filled((unsigned char *)zeroed, 0, PAGE_SIZE));
	if (high) {
		memset(kmap(high), 9, PAGE_SIZE);
		kunmap(high);
		__free_page(high);
	}
	if (zeroed)
		free_page(zeroed);
	if (eight)
		free_pages(eight, 3);
	return result;
}

static DECLARE_COMPLETION(worked);

static int worker(void *data)
{
	void *p = kmalloc(10000, GFP_KERNEL), *q = vmalloc(10000);

	*(int *)data = p && q ? 0 : -ENOMEM;
	kfree(p);
	vfree(q);
	complete(&worked);
	while (!kthread_should_stop())
		schedule_timeout_uninterruptible(1);
	return 5;
}

static int threads(void)
{
	int first = 1, second = 1;
	struct task_struct *one = kthread_run(worker, &first, "worker %d", 1);
	struct task_struct *two = kthread_run(worker, &second, "worker %d", 2);

	if (!IS_ERR(one)) {
		wait_for_completion(&worked);
		EXPECT(!strcmp(one->comm, "worker 1"));
		printk("pid %d\n", one->pid);
	}
	if (!IS_ERR(two)) {
		wait_for_completion(&worked);
		printk("pid %d\n", two->pid);
	}
	if (!IS_ERR(one))
		EXPECT(kthread_stop(one) == 5);
	else
		first = PTR_ERR(one);
	if (!IS_ERR(two))
		EXPECT(kthread_stop(two) == 5);
	else
		second = PTR_ERR(two);
	return first ? first : second;
}

static int page_cache(void)
{
	struct inode *inode = new_inode(NULL);
	static const unsigned long at[] = { 0, 1, 70, 5000, 300000 };
	struct page *page;
	int i, result = 0;

	if (!inode)
		return -ENOMEM;
	printk("inode %lu\n", inode->i_ino);
	for (i = 0; i < ARRAY_SIZE(at); i++) {
		page = find_or_create_page(inode->i_mapping, at[i], GFP_HIGHUSER);
		if (!page) {
			result = -ENOMEM;
			continue;
		}
		memset(kmap(page), i + 1, PAGE_SIZE);
		kunmap(page);
		unlock_page(page);
		page_cache_release(page);
	}
	for (i = 0; i < ARRAY_SIZE(at); i++) {
		page = find_get_page(inode->i_mapping, at[i]);
		if (page) {
			EXPECT(is_filled(kmap(page), i + 1, PAGE_SIZE));
			kunmap(page);
			page_cache_release(page);
		}
	}
	EXPECT(inode->i_mapping->nrpages == ARRAY_SIZE(at) || result);
	truncate_inode_pages(inode->i_mapping, 0);
	EXPECT(inode->i_mapping->nrpages == 0);
	iput(inode);
	return result;
}

static int nothing(int nr_to_scan, gfp_t gfp_mask)
{
	return 0;
}

static int library(void)
{
	static DEFINE_SPINLOCK(lock);
	struct shrinker *shrinker = set_shrinker(DEFAULT_SEEKS, nothing);
	mempool_t *pool = mempool_create_kmalloc_pool(4, 600);
	struct kfifo *fifo = kfifo_alloc(3000, GFP_KERNEL, &lock);
	int *counters = alloc_percpu(int);
	int result = shrinker && pool && !IS_ERR(fifo) && counters ? 0 : -ENOMEM;

	if (pool) {
		void *element = mempool_alloc(pool, GFP_KERNEL);

		EXPECT(element != NULL);
		mempool_free(element, pool);
		mempool_destroy(pool);
	}
	if (!IS_ERR(fifo))
		kfifo_free(fifo);
	if (counters)
		free_percpu(counters);
	if (shrinker)
		remove_shrinker(shrinker);
	return result;
}

int main(void)
{
	static const struct { const char *name; int (*run)(void); } steps[] = {
		{ "objects", objects }, { "more objects", more_objects }, { "caches", caches }, { "areas", areas },
		{ "pages", pages }, { "threads", threads }, { "page cache", page_cache }, { "library", library },
	};
	int i, result;

	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		result = steps[i].run();
		printk("step %s: %d\n", steps[i].name, result);
	}
	return wrong ? 1 : 0;
}
