/*
 * An area is freed by the one who fills it when that fails, and again by the one who asked for it.
 * expect: vfree_twice.c:27: log: Trying to vfree() nonexistent vm area
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/vmalloc.h>

static noinline int fill(char *area, int size)
{
	if (size < 8192) {
		vfree(area);
		return -EINVAL;
	}
	area[0] = 1;
	return 0;
}

int main(void)
{
	char *room = vmalloc(4096);

	if (!room)
		return -ENOMEM;
	if (fill(room, 4096))
		printk("the area is too small\n");
	vfree(room);
	return 0;
}
