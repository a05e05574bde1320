/*
 * An area of vmalloc space is read after vfree: its PTEs are gone, and the read faults, with every kernel.
 * expect: use_after_vfree.c:13: log: BUG: unable to handle kernel paging request at virtual address ...
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/vmalloc.h>

static noinline int last_word(const volatile int *log, int words)
{
	int last;

	last = log[words - 1];
	return last;
}

int main(void)
{
	int *log = vmalloc(2000 * sizeof(*log));

	if (!log)
		return -ENOMEM;
	log[1999] = 7;
	vfree(log);
	printk("the last word was %d\n", last_word(log, 2000));
	return 0;
}
