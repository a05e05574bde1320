/* Exits with the number in its argument, or with that of its arguments. */
#include <linux/kernel.h>

int main(int argc, char **argv)
{
	int i;

	for (i = 0; i < argc; i++)
		printk("argv[%d] = %s\n", i, argv[i]);
	if (argv[argc])
		return 255;
	return argc == 2 ? simple_strtol(argv[1], NULL, 0) : argc;
}
