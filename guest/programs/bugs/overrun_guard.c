/*
 * Behind each area of vmalloc space is a page that is not there. A loop without an end finds it, with every kernel.
 * expect: overrun_guard.c:14: log: BUG: unable to handle kernel paging request at virtual address ...
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/vmalloc.h>

static noinline void fill(volatile int *area, int words)
{
	int i;

	for (i = 0; i != words; i += 3)		/* 1024 is no multiple of 3 */
		area[i] = i;
}

int main(void)
{
	int *area = vmalloc(PAGE_SIZE);

	if (!area)
		return -ENOMEM;
	fill(area, 1024);
	vfree(area);
	return 0;
}
