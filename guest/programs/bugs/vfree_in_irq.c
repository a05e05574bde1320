/*
 * An interrupt handler frees a buffer of vmalloc's. vfree changes page tables and flushes TLBs, which no interrupt may.
 * expect: vfree_in_irq.c:13: log: kernel BUG at mm/vmalloc.py:...
 * expect: log: Kernel panic - not syncing: Fatal exception in interrupt
 */
#include <linux/errno.h>
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/vmalloc.h>

static void done(void *buffer)
{
	vfree(buffer);
}

int main(void)
{
	char *buffer = vmalloc(10000);

	if (!buffer)
		return -ENOMEM;
	run_in_irq(done, buffer);
	return 0;
}
