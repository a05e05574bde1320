/*
 * highmem: --ram 32M --expect "Kernel panic - not syncing: out of tea, 3 cups short"
 *
 * The end of the machine.
 */
#include <linux/kernel.h>

int main(int argc, char **argv)
{
	panic("out of %s, %d cups short", "tea", 3);
	printk("BUG: it went on\n");
	return 0;
}
