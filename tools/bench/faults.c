/* Faults again and again, and is caught each time. argv: how often, and where (0: in a guard page). */
#include <linux/kernel.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

int main(int argc, char **argv)
{
	unsigned long count = simple_strtoul(argv[1], NULL, 0), address = simple_strtoul(argv[2], NULL, 0);
	char *area = vmalloc(PAGE_SIZE);
	unsigned long i, word, caught = 0;

	if (!address)
		address = (unsigned long)area + PAGE_SIZE;
	for (i = 0; i < count; i++)
		caught += __get_user(word, (unsigned long *)address) != 0;
	vfree(area);
	return caught != count;
}
