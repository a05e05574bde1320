/* Of a word only two bytes are written; it is read as a whole, and what is not known is masked out before it counts. */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>

static noinline int low_half(const volatile unsigned int *word)
{
	return *word & 0xffff;
}

int main(void)
{
	unsigned int *word = kmalloc(sizeof(*word), GFP_KERNEL);
	volatile unsigned char *bytes = (unsigned char *)word;
	int low;

	if (!word)
		return -ENOMEM;
	bytes[0] = 0x34;
	bytes[1] = 0x12;
	low = low_half(word);
	kfree(word);
	return low == 0x1234 ? 0 : 1;
}
