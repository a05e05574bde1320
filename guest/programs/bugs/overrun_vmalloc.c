/*
 * An area of 5000 bytes has two pages, so that byte 5000 is there; but nobody asked for it.
 * highmem: --check-access
 * expect: overrun_vmalloc.c:17: access: BUG: KASAN: vmalloc-out-of-bounds in
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/vmalloc.h>

int main(void)
{
	volatile char *table = vmalloc(5000);

	if (!table)
		return -ENOMEM;
	table[4999] = 1;
	table[5000] = 1;
	vfree((void *)table);
	return 0;
}
