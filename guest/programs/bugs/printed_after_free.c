/*
 * A text is freed and then printed: it is the kernel that reads it, for the program.
 * highmem: --check-access
 * expect: printed_after_free.c:18: access: BUG: KASAN: use-after-free in
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

int main(void)
{
	char *name = kstrdup("eth0", GFP_KERNEL);

	if (!name)
		return -ENOMEM;
	kfree(name);
	printk("closed %s\n", name);
	return 0;
}
