/*
 * vunmap where vfree was meant: the area goes, its pages stay, and so does the array that names them.
 * expect: leak_vmalloc.c:12: leaks: 4096 bytes of pages at ... cannot be reached any more
 * expect: leak_vmalloc.c:12: leaks: 32 bytes of size-32 at ... cannot be reached any more
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/vmalloc.h>

int main(void)
{
	char *area = vmalloc(3 * PAGE_SIZE);

	if (!area)
		return -ENOMEM;
	area[0] = 1;
	vunmap(area);
	return 0;
}
