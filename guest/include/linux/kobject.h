#ifndef _LINUX_KOBJECT_H
#define _LINUX_KOBJECT_H

#include <linux/kernel.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/sysfs.h>

/*
 * Things with a name, a parent and a count of references: kobject_put() of the last one calls the type's release().
 * There is no sysfs to see them in.
 */
struct kset;

struct kobject {
	const char *name;
	struct list_head entry;
	struct kobject *parent;
	struct kset *kset;
	const struct kobj_type *ktype;
	struct kref kref;
};

struct kobj_type {
	void (*release)(struct kobject *kobj);
	const struct sysfs_ops *sysfs_ops;
	struct attribute **default_attrs;
	const struct attribute_group **default_groups;
};

struct kobj_attribute {
	struct attribute attr;
	ssize_t (*show)(struct kobject *kobj, struct kobj_attribute *attr, char *buf);
	ssize_t (*store)(struct kobject *kobj, struct kobj_attribute *attr, const char *buf, size_t count);
};

struct kset {
	struct list_head list;
	spinlock_t list_lock;
	struct kobject kobj;
	const void *uevent_ops;
};

extern const struct sysfs_ops kobj_sysfs_ops;
extern struct kobject *kernel_kobj, *mm_kobj, *firmware_kobj;

/* kobject_init(kobj), and from 2.6.25 on kobject_init(kobj, type). */
extern void __kobject_init(struct kobject *kobj, const struct kobj_type *ktype);
#define __kobject_init_1(kobj)		__kobject_init(kobj, (kobj)->ktype)
#define __kobject_init_2(kobj, ktype)	__kobject_init(kobj, ktype)
#define kobject_init(...)	__PASTE(__kobject_init_, __COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)

extern int kobject_set_name(struct kobject *kobj, const char *fmt, ...) __printf(2, 3);
extern int kobject_set_name_vargs(struct kobject *kobj, const char *fmt, va_list args);
/* kobject_add(kobj), and from 2.6.25 on kobject_add(kobj, parent, fmt, ...). */
extern int __kobject_add(struct kobject *kobj);
extern int __kobject_add_named(struct kobject *kobj, struct kobject *parent, const char *fmt, ...) __printf(3, 4);
#define __kobject_add_1(kobj)	__kobject_add(kobj)
#define __kobject_add_3(...)	__kobject_add_named(__VA_ARGS__)
#define __kobject_add_4(...)	__kobject_add_named(__VA_ARGS__)
#define __kobject_add_5(...)	__kobject_add_named(__VA_ARGS__)
#define kobject_add(...)	__PASTE(__kobject_add_, __COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)
extern int kobject_init_and_add(struct kobject *kobj, const struct kobj_type *ktype, struct kobject *parent,
				const char *fmt, ...) __printf(4, 5);
extern struct kobject *kobject_create_and_add(const char *name, struct kobject *parent);
extern void kobject_del(struct kobject *kobj);
extern struct kobject *kobject_get(struct kobject *kobj);
extern void kobject_put(struct kobject *kobj);

#define kobject_name(kobj)		((kobj)->name)
#define kobject_uevent(kobj, action)	0
enum kobject_action { KOBJ_ADD, KOBJ_REMOVE, KOBJ_CHANGE, KOBJ_MOVE, KOBJ_ONLINE, KOBJ_OFFLINE };

extern struct kset *kset_create_and_add(const char *name, const void *uevent_ops, struct kobject *parent);
extern void kset_init(struct kset *kset);
extern int kset_register(struct kset *kset);
extern void kset_unregister(struct kset *kset);
#define to_kset(kobject)	container_of(kobject, struct kset, kobj)

static inline struct kset *kset_get(struct kset *kset)
{
	if (kset)
		kobject_get(&kset->kobj);
	return kset;
}

static inline void kset_put(struct kset *kset)
{
	kobject_put(&kset->kobj);
}

#endif
