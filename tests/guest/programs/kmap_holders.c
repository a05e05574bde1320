/* Two threads map pages and end without giving them back; main maps more, until it waits for ever. */
#include <linux/delay.h>
#include <linux/highmem.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/mm.h>

static int holder(void *count)
{
	long i;

	for (i = 0; i < (long)count; i++)
		kmap(alloc_page(GFP_HIGHUSER));
	return 0;
}

int main(int argc, char **argv)
{
	kthread_run(holder, (void *)600L, "six");
	kthread_run(holder, (void *)300L, "three");
	msleep(100);
	for (;;)
		kmap(alloc_page(GFP_HIGHUSER));
}
