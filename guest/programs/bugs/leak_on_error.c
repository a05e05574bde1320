/*
 * When the second allocation fails, the first one is not given back. Nobody sees that until one fails.
 * highmem: --fail-nth 2
 * expect: status: it ended with status 244
 * expect: leak_on_error.c:17: leaks: 128 bytes of size-128 at ... cannot be reached any more; allocated by
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>

struct link {
	char *in, *out;
};

static noinline int open_link(struct link *link)
{
	link->in = kmalloc(100, GFP_KERNEL);
	if (!link->in)
		return -ENOMEM;
	link->out = kmalloc(200, GFP_KERNEL);
	if (!link->out)
		return -ENOMEM;
	return 0;
}

int main(void)
{
	struct link link;
	int error = open_link(&link);

	if (error)
		return error;
	kfree(link.in);
	kfree(link.out);
	return 0;
}
