/* What goes with a device: as drivers/base/devres.c has it, without groups. */
#include <linux/device.h>
#include <linux/device/devres.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include "lib.h"

struct devres {
	struct list_head node;
	struct device *dev;
	void (*action)(void *data);
	void *data;
};

/* Of all devices, the youngest first. */
static LIST_HEAD(resources);
static DEFINE_SPINLOCK(lock);

/* The youngest of a device, off the list. any: whatever it does. */
static struct devres *take(struct device *dev, bool any, void (*action)(void *data), const void *data)
{
	struct devres *res, *found = NULL;
	unsigned long flags;

	spin_lock_irqsave(&lock, flags);
	list_for_each_entry(res, &resources, node) {
		if (res->dev == dev && (any || (res->action == action && res->data == data))) {
			list_del(&res->node);
			found = res;
			break;
		}
	}
	spin_unlock_irqrestore(&lock, flags);
	return found;
}

static void run(struct devres *res)
{
	res->action(res->data);
	kfree(res);
}

LIB int devm_add_action(struct device *dev, void (*action)(void *data), void *data)
{
	struct devres *res = kmalloc(sizeof(*res), GFP_KERNEL);
	unsigned long flags;

	if (!res)
		return -ENOMEM;
	res->dev = dev;
	res->action = action;
	res->data = data;
	spin_lock_irqsave(&lock, flags);
	list_add(&res->node, &resources);
	spin_unlock_irqrestore(&lock, flags);
	return 0;
}

LIB int devm_add_action_or_reset(struct device *dev, void (*action)(void *data), void *data)
{
	int error = devm_add_action(dev, action, data);

	if (error)
		action(data);
	return error;
}

LIB void devm_remove_action(struct device *dev, void (*action)(void *data), void *data)
{
	struct devres *res = take(dev, false, action, data);

	WARN_ON(!res);
	kfree(res);
}

LIB void devm_release_action(struct device *dev, void (*action)(void *data), void *data)
{
	struct devres *res = take(dev, false, action, data);

	if (!WARN_ON(!res))
		run(res);
}

LIB int devres_release_all(struct device *dev)
{
	struct devres *res;
	int count = 0;

	for (; (res = take(dev, true, NULL, NULL)); count++)
		run(res);
	return count;
}

static void free_memory(void *p)
{
	kfree(p);
}

LIB void *devm_kmalloc(struct device *dev, size_t size, gfp_t gfp)
{
	void *p = kmalloc(size, gfp);

	return p && !devm_add_action_or_reset(dev, free_memory, p) ? p : NULL;
}

LIB void devm_kfree(struct device *dev, const void *p)
{
	if (p)
		devm_release_action(dev, free_memory, (void *)p);
}

LIB void *devm_kmemdup(struct device *dev, const void *from, size_t size, gfp_t gfp)
{
	void *p = devm_kmalloc(dev, size, gfp);

	return p ? memcpy(p, from, size) : NULL;
}

LIB char *devm_kstrdup(struct device *dev, const char *text, gfp_t gfp)
{
	return text ? devm_kmemdup(dev, text, strlen(text) + 1, gfp) : NULL;
}
