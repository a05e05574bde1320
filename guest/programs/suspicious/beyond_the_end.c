/* Pointers to behind the end of an array, and in front of it: they are compared, and what is there is not touched. */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>

enum { COUNT = 16 };

int main(void)
{
	int *numbers = kmalloc(COUNT * sizeof(*numbers), GFP_KERNEL);
	int *end = numbers + COUNT, *p, sum = 0;

	if (!numbers)
		return -ENOMEM;
	for (p = numbers; p < end; p++)
		*p = p - numbers;
	for (p = end - 1; p != numbers - 1; p--)
		sum += *p;
	kfree(numbers);
	return sum == COUNT * (COUNT - 1) / 2 ? 0 : 1;
}
