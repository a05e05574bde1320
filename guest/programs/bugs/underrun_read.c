/*
 * Blanks are cut off at the end of a text. It has nothing else, and the search goes on in front of the object.
 * highmem: --slab-debug Z --check-access
 * expect: underrun_read.c:13: access: BUG: KASAN: slab-out-of-bounds in
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

static noinline int trimmed(const volatile char *text, int length)
{
	while (text[length - 1] == ' ')
		length--;
	return length;
}

int main(void)
{
	char *text = kmalloc(32, GFP_KERNEL);

	if (!text)
		return -ENOMEM;
	memset(text, ' ', 32);
	printk("%d characters are left\n", trimmed(text, 32));
	kfree(text);
	return 0;
}
