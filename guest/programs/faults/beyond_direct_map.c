/*
 * Takes __va() of a frame above low memory, where the direct map has ended: behind the large page that its last frame
 * lies in. argv: bytes behind that.
 */
#include "faults.h"
#include <linux/mm.h>

int main(int argc, char **argv)
{
	unsigned long pa = (__pa(high_memory) + PMD_SIZE - 1) & PMD_MASK;
	volatile int *word = __va(pa + (number(argc, argv, 1, 0x1000) & ~3UL));

	printk("write of 4 bytes at %p\n", word);
	*word = 1;
	return 0;
}
