/* SLAB_DESTROY_BY_RCU: a slab whose last object is freed keeps its pages until every CPU has changed its task. */
#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>

static struct kmem_cache *cache;
static volatile int reading, done;

/* Looks at an object that another CPU frees meanwhile, without giving way. */
static int reader(void *data)
{
	struct page *page = virt_to_page(data);
	int kept = 1;

	preempt_disable();
	reading = 1;
	while (!done) {
		kept &= PageSlab(page) != 0;
		cpu_relax();
	}
	printk("reader: the page was %s\n", kept ? "kept" : "freed");
	preempt_enable();
	reading = 0;
	return 0;
}

int main(int argc, char **argv)
{
	struct page *page;
	void *object;

	cache = kmem_cache_create("rcu_objects", 2048, 0, argc > 1 ? 0 : SLAB_DESTROY_BY_RCU, NULL, NULL);
	if (!cache)
		return -ENOMEM;
	object = kmem_cache_alloc(cache, GFP_KERNEL);
	page = virt_to_page(object);
	if (num_online_cpus() > 1) {
		kthread_run(reader, object, "reader");
		while (!reading)
			cond_resched();
	}
	kmem_cache_free(cache, object);
	kmem_cache_shrink(cache);
	printk("after the shrink: %s\n", PageSlab(page) ? "a slab's page still" : "free");
	if (num_online_cpus() == 1) {
		msleep(1);
		printk("after a sleep: %s\n", PageSlab(page) ? "a slab's page still" : "free");
	} else {
		msleep(10);
		printk("while it is read: %s\n", PageSlab(page) ? "a slab's page still" : "free");
		done = 1;
		while (reading)
			cond_resched();
		msleep(10);
		printk("when the reader is gone: %s\n", PageSlab(page) ? "a slab's page still" : "free");
	}
	object = kmem_cache_alloc(cache, GFP_KERNEL);
	kmem_cache_free(cache, object);
	kmem_cache_destroy(cache);
	printk("destroyed\n");
	return 0;
}
