/*
 * An entry is taken off its list twice: the second time its links are the poison of the first.
 * expect: list.h:*: log: BUG: unable to handle kernel paging request at virtual address 00200200
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/slab.h>

struct job {
	struct list_head list;
	int number;
};

static LIST_HEAD(jobs);

static noinline void finish(struct job *job)
{
	list_del(&job->list);	/* the second time */
}

int main(void)
{
	struct job *job = kzalloc(sizeof(*job), GFP_KERNEL);

	if (!job)
		return -ENOMEM;
	list_add(&job->list, &jobs);
	list_del(&job->list);
	finish(job);
	kfree(job);
	return 0;
}
