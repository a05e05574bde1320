/*
 * A local array of eight bytes gets a longer text, which goes on over the return address: the function returns to where
 * the text says. No line is to blame for what is there.
 * expect: log: BUG: unable to handle kernel paging request at virtual address 61616161
 */
#include <linux/kernel.h>
#include <linux/string.h>

static noinline int copy(const char *text)
{
	volatile char place[8];
	int i;

	for (i = 0; text[i]; i++)
		place[i] = text[i];
	return i;
}

static noinline int count(const char *text)
{
	char room[200];
	int length;

	length = copy(text);
	__asm__ volatile ("" : : "r" (room) : "memory");	/* so that it is there */
	return length;
}

int main(void)
{
	printk("%d characters\n", count("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
	return 0;
}
