/*
 * kmalloc of a whole page gives a slab's page. free_page() takes it from under the slab.
 * expect: free_page_of_slab.c:18: log: Bad page state in process 'free_page_of_sl'
 * expect: free_page_of_slab.c:18: fsck: struct page of frame ...
 * expect: free_page_of_slab.c:18: fsck: frame ... is claimed twice: by pcp[0].list of ... and by a slab of size-4096
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>

int main(void)
{
	void *buffer = kmalloc(PAGE_SIZE, GFP_KERNEL);

	if (!buffer)
		return -ENOMEM;
	free_page((unsigned long)buffer);
	return 0;
}
