/* Slabs go while a program sleeps, and their destructors are called, which call the kernel. */
#include <linux/delay.h>
#include <linux/kernel.h>
#include <linux/slab.h>

#define NR 200

static void *objects[NR], *last;
static int constructed, destroyed;

static void construct(void *object, struct kmem_cache *cache, unsigned long flags)
{
	constructed++;
}

static void destroy(void *object, struct kmem_cache *cache, unsigned long flags)
{
	kfree(last);
	last = kmalloc(3000, GFP_ATOMIC);
	destroyed++;
}

int main(void)
{
	struct kmem_cache *cache = kmem_cache_create("reaped", 1000, 0, 0, construct, destroy);
	int i;

	for (i = 0; i < NR; i++)
		objects[i] = kmem_cache_alloc(cache, GFP_KERNEL);
	for (i = 0; i < NR; i++)
		kmem_cache_free(cache, objects[i]);
	printk("%d of %d destroyed\n", destroyed, constructed);
	msleep(60000);
	printk("%d of %d destroyed\n", destroyed, constructed);
	kmem_cache_destroy(cache);
	kfree(last);
	return constructed != destroyed;
}
