/*
 * sprintf asks for no size: a number with more digits than anybody thought of goes on behind its place.
 * highmem: --check-access
 * expect: overrun_sprintf.c:12: access: BUG: KASAN: slab-out-of-bounds in
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>

static noinline void show(char *text, int number)
{
	sprintf(text, "%d", number);
	printk("%.4s...\n", text);
}

int main(void)
{
	char *text = kmalloc(5, GFP_KERNEL);

	if (!text)
		return -ENOMEM;
	show(text, 1234);
	show(text, -123456789);
	kfree(text);
	return 0;
}
