/*
 * memcpy of what was freed: it is a function of the start library that reads it, for main.
 * highmem: --check-access
 * expect: copy_after_free.c:14: access: BUG: KASAN: use-after-free in memcpy
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

static noinline void take(char *copy, const char *from, int size)
{
	kfree(from);
	memcpy(copy, from, size);
}

int main(void)
{
	char *text = kzalloc(100, GFP_KERNEL), *copy = kmalloc(100, GFP_KERNEL);

	if (!text || !copy)
		return -ENOMEM;
	take(copy, text, 100);
	kfree(copy);
	return 0;
}
