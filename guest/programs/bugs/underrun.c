/*
 * A header that is written in front of the object, where it has no place.
 * highmem: --slab-debug Z --check-access
 * expect: underrun.c:14: access: BUG: KASAN: slab-out-of-bounds in
 * expect: underrun.c:24: log: slab error in verify_redzone_free(): cache `size-128': memory outside object
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

static void add_header(char *packet)
{
	memcpy(packet - 2, "hd", 2);
}

int main(void)
{
	char *packet = kmalloc(128, GFP_KERNEL);

	if (!packet)
		return -ENOMEM;
	add_header(packet);
	kfree(packet);
	return 0;
}
