/*
 * An entry is freed while it is still linked: who adds the next one writes into it.
 * highmem: --check-access
 * expect: freed_on_list.c:21: access: BUG: KASAN: use-after-free in
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>

struct job {
	int number;
	struct job *volatile next;
};

static struct job head, *last = &head;

static noinline void add_job(struct job *job, int number)
{
	job->number = number;
	job->next = NULL;
	last->next = job;
	last = job;
}

int main(void)
{
	struct job *first = kmalloc(sizeof(*first), GFP_KERNEL), *second = kmalloc(sizeof(*second), GFP_KERNEL);

	if (!first || !second)
		return -ENOMEM;
	add_job(first, 1);
	head.next = NULL;
	kfree(first);		/* and `last` still leads to it */
	add_job(second, 2);
	kfree(second);
	return 0;
}
