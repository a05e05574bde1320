/* Reads an address in vmalloc space where no area is. argv: how far below the end of vmalloc space. */
#include "faults.h"
#include <linux/mm.h>
#include <linux/vmalloc.h>

int main(int argc, char **argv)
{
	unsigned long address = VMALLOC_END - number(argc, argv, 1, 0x10000);

	printk("read of 2 bytes at %08lx\n", address);
	return *(volatile short *)address;
}
