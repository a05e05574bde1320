/* Never ends: by itself, or (with an argument) in calls of the kernel. */
#include <linux/kernel.h>
#include <linux/slab.h>

int main(int argc, char **argv)
{
	printk("looping\n");
	if (argc > 1)
		for (;;)
			kfree(kmalloc(100, GFP_KERNEL));
	for (;;)
		barrier();
}
