/* Reads a slot of the fixmap in which nothing is mapped. argv: offset in the page, the slot (by default FIX_VDSO). */
#include "faults.h"
#include <asm/fixmap.h>

int main(int argc, char **argv)
{
	unsigned long address = fix_to_virt(number(argc, argv, 2, FIX_VDSO)) + (number(argc, argv, 1, 0x400) & 0xffc);

	printk("read of 4 bytes at %08lx\n", address);
	return *(volatile int *)address;
}
