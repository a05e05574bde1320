/* Bits of a word that nobody has written are set one by one: each time the word is read, changed, written. */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>

struct flags {
	unsigned int ready : 1, busy : 1, users : 6, kind : 8, rest : 16;
};

static noinline void set_flags(volatile struct flags *flags, int kind)
{
	flags->ready = 1;
	flags->busy = 0;
	flags->users = 3;
	flags->kind = kind;
}

int main(void)
{
	volatile struct flags *flags = kmalloc(sizeof(*flags), GFP_KERNEL);
	int good;

	if (!flags)
		return -ENOMEM;
	set_flags(flags, 17);
	good = flags->ready && !flags->busy && flags->users == 3 && flags->kind == 17;
	kfree((void *)flags);
	return good ? 0 : 1;
}
