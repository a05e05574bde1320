/* Touches every address of a table, reading and writing, round after round, and counts what faults.
 * argv: address of the table in hex, number of entries, number of rounds. */
#include <linux/kernel.h>
#include <linux/string.h>

static int touch(unsigned long address, int write)
{
	int failed = 0;

	if (write)
		__asm__ __volatile__(
			"1: movl %0, (%1)\n"
			"2:\n"
			".pushsection .fixup, \"ax\"\n"
			"3: movl $1, %0\n"
			"   jmp 2b\n"
			".popsection\n"
			".pushsection __ex_table, \"a\"\n"
			".align 4\n"
			".long 1b, 3b\n"
			".popsection"
			: "+r" (failed) : "r" (address) : "memory");
	else
		__asm__ __volatile__(
			"1: testl %%esp, (%1)\n"
			"2:\n"
			".pushsection .fixup, \"ax\"\n"
			"3: movl $1, %0\n"
			"   jmp 2b\n"
			".popsection\n"
			".pushsection __ex_table, \"a\"\n"
			".align 4\n"
			".long 1b, 3b\n"
			".popsection"
			: "+r" (failed) : "r" (address) : "memory", "cc");
	return failed;
}

int main(int argc, char **argv)
{
	unsigned long *table = (unsigned long *)simple_strtoul(argv[1], NULL, 16);
	unsigned long entries = simple_strtoul(argv[2], NULL, 10), rounds = simple_strtoul(argv[3], NULL, 10);
	unsigned long round, i, faults = 0;

	for (round = 0; round < rounds; round++)
		for (i = 0; i < entries; i++)
			faults += touch(table[i], 0) + touch(table[i], 1);
	printk("faults %lu\n", faults);
	return 0;
}
