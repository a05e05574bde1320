#ifndef _LINUX_DEVICE_H
#define _LINUX_DEVICE_H

/* Of `struct device` here is what dma-mapping.h looks at, and a few members that drivers fill in. */
#include <linux/types.h>
#include <generated/device.h>

#define dev_get_drvdata(dev)		((dev)->driver_data)
#define dev_set_drvdata(dev, data)	((void)((dev)->driver_data = (data)))

#endif
