/* Writes to an element of an array in a structure that nobody has allocated. argv: the element, below 1000. */
#include "faults.h"

struct device {
	char name[16];
	unsigned long packets[1000];
};

static noinline void count(struct device *device, int queue)
{
	((volatile struct device *)device)->packets[queue] = 1;
}

int main(int argc, char **argv)
{
	struct device *device = NULL;
	int queue = number(argc, argv, 1, 3);

	printk("write of 4 bytes at %p\n", &device->packets[queue]);
	count(device, queue);
	return 0;
}
