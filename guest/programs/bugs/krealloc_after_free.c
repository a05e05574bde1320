/*
 * An object that was freed is given to krealloc, which copies it and frees it again.
 * highmem: --check-access
 * expect: krealloc_after_free.c:19: access: BUG: KASAN: double-free in
 * expect: fsck: array_cache of size-32, ... which is in an array already: double free of object
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

int main(void)
{
	char *text = kstrdup("short", GFP_KERNEL), *longer;

	if (!text)
		return -ENOMEM;
	kfree(text);
	longer = krealloc(text, 200, GFP_KERNEL);
	kfree(longer);
	return 0;
}
