/* What the kernel calls takes most of the time: constructors, a shrinker, a timer that sets itself anew. */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/timer.h>

static int constructed, shrunk, ticks;
static struct timer_list timer;

static void spend(int rounds)
{
	volatile int i;

	for (i = 0; i < rounds; i++)
		;
}

static void construct(void *object, struct kmem_cache *cache, unsigned long flags)
{
	spend(2000);
	*(int *)object = ++constructed;
}

static int shrink(int nr, gfp_t gfp)
{
	spend(2000);
	return nr ? shrunk++, 0 : 100;
}

static void tick(unsigned long unused)
{
	spend(2000);
	if (++ticks < 20)
		mod_timer(&timer, jiffies + 1);
}

int main(void)
{
	struct kmem_cache *cache = kmem_cache_create("constructed", 200, 0, 0, construct, NULL);
	struct shrinker *shrinker = set_shrinker(DEFAULT_SEEKS, shrink);
	void *objects[300];
	struct page *pages = NULL, *page;
	int i;

	setup_timer(&timer, tick, 0);
	mod_timer(&timer, jiffies + 1);
	for (i = 0; i < 300; i++)
		objects[i] = kmem_cache_alloc(cache, GFP_KERNEL);
	while ((page = alloc_pages(GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN, 4)) != NULL) {
		page->private = (unsigned long)pages;
		pages = page;
	}
	while (pages) {
		page = pages;
		pages = (struct page *)page->private;
		__free_pages(page, 4);
	}
	del_timer_sync(&timer);
	remove_shrinker(shrinker);
	for (i = 0; i < 300; i++)
		kmem_cache_free(cache, objects[i]);
	kmem_cache_destroy(cache);
	printk("constructed %d, shrunk %d, ticks %d\n", constructed, shrunk, ticks);
	return 0;
}
