/*
 * A member that only one of two paths sets decides what is done.
 * highmem: --check-uninit
 * expect: uninit_branch.c:29: uninit: BUG: KMSAN: uninit-value in
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>

struct job {
	int number;
	int urgent;
};

static noinline struct job *new_job(int number)
{
	struct job *job = kmalloc(sizeof(*job), GFP_KERNEL);

	if (job) {
		job->number = number;
		if (number > 100)
			job->urgent = 1;
	}
	return job;
}

static noinline void run(volatile struct job *job)
{
	if (job->urgent)
		printk("at once: ");
	printk("job %d\n", job->number);
}

int main(void)
{
	struct job *job = new_job(5);

	if (!job)
		return -ENOMEM;
	run(job);
	kfree(job);
	return 0;
}
