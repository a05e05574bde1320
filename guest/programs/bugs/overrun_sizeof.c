/*
 * Memory for the pointer, where memory for what it points to was meant: sizeof(point) is 4, sizeof(*point) is 12.
 * highmem: --check-access
 * expect: overrun_sizeof.c:18: access: BUG: KASAN: slab-out-of-bounds in
 * expect: overrun_sizeof.c:19: access: BUG: KASAN: slab-out-of-bounds in
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>

struct point {
	int x, y, z;
};

static noinline void set_point(volatile struct point *point, int x, int y, int z)
{
	point->x = x;
	point->y = y;
	point->z = z;
}

int main(void)
{
	struct point *point = kmalloc(sizeof(point), GFP_KERNEL);

	if (!point)
		return -ENOMEM;
	set_point(point, 1, 2, 3);
	kfree(point);
	return 0;
}
