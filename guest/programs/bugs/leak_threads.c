/*
 * There is one common page, which the first who needs it allocates. With this seed both CPUs find that there is none,
 * and the page of one of them is lost.
 * highmem: --cpus 2 --schedule 1
 * expect: leak_threads.c:24: leaks: 4096 bytes of pages at ... cannot be reached any more; allocated by
 */
#include <linux/completion.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/mm.h>

static volatile unsigned long common;
static volatile int started;
static DECLARE_COMPLETION(done);

static noinline void use_common(void)
{
	unsigned long mine;
	int i;

	if (common)
		return;
	mine = get_zeroed_page(GFP_KERNEL);
	for (i = 0; mine && i < 1000; i++)
		((volatile int *)mine)[i] = i;
	common = mine;		/* though there may be one by now */
}

static int other(void *unused)
{
	started = 1;
	use_common();
	complete(&done);
	return 0;
}

int main(void)
{
	if (IS_ERR(kthread_run(other, NULL, "other")))
		return -ENOMEM;
	while (!started)
		cpu_relax();
	use_common();
	wait_for_completion(&done);
	free_page(common);
	return 0;
}
