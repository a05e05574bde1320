#ifndef _KUNIT_DEVICE_H
#define _KUNIT_DEVICE_H

#include <kunit/test.h>
#include <linux/device.h>
#include <linux/device/devres.h>
#include <linux/device/driver.h>

/*
 * Devices that go when their test ends. With a driver its probe() is called, and its remove() before the device goes.
 * What cannot be made is an ERR_PTR.
 */
extern struct device *kunit_device_register(struct kunit *test, const char *name);
extern struct device *kunit_device_register_with_driver(struct kunit *test, const char *name,
							const struct device_driver *driver);
extern void kunit_device_unregister(struct kunit *test, struct device *dev);
extern struct device_driver *kunit_driver_create(struct kunit *test, const char *name);

#endif
