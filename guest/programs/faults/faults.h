/* What the programs of this directory share: numbers from their command lines. */
#include <linux/kernel.h>

static inline unsigned long number(int argc, char **argv, int n, unsigned long otherwise)
{
	return n < argc ? simple_strtoul(argv[n], NULL, 0) : otherwise;
}
