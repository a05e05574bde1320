/*
 * The only pointer to an object is overwritten by that to the next one.
 * expect: leak_kmalloc.c:14: leaks: 32 bytes of size-32 at ... cannot be reached any more; allocated by ...main+
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

int main(void)
{
	char *text;

	text = kmalloc(20, GFP_KERNEL);
	if (!text)
		return -ENOMEM;
	strcpy(text, "first");
	text = kmalloc(200, GFP_KERNEL);
	if (!text)
		return -ENOMEM;
	strcpy(text, "second");
	printk("%s\n", text);
	kfree(text);
	return 0;
}
