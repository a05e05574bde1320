/* Entries that are on no list are known by the poison in their links, which is compared and never followed. */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/slab.h>

struct job {
	struct list_head list;
	int number;
};

static LIST_HEAD(jobs);

static int is_queued(const struct job *job)
{
	return job->list.next != LIST_POISON1 || job->list.prev != LIST_POISON2;
}

int main(void)
{
	struct job *job = kmalloc(sizeof(*job), GFP_KERNEL);

	if (!job)
		return -ENOMEM;
	list_add(&job->list, &jobs);
	list_del(&job->list);
	if (is_queued(job))
		list_del(&job->list);
	kfree(job);
	return 0;
}
