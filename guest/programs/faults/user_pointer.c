/* Follows a user's pointer without copy_from_user(): no user memory is mapped in this task. argv: the pointer. */
#include "faults.h"

static noinline int length(const char *text)
{
	int n = 0;

	while (((const volatile char *)text)[n])
		n++;
	return n;
}

int main(int argc, char **argv)
{
	const char *name = (void *)number(argc, argv, 1, 0x08049f10);

	printk("read of 1 byte at %p\n", name);
	return length(name);
}
