/* Frees one object twice: 2.6.20 without debugging says nothing, and then hands it out twice. */
#include <linux/kernel.h>
#include <linux/slab.h>

int main(int argc, char **argv)
{
	char *p = kmalloc(64, GFP_KERNEL), *one, *two;

	if (!p)
		return 1;
	kfree(p);
	kfree(p);
	one = kmalloc(64, GFP_KERNEL);
	two = kmalloc(64, GFP_KERNEL);
	printk("kmalloc(64) = %p and %p: %s\n", one, two, one == two ? "the same object" : "two objects");
	return one == two ? 0 : 2;
}
