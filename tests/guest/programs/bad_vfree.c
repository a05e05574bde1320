/* vfree of what vmalloc never gave: null, unaligned, twice, lowmem. */
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "unaligned";
	char *area = vmalloc(3 * PAGE_SIZE);

	printk("vmalloc = %p\n", area);
	if (!strcmp(what, "null"))
		vfree(NULL);
	else if (!strcmp(what, "unaligned"))
		vfree(area + 100);
	else if (!strcmp(what, "inside"))
		vfree(area + PAGE_SIZE);
	else if (!strcmp(what, "twice"))
		vfree(area);
	else if (!strcmp(what, "lowmem"))
		vfree((void *)((unsigned long)kmalloc(100, GFP_KERNEL) & PAGE_MASK));
	vfree(area);
	printk("survived\n");
	return 0;
}
