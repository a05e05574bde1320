/*
 * A text has four characters and no end: what is printed behind them are bytes that nobody has written.
 * highmem: --check-uninit
 * expect: uninit_printed.c:13: uninit: BUG: KMSAN: uninit-value in
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

static noinline void show(const char *name)
{
	printk("the name is %.8s\n", name);
}

int main(void)
{
	char *name = kmalloc(16, GFP_KERNEL);

	if (!name)
		return -ENOMEM;
	memcpy(name, "eth0", 4);
	show(name);
	kfree(name);
	return 0;
}
