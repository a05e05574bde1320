/*
 * kmalloc always has memory, on the machine of who wrote this.
 * highmem: --fail-nth 1
 * expect: unchecked_kmalloc.c:16: log: BUG: unable to handle kernel NULL pointer dereference
 */
#include <linux/kernel.h>
#include <linux/slab.h>

struct counter {
	int number;
	int count;
};

static noinline void reset(struct counter *counter)
{
	counter->count = 0;
}

int main(void)
{
	struct counter *counter = kmalloc(sizeof(*counter), GFP_KERNEL);

	reset(counter);
	kfree(counter);
	return 0;
}
