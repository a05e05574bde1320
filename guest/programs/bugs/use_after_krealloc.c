/*
 * krealloc moves an object that grows; who keeps a pointer into the old one, keeps a pointer to freed memory.
 * highmem: --check-access
 * expect: use_after_krealloc.c:24: access: BUG: KASAN: use-after-free in
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

int main(void)
{
	char *name = kmalloc(16, GFP_KERNEL), *longer;
	volatile char *first = name;

	if (!name)
		return -ENOMEM;
	strcpy(name, "eth0");
	longer = krealloc(name, 200, GFP_KERNEL);
	if (!longer) {
		kfree(name);
		return -ENOMEM;
	}
	*first = 'w';
	printk("the device is %s\n", longer);
	kfree(longer);
	return 0;
}
