/* Devices and their classes: as drivers/base/core.c, for who looks at nothing but what he made. */
#include <linux/device.h>
#include <linux/slab.h>
#include "lib.h"

static int set_name(struct device *dev, const char *fmt, va_list args)
{
	int error = kobject_set_name_vargs(&dev->kobj, fmt, args);

	if (!error)
		strlcpy(dev->bus_id, dev->kobj.name, sizeof(dev->bus_id));
	return error;
}

LIB int dev_set_name(struct device *dev, const char *fmt, ...)
{
	va_list args;
	int error;

	va_start(args, fmt);
	error = set_name(dev, fmt, args);
	va_end(args);
	return error;
}

static void release(struct kobject *kobj)
{
	struct device *dev = kobj_to_dev(kobj);

	devres_release_all(dev);
	if (dev->release)
		dev->release(dev);
	else if (dev->type == NULL && dev->class && dev->class->dev_release)
		dev->class->dev_release(dev);
	else
		printk(KERN_ERR "Device '%s' does not have a release() function, it is broken and must be fixed.\n",
		       dev->bus_id);
}

static const struct kobj_type device_ktype = { .release = release };

LIB void device_initialize(struct device *dev)
{
	kobject_init(&dev->kobj, &device_ktype);
	INIT_LIST_HEAD(&dev->node);
}

LIB int device_add(struct device *dev)
{
	const char *name = dev->init_name ? dev->init_name : dev->bus_id;
	int error = 0;

	if (!dev->kobj.name) {
		if (!*name)
			return -EINVAL;
		error = dev_set_name(dev, "%s", name);
		dev->init_name = NULL;
	}
	dev->kobj.parent = dev->parent ? &dev->parent->kobj : NULL;
	if (!error)
		error = kobject_add(&dev->kobj);
	if (!error && dev->class)
		list_add_tail(&dev->node, (struct list_head *)&dev->class->devices);
	return error;
}

LIB void device_del(struct device *dev)
{
	list_del_init(&dev->node);
	kobject_del(&dev->kobj);
}

LIB int device_register(struct device *dev)
{
	device_initialize(dev);
	return device_add(dev);
}

LIB void device_unregister(struct device *dev)
{
	device_del(dev);
	put_device(dev);
}

LIB struct device *get_device(struct device *dev)
{
	if (dev)
		kobject_get(&dev->kobj);
	return dev;
}

LIB void put_device(struct device *dev)
{
	if (dev)
		kobject_put(&dev->kobj);
}

static void free_root(struct device *dev)
{
	kfree(dev);
}

LIB struct device *root_device_register(const char *name)
{
	struct device *dev = kzalloc(sizeof(*dev), GFP_KERNEL);
	int error;

	if (!dev)
		return ERR_PTR(-ENOMEM);
	dev->init_name = name;
	dev->release = free_root;
	error = device_register(dev);
	if (error) {
		put_device(dev);
		return ERR_PTR(error);
	}
	return dev;
}

LIB void root_device_unregister(struct device *dev)
{
	device_unregister(dev);
}

/* Classes */

LIB int class_register(struct class *class)
{
	INIT_LIST_HEAD(&class->devices);
	return 0;
}

LIB void class_unregister(struct class *class)
{
	WARN_ON(!list_empty(&class->devices));
	if (class->class_release)
		class->class_release(class);
}

static void free_class(struct class *class)
{
	kfree(class);
}

LIB struct class *__class_create(const char *name)
{
	struct class *class = kzalloc(sizeof(*class), GFP_KERNEL);

	if (!class)
		return ERR_PTR(-ENOMEM);
	class->name = name;
	class->class_release = free_class;
	class_register(class);
	return class;
}

LIB void class_destroy(struct class *class)
{
	if (!IS_ERR_OR_NULL(class))
		class_unregister(class);
}

static void free_device(struct device *dev)
{
	kfree(dev);
}

static struct device *create(struct class *class, struct device *parent, dev_t devt, void *drvdata, const char *fmt,
			     va_list args)
{
	struct device *dev;
	int error;

	if (IS_ERR_OR_NULL(class))
		return ERR_PTR(-ENODEV);
	dev = kzalloc(sizeof(*dev), GFP_KERNEL);
	if (!dev)
		return ERR_PTR(-ENOMEM);
	device_initialize(dev);
	dev->class = class;
	dev->parent = parent;
	dev->devt = devt;
	dev->release = free_device;
	dev_set_drvdata(dev, drvdata);
	error = set_name(dev, fmt, args);
	if (!error)
		error = device_add(dev);
	if (error) {
		put_device(dev);
		return ERR_PTR(error);
	}
	return dev;
}

LIB struct device *__device_create(struct class *class, struct device *parent, dev_t devt, void *drvdata,
				   const char *fmt, ...)
{
	struct device *dev;
	va_list args;

	va_start(args, fmt);
	dev = create(class, parent, devt, drvdata, fmt, args);
	va_end(args);
	return dev;
}

LIB struct device *__device_create_old(struct class *class, struct device *parent, dev_t devt, const void *fmt, ...)
{
	struct device *dev;
	va_list args;

	va_start(args, fmt);
	dev = create(class, parent, devt, NULL, fmt, args);
	va_end(args);
	return dev;
}

LIB void device_destroy(struct class *class, dev_t devt)
{
	struct device *dev;

	if (IS_ERR_OR_NULL(class))
		return;
	list_for_each_entry(dev, &class->devices, node)
		if (dev->devt == devt) {
			device_unregister(dev);
			return;
		}
}
