/* Calls itself until the 8 KB stack, and what lies below it, is overwritten. */
#include <linux/kernel.h>

static noinline int deeper(int n)
{
	volatile char room[256];

	if (n < 0)
		return 0;
	room[0] = n;
	room[255] = n;
	return deeper(n + 1) + room[0] + room[255];
}

int main(int argc, char **argv)
{
	return deeper(0);
}
