/* ksize() says how much there is, and all of that may be used, however little was asked for. */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>

int main(void)
{
	volatile char *text = kmalloc(100, GFP_KERNEL);
	size_t room;

	if (!text)
		return -ENOMEM;
	room = ksize((void *)text);
	text[room - 1] = 'x';
	printk("%c in the last of the bytes\n", text[room - 1]);
	kfree((void *)text);
	return 0;
}
