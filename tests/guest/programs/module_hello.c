#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/slab.h>

MODULE_LICENSE("GPL");
MODULE_AUTHOR("somebody");
MODULE_DESCRIPTION("says hello");

static int times = 2;
module_param(times, int, 0444);
MODULE_PARM_DESC(times, "how often to say hello");

static char *kept;

static int __init hello_init(void)
{
	int i;

	kept = kmalloc(32, GFP_KERNEL);
	if (!kept)
		return -ENOMEM;
	strcpy(kept, "goodbye");
	for (i = 0; i < times; i++)
		printk(KERN_INFO "hello, world\n");
	return 0;
}

static void __exit hello_exit(void)
{
	printk(KERN_INFO "%s\n", kept);
	kfree(kept);
}

module_init(hello_init);
module_exit(hello_exit);
EXPORT_SYMBOL(kept);
