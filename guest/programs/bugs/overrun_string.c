/*
 * strncpy ends no text that is as long as its place: strlen goes on behind the object.
 * highmem: --check-access
 * expect: overrun_string.c:19: access: BUG: KASAN: slab-out-of-bounds in strlen
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

int main(void)
{
	char *name = kmalloc(8, GFP_KERNEL);
	size_t length;

	if (!name)
		return -ENOMEM;
	strncpy(name, "keyboard", 8);
	length = strlen(name);
	printk("the name has %s characters\n", length == 8 ? "8" : "more");
	kfree(name);
	return 0;
}
