/* Frees one object twice: 2.6.20 without debugging says nothing, and then (with "again") hands it out twice. */
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

int main(int argc, char **argv)
{
	char *p = kmalloc(64, GFP_KERNEL), *one, *two;

	if (!p)
		return 1;
	printk("kmalloc(64) = %p\n", p);
	kfree(p);
	kfree(p);
	if (argc < 2 || strcmp(argv[1], "again"))
		return 0;
	one = kmalloc(64, GFP_KERNEL);
	two = kmalloc(64, GFP_KERNEL);
	printk("kmalloc(64) = %p and %p: %s\n", one, two, one == two ? "the same object" : "two objects");
	return one == two ? 0 : 2;
}
