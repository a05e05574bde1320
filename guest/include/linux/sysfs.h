#ifndef _LINUX_SYSFS_H
#define _LINUX_SYSFS_H

#include <linux/kernel.h>
#include <linux/stat.h>
#include <linux/string.h>
#include <linux/stringify.h>

/* What attributes are declared with. As in a kernel without CONFIG_SYSFS they can all be made, and nobody sees them. */
struct kobject;
struct module;

struct attribute {
	const char *name;
	struct module *owner;
	umode_t mode;
};

struct bin_attribute;
struct attribute_group {
	const char *name;
	umode_t (*is_visible)(struct kobject *kobj, struct attribute *attr, int n);
	struct attribute **attrs;
	struct bin_attribute **bin_attrs;
};

struct sysfs_ops {
	ssize_t (*show)(struct kobject *kobj, struct attribute *attr, char *buf);
	ssize_t (*store)(struct kobject *kobj, struct attribute *attr, const char *buf, size_t count);
};

#define __ATTR(_name, _mode, _show, _store) \
	{ .attr = { .name = __stringify(_name), .mode = _mode }, .show = _show, .store = _store }
#define __ATTR_RO(_name)	__ATTR(_name, 0444, _name##_show, NULL)
#define __ATTR_RW(_name)	__ATTR(_name, 0644, _name##_show, _name##_store)
#define __ATTR_WO(_name)	__ATTR(_name, 0200, NULL, _name##_store)
#define __ATTR_RO_MODE(_name, _mode)	__ATTR(_name, _mode, _name##_show, NULL)
#define __ATTR_NULL		{ .attr = { .name = NULL } }
#define sysfs_attr_init(attr)	do { } while (0)
#define ATTRIBUTE_GROUPS(_name)							\
static const struct attribute_group _name##_group = { .attrs = _name##_attrs };	\
static const struct attribute_group *_name##_groups[] = { &_name##_group, NULL }

#define sysfs_create_file(kobj, attr)		((void)(kobj), (void)(attr), 0)
#define sysfs_remove_file(kobj, attr)		((void)(kobj), (void)(attr))
#define sysfs_create_files(kobj, attrs)		((void)(kobj), (void)(attrs), 0)
#define sysfs_remove_files(kobj, attrs)		((void)(kobj), (void)(attrs))
#define sysfs_create_group(kobj, group)		((void)(kobj), (void)(group), 0)
#define sysfs_remove_group(kobj, group)		((void)(kobj), (void)(group))
#define sysfs_create_groups(kobj, groups)	((void)(kobj), (void)(groups), 0)
#define sysfs_remove_groups(kobj, groups)	((void)(kobj), (void)(groups))
#define sysfs_create_link(kobj, target, name)	((void)(kobj), (void)(target), (void)(name), 0)
#define sysfs_remove_link(kobj, name)		((void)(kobj), (void)(name))
#define sysfs_notify(kobj, dir, attr)		((void)(kobj), (void)(dir), (void)(attr))

/* Into the page of an attribute: at most a page in all. */
extern int sysfs_emit(char *buf, const char *fmt, ...) __printf(2, 3);
extern int sysfs_emit_at(char *buf, int at, const char *fmt, ...) __printf(3, 4);

#endif
