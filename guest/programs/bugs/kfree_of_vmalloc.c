/*
 * Large buffers come from vmalloc, small ones from kmalloc, and all go back by kfree. A BUG, with every kernel.
 * expect: kfree_of_vmalloc.c:17: log: kernel BUG at mm/slab_objects.py:...
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

static void *get_buffer(size_t size)
{
	return size > 65536 ? vmalloc(size) : kmalloc(size, GFP_KERNEL);
}

static noinline void put_buffer(void *buffer)
{
	kfree(buffer);
}

int main(void)
{
	void *small = get_buffer(1000), *large = get_buffer(200000);

	if (!small || !large)
		return -ENOMEM;
	put_buffer(small);
	put_buffer(large);
	return 0;
}
