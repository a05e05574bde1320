/*
 * The pointer was moved on while the text was read, and is then given to kfree: it is not the beginning of an object.
 * highmem: --check-access
 * expect: kfree_inside.c:22: access: BUG: KASAN: invalid-free in
 * expect: fsck: array_cache of size-64, ... which is no object of the cache
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

int main(void)
{
	char *text = kmalloc(64, GFP_KERNEL);

	if (!text)
		return -ENOMEM;
	strcpy(text, "   three blanks first");
	while (*text == ' ')
		text++;
	printk("%s\n", text);
	kfree(text);
	return 0;
}
