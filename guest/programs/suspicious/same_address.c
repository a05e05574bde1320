/* The object that is freed last is allocated next: an old pointer leads to the new object, which may be written to. */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>

int main(void)
{
	volatile int *old = kmalloc(40, GFP_KERNEL), *new;

	if (!old)
		return -ENOMEM;
	old[9] = 1;
	kfree((void *)old);
	new = kmalloc(40, GFP_KERNEL);
	if (!new)
		return -ENOMEM;
	if (old == new)
		old[9] = 2;
	else
		new[9] = 2;
	printk("%d\n", new[9]);
	kfree((void *)new);
	return 0;
}
