/* Calls through a null pointer. */
#include <linux/kernel.h>

static void (*volatile handler)(void);

int main(int argc, char **argv)
{
	printk("calling %p\n", handler);
	handler();
	return 0;
}
