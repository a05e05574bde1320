/*
 * A loop that goes one too far, and writes behind the end of its object. With U it is told, too, whose object it is.
 * highmem: --slab-debug Z
 * expect: overrun.c:27: log: slab error in verify_redzone_free(): cache `size-64': memory outside object
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>

enum { SLOTS = 10 };

static void clear_slots(int *slots)
{
	int i;

	for (i = 0; i <= SLOTS; i++)
		slots[i] = 0;
}

int main(void)
{
	int *slots = kmalloc(SLOTS * sizeof(*slots) + 24, GFP_KERNEL);	/* 64 bytes: all of size-64 */

	if (!slots)
		return -ENOMEM;
	clear_slots(slots + 6);
	kfree(slots);
	return 0;
}
