#include <linux/errno.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/module.h>

static int __init fail_init(void)
{
	printk(KERN_ERR "no room\n");
	return -ENOMEM;
}

static void __exit fail_exit(void)
{
	printk("never called\n");
}

module_init(fail_init);
module_exit(fail_exit);
