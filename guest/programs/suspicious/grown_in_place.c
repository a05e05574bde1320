/* krealloc leaves an object where it is that has room enough: from then on the bytes behind may be used. */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>

int main(void)
{
	volatile char *text = kmalloc(100, GFP_KERNEL), *longer;
	int same;

	if (!text)
		return -ENOMEM;
	text[99] = 'a';
	longer = krealloc((void *)text, 120, GFP_KERNEL);
	if (!longer) {
		kfree((void *)text);
		return -ENOMEM;
	}
	longer[119] = 'b';
	same = longer[99] == 'a' && longer[119] == 'b';
	kfree((void *)longer);
	return same ? 0 : 1;
}
