/*
 * vfree of what kmalloc gave: there is no such area, the kernel says so, and the object is lost.
 * expect: vfree_of_kmalloc.c:17: log: Trying to vfree() nonexistent vm area
 * expect: leaks: 4096 bytes of size-4096 at ... cannot be reached any more
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

int main(void)
{
	void *table = kmalloc(PAGE_SIZE, GFP_KERNEL);

	if (!table)
		return -ENOMEM;
	vfree(table);
	return 0;
}
