/*
 * How much is to be allocated stands in a local variable that nobody has set.
 * highmem: --check-uninit --no-check leaks
 * expect: uninit_argument.c:23: uninit: BUG: KMSAN: uninit-value in main+
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>

static noinline void sizes_of(int kind, size_t sizes[2])
{
	sizes[0] = 32;
	if (kind > 1)
		sizes[1] = 64;
}

int main(void)
{
	size_t sizes[2];
	void *p;

	sizes_of(1, sizes);
	p = kmalloc(sizes[1], GFP_KERNEL);
	kfree(p);
	return 0;
}
