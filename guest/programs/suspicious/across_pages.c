/* Words that lie in two pages, at the border of two frames of an area, which are anywhere, and of a block. */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>

static noinline int use(volatile char *memory)
{
	volatile unsigned long long *border = (void *)(memory + PAGE_SIZE - 3);
	volatile unsigned int *word = (void *)(memory + PAGE_SIZE - 1);

	*border = 0x1122334455667788ULL;
	return *word == 0x33445566;
}

int main(void)
{
	char *area = vmalloc(2 * PAGE_SIZE), *block = (char *)__get_free_pages(GFP_KERNEL, 1);
	int good;

	if (!area || !block)
		return -ENOMEM;
	good = use(area) && use(block);
	vfree(area);
	free_pages((unsigned long)block, 1);
	return good ? 0 : 1;
}
