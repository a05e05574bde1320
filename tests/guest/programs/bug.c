/* A warning, then a BUG(): its file and line stand in the oops. */
#include <linux/kernel.h>

static noinline void broken(int n)
{
	WARN_ON(n == 3);
	BUG_ON(n == 3);		/* line 7 */
}

int main(int argc, char **argv)
{
	broken(3);
	printk("not reached\n");
	return 0;
}
