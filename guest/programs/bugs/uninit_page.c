/*
 * A checksum over a whole page of which only the beginning was written: it is another one each time.
 * highmem: --check-uninit
 * expect: uninit_page.c:27: uninit: BUG: KMSAN: uninit-value in
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/string.h>

static noinline unsigned int sum_of(const volatile unsigned char *page)
{
	unsigned int i, sum = 0;

	for (i = 0; i < PAGE_SIZE; i++)
		sum += page[i];
	return sum;
}

int main(void)
{
	unsigned char *page = (unsigned char *)__get_free_page(GFP_KERNEL);

	if (!page)
		return -ENOMEM;
	strcpy((char *)page, "head");
	if (sum_of(page) == 'h' + 'e' + 'a' + 'd')
		printk("the rest is 0, by luck\n");
	free_page((unsigned long)page);
	return 0;
}
