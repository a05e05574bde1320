/* vmalloc gives the address again that vfree took back, with other pages: the TLBs were flushed in between. */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/vmalloc.h>

int main(void)
{
	int i;

	for (i = 0; i < 5; i++) {
		volatile int *area = vmalloc(3 * PAGE_SIZE);

		if (!area)
			return -ENOMEM;
		area[0] = i;
		area[3 * PAGE_SIZE / sizeof(*area) - 1] = area[0];
		vfree((void *)area);
	}
	return 0;
}
