/* Devices of a KUnit test. */
#include <kunit/device.h>
#include "lib.h"

LIB struct device_driver *kunit_driver_create(struct kunit *test, const char *name)
{
	struct device_driver *driver = kunit_kzalloc(test, sizeof(*driver), GFP_KERNEL);

	if (!driver)
		return ERR_PTR(-ENOMEM);
	driver->name = kunit_kstrdup(test, name, GFP_KERNEL);
	return driver->name ? driver : ERR_PTR(-ENOMEM);
}

static void unregister(void *data)
{
	struct device *dev = data;

	if (dev->driver && dev->driver->remove)
		dev->driver->remove(dev);
	devres_release_all(dev);
	kfree(dev);
}

LIB struct device *kunit_device_register_with_driver(struct kunit *test, const char *name,
						     const struct device_driver *driver)
{
	struct device *dev = kzalloc(sizeof(*dev), GFP_KERNEL);
	int error;

	if (!dev)
		return ERR_PTR(-ENOMEM);
	dev->driver = driver;
	strlcpy(dev->bus_id, name, sizeof(dev->bus_id));
	error = driver && driver->probe ? driver->probe(dev) : 0;
	if (error) {
		devres_release_all(dev);
		kfree(dev);
		return ERR_PTR(error);
	}
	error = kunit_add_action_or_reset(test, unregister, dev);
	return error ? ERR_PTR(error) : dev;
}

LIB struct device *kunit_device_register(struct kunit *test, const char *name)
{
	return kunit_device_register_with_driver(test, name, NULL);
}

LIB void kunit_device_unregister(struct kunit *test, struct device *dev)
{
	kunit_release_action(test, unregister, dev);
}
