#ifndef _LINUX_DEVICE_H
#define _LINUX_DEVICE_H

/* The device model as far as a driver fills it in: nothing looks for devices, and /sys and /dev are not there. */
#include <linux/device/devres.h>
#include <linux/device/driver.h>
#include <linux/kobject.h>
#include <linux/printk.h>
#include <linux/types.h>

/* The kernel itself looks at the first members only, for memory that a device reaches: struct __dma_device. */
#define device	__dma_device
#include <generated/device.h>
#undef device

struct class;
struct device_type;

struct device {
	struct device *parent;
	char bus_id[20];
	void *driver_data;
	u64 *dma_mask;
	u64 coherent_dma_mask;
	void *dma_mem;
	struct kobject kobj;
	const char *init_name;
	const struct device_type *type;
	struct bus_type *bus;
	const struct device_driver *driver;
	void *platform_data;
	const struct class *class;
	dev_t devt;
	const struct attribute_group **groups;
	void (*release)(struct device *dev);
	struct list_head node;
};
_Static_assert(offsetof(struct device, kobj) == sizeof(struct __dma_device), "struct device");
_Static_assert(offsetof(struct device, coherent_dma_mask) == offsetof(struct __dma_device, coherent_dma_mask) &&
	       offsetof(struct device, dma_mem) == offsetof(struct __dma_device, dma_mem), "struct device");

#define dev_get_drvdata(dev)		((dev)->driver_data)
#define dev_set_drvdata(dev, data)	((void)((dev)->driver_data = (data)))
#define dev_get_platdata(dev)		((dev)->platform_data)
#define dev_name(dev)			((dev)->kobj.name ? (dev)->kobj.name : (const char *)(dev)->bus_id)
#define kobj_to_dev(kobject)		container_of(kobject, struct device, kobj)

extern int dev_set_name(struct device *dev, const char *fmt, ...) __printf(2, 3);
extern void device_initialize(struct device *dev);
extern int device_add(struct device *dev);
extern void device_del(struct device *dev);
extern int device_register(struct device *dev);
extern void device_unregister(struct device *dev);
extern struct device *get_device(struct device *dev);
extern void put_device(struct device *dev);

/* A device of nothing, as a parent for others; or an ERR_PTR. */
extern struct device *root_device_register(const char *name);
extern void root_device_unregister(struct device *dev);

/* Attributes of devices: they can all be made, and nobody sees them. */
struct device_attribute {
	struct attribute attr;
	ssize_t (*show)(struct device *dev, struct device_attribute *attr, char *buf);
	ssize_t (*store)(struct device *dev, struct device_attribute *attr, const char *buf, size_t count);
};
#define DEVICE_ATTR(_name, _mode, _show, _store) \
	struct device_attribute dev_attr_##_name = __ATTR(_name, _mode, _show, _store)
#define DEVICE_ATTR_RO(_name)	struct device_attribute dev_attr_##_name = __ATTR_RO(_name)
#define DEVICE_ATTR_RW(_name)	struct device_attribute dev_attr_##_name = __ATTR_RW(_name)
#define DEVICE_ATTR_WO(_name)	struct device_attribute dev_attr_##_name = __ATTR_WO(_name)
#define device_create_file(dev, attr)	((void)(dev), (void)(attr), 0)
#define device_remove_file(dev, attr)	((void)(dev), (void)(attr))

struct class {
	const char *name;
	struct module *owner;
	const struct attribute_group **class_groups;
	const struct attribute_group **dev_groups;
	void *dev_uevent;
	void *devnode;
	void (*class_release)(struct class *class);
	void (*dev_release)(struct device *dev);
	struct list_head devices;
};

/* class_create(owner, name), and from 6.4 on class_create(name). */
extern struct class *__class_create(const char *name);
#define __class_create_1(name)		__class_create(name)
#define __class_create_2(owner, name)	((void)(owner), __class_create(name))
#define class_create(...)	__PASTE(__class_create_, __COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)
extern void class_destroy(struct class *class);
extern int class_register(struct class *class);
extern void class_unregister(struct class *class);

struct class_attribute {
	struct attribute attr;
	ssize_t (*show)(struct class *class, struct class_attribute *attr, char *buf);
	ssize_t (*store)(struct class *class, struct class_attribute *attr, const char *buf, size_t count);
};
#define CLASS_ATTR_RO(_name)	struct class_attribute class_attr_##_name = __ATTR_RO(_name)
#define CLASS_ATTR_RW(_name)	struct class_attribute class_attr_##_name = __ATTR_RW(_name)
#define CLASS_ATTR_WO(_name)	struct class_attribute class_attr_##_name = __ATTR_WO(_name)
#define class_create_file(class, attr)	((void)(class), (void)(attr), 0)
#define class_remove_file(class, attr)	((void)(class), (void)(attr))

/*
 * A device of a class, or an ERR_PTR: device_create(class, parent, devt, fmt, ...), and from 2.6.27 on
 * device_create(class, parent, devt, drvdata, fmt, ...). What comes fourth is text, or it is not.
 */
extern struct device *__device_create(struct class *class, struct device *parent, dev_t devt, void *drvdata,
				      const char *fmt, ...) __printf(5, 6);
extern struct device *__device_create_old(struct class *class, struct device *parent, dev_t devt,
					  const void *fmt, ...);
#define __is_text(x)	(__same_type((x) + 0, char *) || __same_type((x) + 0, const char *))
#define __device_create_4(class, parent, devt, fmt)	__device_create(class, parent, devt, NULL, fmt)
#define __device_create_5(...)	__device_create_more(__VA_ARGS__)
#define __device_create_6(...)	__device_create_more(__VA_ARGS__)
#define __device_create_7(...)	__device_create_more(__VA_ARGS__)
#define __device_create_8(...)	__device_create_more(__VA_ARGS__)
#define __device_create_more(class, parent, devt, fourth, ...)		\
	__builtin_choose_expr(__is_text(fourth), __device_create_old, __device_create) \
		(class, parent, devt, (void *)(fourth), __VA_ARGS__)
#define device_create(...)	__PASTE(__device_create_, __COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)
extern void device_destroy(struct class *class, dev_t devt);

/* The class and its devices of before 2.6.26. */
#define class_device			device
#define class_device_create(class, parent, devt, device, ...) \
	((void)(parent), (void)(device), __device_create_old(class, NULL, devt, __VA_ARGS__))
#define class_device_destroy(class, devt)	device_destroy(class, devt)

#define dev_printk(level, dev, fmt, ...)	printk(level "%s: " fmt, dev_name(dev), ##__VA_ARGS__)
#define dev_emerg(dev, fmt, ...)	dev_printk(KERN_EMERG, dev, fmt, ##__VA_ARGS__)
#define dev_alert(dev, fmt, ...)	dev_printk(KERN_ALERT, dev, fmt, ##__VA_ARGS__)
#define dev_crit(dev, fmt, ...)		dev_printk(KERN_CRIT, dev, fmt, ##__VA_ARGS__)
#define dev_err(dev, fmt, ...)		dev_printk(KERN_ERR, dev, fmt, ##__VA_ARGS__)
#define dev_warn(dev, fmt, ...)		dev_printk(KERN_WARNING, dev, fmt, ##__VA_ARGS__)
#define dev_notice(dev, fmt, ...)	dev_printk(KERN_NOTICE, dev, fmt, ##__VA_ARGS__)
#define dev_info(dev, fmt, ...)		dev_printk(KERN_INFO, dev, fmt, ##__VA_ARGS__)
#ifdef DEBUG
#define dev_dbg(dev, fmt, ...)		dev_printk(KERN_DEBUG, dev, fmt, ##__VA_ARGS__)
#else
#define dev_dbg(dev, fmt, ...) \
	do { if (0) dev_printk(KERN_DEBUG, dev, fmt, ##__VA_ARGS__); } while (0)
#endif
#define dev_err_probe(dev, error, fmt, ...) \
	({ int __error = (error); dev_err(dev, "error %d: " fmt, __error, ##__VA_ARGS__); __error; })

#endif
