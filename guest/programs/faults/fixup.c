/* Reads a bad address with get_user(): the exception table says where to go on. argv: the address. */
#include "faults.h"
#include <linux/uaccess.h>

int main(int argc, char **argv)
{
	unsigned long address = number(argc, argv, 1, 0xbffff000), word;
	int error;

	printk("read of 4 bytes at %08lx\n", address);
	error = __get_user(word, (unsigned long *)address);
	printk("get_user() gives %d\n", error);
	return error != -EFAULT;
}
