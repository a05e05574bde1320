/* Things with a name and references: as lib/kobject.c, without sysfs and events. */
#include <linux/kobject.h>
#include <linux/slab.h>
#include <linux/sysfs.h>
#include "lib.h"

LIB void __kobject_init(struct kobject *kobj, const struct kobj_type *ktype)
{
	kref_init(&kobj->kref);
	INIT_LIST_HEAD(&kobj->entry);
	kobj->ktype = ktype;
}

LIB int kobject_set_name_vargs(struct kobject *kobj, const char *fmt, va_list args)
{
	const char *name = kvasprintf(GFP_KERNEL, fmt, args);

	if (!name)
		return -ENOMEM;
	kfree(kobj->name);
	kobj->name = name;
	return 0;
}

LIB int kobject_set_name(struct kobject *kobj, const char *fmt, ...)
{
	va_list args;
	int error;

	va_start(args, fmt);
	error = kobject_set_name_vargs(kobj, fmt, args);
	va_end(args);
	return error;
}

/* Its set, and its parent, keep it from going; as it does the parent. */
LIB int __kobject_add(struct kobject *kobj)
{
	if (!kobj->name || !*kobj->name) {
		WARN_ON(1);
		return -EINVAL;
	}
	if (kobj->kset) {
		kset_get(kobj->kset);
		spin_lock(&kobj->kset->list_lock);
		list_add_tail(&kobj->entry, &kobj->kset->list);
		spin_unlock(&kobj->kset->list_lock);
		if (!kobj->parent)
			kobj->parent = &kobj->kset->kobj;
	}
	kobject_get(kobj->parent);
	return 0;
}

static int add_vargs(struct kobject *kobj, struct kobject *parent, const char *fmt, va_list args)
{
	int error = kobject_set_name_vargs(kobj, fmt, args);

	kobj->parent = parent;
	return error ? error : __kobject_add(kobj);
}

LIB int __kobject_add_named(struct kobject *kobj, struct kobject *parent, const char *fmt, ...)
{
	va_list args;
	int error;

	va_start(args, fmt);
	error = add_vargs(kobj, parent, fmt, args);
	va_end(args);
	return error;
}

LIB int kobject_init_and_add(struct kobject *kobj, const struct kobj_type *ktype, struct kobject *parent,
			     const char *fmt, ...)
{
	va_list args;
	int error;

	__kobject_init(kobj, ktype);
	va_start(args, fmt);
	error = add_vargs(kobj, parent, fmt, args);
	va_end(args);
	return error;
}

LIB void kobject_del(struct kobject *kobj)
{
	struct kobject *parent;

	if (!kobj)
		return;
	parent = kobj->parent;
	kobj->parent = NULL;
	if (kobj->kset) {
		struct kset *kset = kobj->kset;

		spin_lock(&kset->list_lock);
		list_del_init(&kobj->entry);
		spin_unlock(&kset->list_lock);
		kobj->kset = NULL;
		kset_put(kset);
	}
	kobject_put(parent);
}

LIB struct kobject *kobject_get(struct kobject *kobj)
{
	if (kobj)
		kref_get(&kobj->kref);
	return kobj;
}

static void release(struct kref *kref)
{
	struct kobject *kobj = container_of(kref, struct kobject, kref);
	const char *name = kobj->name;

	kobject_del(kobj);
	if (kobj->ktype && kobj->ktype->release)
		kobj->ktype->release(kobj);
	kfree(name);
}

LIB void kobject_put(struct kobject *kobj)
{
	if (kobj)
		kref_put(&kobj->kref, release);
}

static void free_kobject(struct kobject *kobj)
{
	kfree(kobj);
}

static ssize_t show(struct kobject *kobj, struct attribute *attr, char *buf)
{
	struct kobj_attribute *attribute = container_of(attr, struct kobj_attribute, attr);

	return attribute->show ? attribute->show(kobj, attribute, buf) : -EIO;
}

static ssize_t store(struct kobject *kobj, struct attribute *attr, const char *buf, size_t count)
{
	struct kobj_attribute *attribute = container_of(attr, struct kobj_attribute, attr);

	return attribute->store ? attribute->store(kobj, attribute, buf, count) : -EIO;
}

LIB const struct sysfs_ops kobj_sysfs_ops = { .show = show, .store = store };
static const struct kobj_type dynamic = { .release = free_kobject, .sysfs_ops = &kobj_sysfs_ops };

LIB struct kobject *kobject_create_and_add(const char *name, struct kobject *parent)
{
	struct kobject *kobj = kzalloc(sizeof(*kobj), GFP_KERNEL);

	if (kobj && kobject_init_and_add(kobj, &dynamic, parent, "%s", name)) {
		kobject_put(kobj);
		return NULL;
	}
	return kobj;
}

/* Sets */

LIB void kset_init(struct kset *kset)
{
	__kobject_init(&kset->kobj, kset->kobj.ktype);
	INIT_LIST_HEAD(&kset->list);
	spin_lock_init(&kset->list_lock);
}

LIB int kset_register(struct kset *kset)
{
	kset_init(kset);
	return __kobject_add(&kset->kobj);
}

LIB void kset_unregister(struct kset *kset)
{
	if (!kset)
		return;
	kobject_del(&kset->kobj);
	kset_put(kset);
}

static void free_kset(struct kobject *kobj)
{
	kfree(to_kset(kobj));
}

static const struct kobj_type dynamic_set = { .release = free_kset, .sysfs_ops = &kobj_sysfs_ops };

LIB struct kset *kset_create_and_add(const char *name, const void *uevent_ops, struct kobject *parent)
{
	struct kset *kset = kzalloc(sizeof(*kset), GFP_KERNEL);

	if (!kset)
		return NULL;
	kset->uevent_ops = uevent_ops;
	kset->kobj.ktype = &dynamic_set;
	kset->kobj.parent = parent;
	if (kobject_set_name(&kset->kobj, "%s", name) || kset_register(kset)) {
		kfree(kset->kobj.name);
		kfree(kset);
		return NULL;
	}
	return kset;
}

/* The directories of /sys that programs put theirs below. */
static struct kobject kernel = { .name = "kernel", .entry = LIST_HEAD_INIT(kernel.entry), .kref = { ATOMIC_INIT(1) } };
static struct kobject memory = { .name = "mm", .entry = LIST_HEAD_INIT(memory.entry), .kref = { ATOMIC_INIT(1) } };
static struct kobject firmware = { .name = "firmware", .entry = LIST_HEAD_INIT(firmware.entry),
				   .kref = { ATOMIC_INIT(1) } };
LIB struct kobject *kernel_kobj = &kernel, *mm_kobj = &memory, *firmware_kobj = &firmware;

LIB int sysfs_emit(char *buf, const char *fmt, ...)
{
	va_list args;
	int length;

	va_start(args, fmt);
	length = vscnprintf(buf, PAGE_SIZE, fmt, args);
	va_end(args);
	return length;
}

LIB int sysfs_emit_at(char *buf, int at, const char *fmt, ...)
{
	va_list args;
	int length;

	if (WARN_ON(at < 0 || at >= PAGE_SIZE))
		return 0;
	va_start(args, fmt);
	length = vscnprintf(buf + at, PAGE_SIZE - at, fmt, args);
	va_end(args);
	return length;
}
