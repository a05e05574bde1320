/*
 * A member that nobody has set is followed as a pointer. Mostly it works: what the last owner of the memory left there
 * points somewhere. With poison it is 5a5a5a5a, and leads nowhere.
 * highmem: --slab-debug P
 * expect: uninitialised.c:18: log: BUG: unable to handle kernel paging request at virtual address 5a5a5a5a
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>

struct device {
	int number;
	const char *name;
};

static void show(const struct device *device)
{
	printk("device %d is called %c...\n", device->number, device->name[0]);
}

int main(void)
{
	struct device *device = kmalloc(sizeof(*device), GFP_KERNEL);

	if (!device)
		return -ENOMEM;
	device->number = 1;
	device->name = "eth0";
	show(device);
	kfree(device);

	device = kmalloc(sizeof(*device), GFP_KERNEL);
	if (!device)
		return -ENOMEM;
	device->number = 2;
	show(device);
	kfree(device);
	return 0;
}
