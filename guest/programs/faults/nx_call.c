/* Calls code that lies in memory for data. With PAE such pages have the NX bit. argv: an offset. */
#include "faults.h"
#include <linux/slab.h>

int main(int argc, char **argv)
{
	unsigned char *code = kmalloc(256, GFP_KERNEL);

	if (!code)
		return 1;
	code += number(argc, argv, 1, 0) & 0xff;
	*code = 0xc3;	/* ret */
	printk("fetch at %p\n", code);
	((void (*)(void))code)();
	printk("it was run: without PAE there is no NX bit\n");
	return 0;
}
