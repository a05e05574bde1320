#ifndef _LINUX_DEVICE_DEVRES_H
#define _LINUX_DEVICE_DEVRES_H

#include <linux/gfp.h>
#include <linux/overflow.h>
#include <linux/slab.h>

struct device;

/* What is called when a device goes, the youngest first. 0 or -ENOMEM; "or_reset": then it is called at once. */
extern int devm_add_action(struct device *dev, void (*action)(void *data), void *data);
extern int devm_add_action_or_reset(struct device *dev, void (*action)(void *data), void *data);
/* Forget the youngest that is the same; or call it now. */
extern void devm_remove_action(struct device *dev, void (*action)(void *data), void *data);
extern void devm_release_action(struct device *dev, void (*action)(void *data), void *data);
/* The device goes: how many were called. */
extern int devres_release_all(struct device *dev);

/* Memory that is freed when the device goes. */
extern void *devm_kmalloc(struct device *dev, size_t size, gfp_t gfp);
extern void devm_kfree(struct device *dev, const void *p);
extern char *devm_kstrdup(struct device *dev, const char *text, gfp_t gfp);
extern void *devm_kmemdup(struct device *dev, const void *from, size_t size, gfp_t gfp);
#define devm_kzalloc(dev, size, gfp)		devm_kmalloc(dev, size, (gfp) | __GFP_ZERO)
#define devm_kmalloc_array(dev, n, size, gfp)	devm_kmalloc(dev, size_mul(n, size), gfp)
#define devm_kcalloc(dev, n, size, gfp)		devm_kzalloc(dev, size_mul(n, size), gfp)

#endif
