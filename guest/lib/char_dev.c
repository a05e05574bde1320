/* Numbers of character devices and who has them: as fs/char_dev.c. */
#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include "lib.h"

#define LAST_DYNAMIC_MAJOR	254

struct region {
	struct list_head list;
	unsigned int major, first, count;
	struct cdev *cdev;	/* what register_chrdev() made */
	char name[64];
};

static LIST_HEAD(regions);
static DEFINE_MUTEX(lock);

static bool is_taken(unsigned int major, unsigned int first, unsigned int count)
{
	struct region *region;

	list_for_each_entry(region, &regions, list)
		if (region->major == major && first < region->first + region->count &&
		    region->first < first + count)
			return true;
	return false;
}

static bool is_used(unsigned int major)
{
	struct region *region;

	list_for_each_entry(region, &regions, list)
		if (region->major == major)
			return true;
	return false;
}

/* major 0: one that nobody has. */
static struct region *add_region(unsigned int major, unsigned int first, unsigned int count, const char *name)
{
	struct region *region = kzalloc(sizeof(*region), GFP_KERNEL);
	int error = 0;

	if (!region)
		return ERR_PTR(-ENOMEM);
	mutex_lock(&lock);
	if (!major)
		for (major = LAST_DYNAMIC_MAJOR; major && is_used(major); major--)
			;
	if (!major || is_taken(major, first, count))
		error = -EBUSY;
	if (!error) {
		region->major = major;
		region->first = first;
		region->count = count;
		strlcpy(region->name, name, sizeof(region->name));
		list_add_tail(&region->list, &regions);
	}
	mutex_unlock(&lock);
	if (error) {
		kfree(region);
		return ERR_PTR(error);
	}
	return region;
}

static struct region *take_region(unsigned int major, unsigned int first, unsigned int count)
{
	struct region *region, *found = NULL;

	mutex_lock(&lock);
	list_for_each_entry(region, &regions, list)
		if (region->major == major && region->first == first && region->count == count) {
			list_del(&region->list);
			found = region;
			break;
		}
	mutex_unlock(&lock);
	return found;
}

/* A range may go over several majors: a region for each. */
LIB void unregister_chrdev_region(dev_t from, unsigned int count)
{
	dev_t at, next, end = from + count;

	for (at = from; at < end; at = next) {
		next = min((dev_t)MKDEV(MAJOR(at) + 1, 0), end);
		kfree(take_region(MAJOR(at), MINOR(at), next - at));
	}
}

LIB int register_chrdev_region(dev_t from, unsigned int count, const char *name)
{
	dev_t at, next, end = from + count;

	for (at = from; at < end; at = next) {
		struct region *region;

		next = min((dev_t)MKDEV(MAJOR(at) + 1, 0), end);
		region = add_region(MAJOR(at), MINOR(at), next - at, name);
		if (IS_ERR(region)) {
			unregister_chrdev_region(from, at - from);
			return PTR_ERR(region);
		}
	}
	return 0;
}

LIB int alloc_chrdev_region(dev_t *dev, unsigned int first, unsigned int count, const char *name)
{
	struct region *region = add_region(0, first, count, name);

	if (IS_ERR(region))
		return PTR_ERR(region);
	*dev = MKDEV(region->major, region->first);
	return 0;
}

LIB int __register_chrdev(unsigned int major, unsigned int first, unsigned int count, const char *name,
			  const struct file_operations *fops)
{
	struct region *region = add_region(major, first, count, name);
	int error;

	if (IS_ERR(region))
		return PTR_ERR(region);
	region->cdev = cdev_alloc();
	error = region->cdev ? 0 : -ENOMEM;
	if (!error) {
		region->cdev->owner = fops->owner;
		region->cdev->ops = fops;
		error = cdev_add(region->cdev, MKDEV(region->major, first), count);
	}
	if (error) {
		kobject_put(region->cdev ? &region->cdev->kobj : NULL);
		kfree(take_region(region->major, first, count));
		return error;
	}
	return major ? 0 : region->major;
}

LIB void __unregister_chrdev(unsigned int major, unsigned int first, unsigned int count, const char *name)
{
	struct region *region = take_region(major, first, count);

	if (region && region->cdev)
		cdev_del(region->cdev);
	kfree(region);
}

LIB int register_chrdev(unsigned int major, const char *name, const struct file_operations *fops)
{
	return __register_chrdev(major, 0, 256, name, fops);
}

LIB int unregister_chrdev(unsigned int major, const char *name)
{
	__unregister_chrdev(major, 0, 256, name);
	return 0;
}

/* Devices */

static void free_cdev(struct kobject *kobj)
{
	kfree(container_of(kobj, struct cdev, kobj));
}

static const struct kobj_type embedded, allocated = { .release = free_cdev };

LIB void cdev_init(struct cdev *cdev, const struct file_operations *fops)
{
	memset(cdev, 0, sizeof(*cdev));
	INIT_LIST_HEAD(&cdev->list);
	kobject_init(&cdev->kobj, &embedded);
	cdev->ops = fops;
}

LIB struct cdev *cdev_alloc(void)
{
	struct cdev *cdev = kzalloc(sizeof(*cdev), GFP_KERNEL);

	if (cdev) {
		INIT_LIST_HEAD(&cdev->list);
		kobject_init(&cdev->kobj, &allocated);
	}
	return cdev;
}

LIB int cdev_add(struct cdev *cdev, dev_t dev, unsigned int count)
{
	cdev->dev = dev;
	cdev->count = count;
	return 0;
}

LIB void cdev_put(struct cdev *cdev)
{
	if (cdev)
		kobject_put(&cdev->kobj);
}

LIB void cdev_del(struct cdev *cdev)
{
	cdev_put(cdev);
}

LIB int cdev_device_add(struct cdev *cdev, struct device *dev)
{
	int error = dev->devt ? cdev_add(cdev, dev->devt, 1) : 0;

	if (!error)
		error = device_add(dev);
	if (error && dev->devt)
		cdev_del(cdev);
	return error;
}

LIB void cdev_device_del(struct cdev *cdev, struct device *dev)
{
	device_del(dev);
	if (dev->devt)
		cdev_del(cdev);
}
