#ifndef _LINUX_MISCDEVICE_H
#define _LINUX_MISCDEVICE_H

#include <linux/device.h>
#include <linux/fs.h>
#include <linux/list.h>

#define MISC_MAJOR		10
#define MISC_DYNAMIC_MINOR	255

struct miscdevice {
	int minor;
	const char *name;
	const struct file_operations *fops;
	struct list_head list;
	struct device *parent;
	struct device *this_device;
	const struct attribute_group **groups;
	const char *nodename;
	umode_t mode;
};

/* A minor number that is free, where MISC_DYNAMIC_MINOR asks for one; -EBUSY where another has it. */
extern int misc_register(struct miscdevice *misc);
extern int misc_deregister(struct miscdevice *misc);

#define module_misc_device(misc)						\
static int __init misc##_init(void) { return misc_register(&(misc)); }		\
static void __exit misc##_exit(void) { misc_deregister(&(misc)); }		\
module_init(misc##_init);							\
module_exit(misc##_exit)

#endif
