/* Divides by zero: an exception that is no page fault. argv: what is divided. */
#include "faults.h"

int main(int argc, char **argv)
{
	volatile unsigned long zero = 0;

	printk("division of %lu by 0\n", number(argc, argv, 1, 7));
	return number(argc, argv, 1, 7) / zero;
}
