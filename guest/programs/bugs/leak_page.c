/*
 * A page for a short while, that nobody gives back.
 * expect: leak_page.c:12: leaks: 4096 bytes of pages at ... cannot be reached any more; allocated by
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/string.h>

static int print_number(int number)
{
	char *buffer = (char *)get_zeroed_page(GFP_KERNEL);

	if (!buffer)
		return -ENOMEM;
	snprintf(buffer, PAGE_SIZE, "number %d", number);
	printk("%s\n", buffer);
	return 0;
}

int main(void)
{
	return print_number(5);
}
