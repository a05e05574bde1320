/* What the kernel writes for a program is written: by snprintf, by vwrite, by one of the allocators that clear. */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

static noinline int is_zero(const volatile char *bytes, int size)
{
	int i;

	for (i = 0; i < size; i++)
		if (bytes[i])
			return 0;
	return 1;
}

int main(void)
{
	char *text = kmalloc(50, GFP_KERNEL), *area = vmalloc(5000), *zeros;
	int good;

	if (!text || !area)
		return -ENOMEM;
	snprintf(text, 50, "%d and %s", 7, "eight");
	good = !strcmp(text, "7 and eight");
	good &= vwrite(text, area + 100, 12) == 12 && area[100] == '7';
	kfree(text);
	vfree(area);
	zeros = kzalloc(77, GFP_KERNEL);
	good &= zeros && is_zero(zeros, 77);
	kfree(zeros);
	zeros = (char *)get_zeroed_page(GFP_KERNEL);
	good &= zeros && is_zero(zeros, PAGE_SIZE);
	free_page((unsigned long)zeros);
	zeros = vmalloc_user(5000);
	good &= zeros && is_zero(zeros, 5000);
	vfree(zeros);
	return good ? 0 : 1;
}
