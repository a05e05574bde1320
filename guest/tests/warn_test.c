/*
 * highmem: --ram 32M --expect "BUG: at " --expect "sleeping function called from invalid context"
 *
 * What the kernel complains of without dying.
 */
#include <linux/hardirq.h>
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/slab.h>

int main(int argc, char **argv)
{
	void *p;

	if (WARN_ON(argc > 1) || !WARN_ON(argc == 1))	/* the first is silent */
		return 1;
	preempt_disable();
	p = kmalloc(100, GFP_KERNEL);	/* it may sleep: a complaint, and the memory all the same */
	preempt_enable();
	kfree(p);
	return !p;
}
