/* Calls through a pointer that was never set to a function. argv: the pointer. */
#include "faults.h"

static noinline int call(int (*handler)(void))
{
	return handler() + 1;
}

int main(int argc, char **argv)
{
	unsigned long handler = number(argc, argv, 1, 0x5a5a5a5a);

	printk("fetch at %08lx\n", handler);
	return call((int (*)(void))handler);
}
