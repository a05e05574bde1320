#ifndef _LINUX_CDEV_H
#define _LINUX_CDEV_H

#include <linux/fs.h>
#include <linux/kobject.h>

/* A character device. What is added is noted; nobody opens it. */
struct cdev {
	struct kobject kobj;
	struct module *owner;
	const struct file_operations *ops;
	struct list_head list;
	dev_t dev;
	unsigned int count;
};

extern void cdev_init(struct cdev *cdev, const struct file_operations *fops);
extern struct cdev *cdev_alloc(void);	/* freed with its last reference: by cdev_del() */
extern int cdev_add(struct cdev *cdev, dev_t dev, unsigned int count);
extern void cdev_del(struct cdev *cdev);
extern void cdev_put(struct cdev *cdev);

struct device;
extern int cdev_device_add(struct cdev *cdev, struct device *dev);
extern void cdev_device_del(struct cdev *cdev, struct device *dev);

#endif
