/*
 * kfree of what kmalloc never gave: a static default stands where there is no text, and is freed like one. A BUG, with
 * every kernel: the page is no slab's.
 * expect: kfree_wild.c:16: log: kernel BUG at mm/slab_objects.py:...
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

static char *no_title = "untitled";

static noinline void show(char *title)
{
	printk("%s\n", title);
	kfree(title);
}

int main(void)
{
	show(kstrdup("a title", GFP_KERNEL));
	show(no_title);
	return 0;
}
