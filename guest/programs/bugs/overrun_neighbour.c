/*
 * A name of any length goes into an object of 32 bytes. What does not fit is in the neighbour, which is in use: without
 * a red zone between them no byte that is written to would be nobody's.
 * highmem: --slab-debug Z --check-access
 * expect: overrun_neighbour.c:18: access: BUG: KASAN: slab-out-of-bounds in
 * expect: overrun_neighbour.c:30: log: slab error in verify_redzone_free(): cache `size-32': memory outside object
 * expect: overrun_neighbour.c:31: log: slab error in verify_redzone_free(): cache `size-32': memory outside object
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>

static noinline void set_name(char *name, const char *text, int length)
{
	int i;

	for (i = 0; i < length; i++)
		name[i] = text[i];
}

int main(void)
{
	static const char text[] = "a name that is longer than anybody thought that a name is";
	char *one = kmalloc(32, GFP_KERNEL), *other = kmalloc(32, GFP_KERNEL);
	char *lower = min(one, other), *upper = max(one, other);

	if (!lower)
		return -ENOMEM;
	set_name(lower, text, sizeof(text));
	kfree(upper);
	kfree(lower);
	return 0;
}
