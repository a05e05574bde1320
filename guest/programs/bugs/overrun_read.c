/*
 * A sum that goes one too far: the word behind the end of the object is read.
 * highmem: --check-access
 * expect: overrun_read.c:17: access: BUG: KASAN: slab-out-of-bounds in
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>

enum { COUNT = 10 };

static noinline int sum_of(const volatile int *values)
{
	int i, sum = 0;

	for (i = 0; i <= COUNT; i++)
		sum += values[i];
	return sum;
}

int main(void)
{
	int *values = kcalloc(COUNT, sizeof(*values), GFP_KERNEL);

	if (!values)
		return -ENOMEM;
	printk("the sum is %s\n", sum_of(values) ? "wrong" : "0");
	kfree(values);
	return 0;
}
