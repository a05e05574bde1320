/*
 * An index that nobody has set: the array is read at a place that chance decides.
 * highmem: --check-uninit
 * expect: uninit_address.c:19: uninit: BUG: KMSAN: uninit-value in
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>

struct request {
	int number;
	unsigned char kind;
};

static const unsigned char sizes[256] = { 1, 2, 4, 8 };

static noinline int size_of(const volatile struct request *request)
{
	return sizes[request->kind];
}

int main(void)
{
	struct request *request = kmalloc(sizeof(*request), GFP_KERNEL);
	volatile int size;

	if (!request)
		return -ENOMEM;
	request->number = 1;
	size = size_of(request);
	kfree(request);
	return 0;
}
