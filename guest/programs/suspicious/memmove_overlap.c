/* A text is moved within its object, onto itself in part: memmove may do that, to both sides. */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

int main(void)
{
	char *text = kmalloc(33, GFP_KERNEL);
	int wrong;

	if (!text)
		return -ENOMEM;
	memset(text, '-', 33);
	memcpy(text, "0123456789abcdef0123456789abcdef", 33);
	memmove(text + 7, text, 25);
	memmove(text, text + 7, 26);
	wrong = memcmp(text, "0123456789abcdef012345678", 25);
	kfree(text);
	return wrong ? 1 : 0;
}
