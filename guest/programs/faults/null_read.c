/* Reads through a null pointer. argv: an offset below 4096. */
#include "faults.h"

struct config {
	int verbose;
};

int main(int argc, char **argv)
{
	struct config *config = (void *)number(argc, argv, 1, 0);	/* "no configuration" */

	printk("read of 4 bytes at %p\n", config);
	return ((volatile struct config *)config)->verbose;
}
