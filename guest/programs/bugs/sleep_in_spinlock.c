/*
 * An allocation that may sleep, under a spinlock: GFP_KERNEL where GFP_ATOMIC was meant.
 * expect: sleep_in_spinlock.c:17: log: BUG: sleeping function called from invalid context at ...
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

static DEFINE_SPINLOCK(lock);

static noinline int *new_number(int value)
{
	int *number;

	spin_lock(&lock);
	number = kmalloc(sizeof(*number), GFP_KERNEL);	/* may sleep */
	if (number)
		*number = value;
	spin_unlock(&lock);
	return number;
}

int main(void)
{
	int *number = new_number(5);

	kfree(number);
	return 0;
}
