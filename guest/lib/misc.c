/* Devices with a minor number of major 10: as drivers/char/misc.c. */
#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include "lib.h"

#define DYNAMIC_MINORS	64

static LIST_HEAD(devices);
static DEFINE_MUTEX(lock);
static struct class misc_class = { .name = "misc", .devices = LIST_HEAD_INIT(misc_class.devices) };

static bool is_taken(int minor)
{
	struct miscdevice *other;

	list_for_each_entry(other, &devices, list)
		if (other->minor == minor)
			return true;
	return false;
}

LIB int misc_register(struct miscdevice *misc)
{
	int minor = misc->minor, error = 0;

	mutex_lock(&lock);
	if (minor == MISC_DYNAMIC_MINOR)
		for (minor = DYNAMIC_MINORS - 1; minor >= 0 && is_taken(minor); minor--)
			;
	if (minor < 0 || is_taken(minor))
		error = -EBUSY;
	if (!error) {
		misc->this_device = device_create(&misc_class, misc->parent, MKDEV(MISC_MAJOR, minor), misc, "%s",
						  misc->name);
		if (IS_ERR(misc->this_device))
			error = PTR_ERR(misc->this_device);
	}
	if (!error) {
		misc->minor = minor;
		list_add(&misc->list, &devices);
	}
	mutex_unlock(&lock);
	return error;
}

LIB int misc_deregister(struct miscdevice *misc)
{
	if (!misc->list.next || list_empty(&misc->list))
		return -EINVAL;
	mutex_lock(&lock);
	list_del_init(&misc->list);
	device_destroy(&misc_class, MKDEV(MISC_MAJOR, misc->minor));
	mutex_unlock(&lock);
	return 0;
}
