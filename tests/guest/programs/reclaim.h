/* What the programs reclaim_*.c share: how to be short of memory. */
#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

static LIST_HEAD(hoard);
static unsigned long nr_hoard;

/* Take pages of lowmem until `keep` are left above the watermark for those who need not wait. */
static inline void exhaust(void)
{
	struct page *page;

	while ((page = alloc_page(GFP_ATOMIC | __GFP_NOWARN)) != NULL) {
		list_add(&page->lru, &hoard);
		nr_hoard++;
	}
}

static inline void relax(unsigned long count)
{
	while (count-- && !list_empty(&hoard)) {
		struct page *page = list_entry(hoard.next, struct page, lru);

		list_del(&page->lru);
		nr_hoard--;
		__free_page(page);
	}
}

/* A thread that gives back `data` pages in half a second. */
static inline int helper(void *data)
{
	msleep(500);
	printk("the helper gives back %lu pages\n", (unsigned long)data);
	relax((unsigned long)data);
	return 0;
}

static inline void call_helper(unsigned long pages)
{
	kthread_run(helper, (void *)pages, "helper");
}

static inline unsigned int now(void)
{
	return jiffies_to_msecs(jiffies - (unsigned long)INITIAL_JIFFIES);
}
