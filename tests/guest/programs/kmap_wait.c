/* All kmap slots are in use: who needs one waits until another thread gives one back. */
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/highmem.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/sched.h>

static struct page *pages[LAST_PKMAP + 1];

static int give_back(void *slot)
{
	msleep(100);
	printk("slot %ld is given back\n", (long)slot);
	kunmap(pages[(long)slot]);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned long start, first;
	struct task_struct *task;
	void *address;
	int i;

	for (i = 0; i <= LAST_PKMAP; i++)
		pages[i] = alloc_page(GFP_HIGHUSER);
	for (i = 0; i < LAST_PKMAP; i++)
		if (!kmap(pages[i]))
			return 1;
	first = (unsigned long)page_address(pages[7]);
	start = jiffies;
	if (argc == 1) {
		task = kthread_run(give_back, (void *)7L, "giver");
		if (IS_ERR(task))
			return 1;
	}
	address = kmap(pages[LAST_PKMAP]);
	printk("got %s after %u ms\n", (unsigned long)address == first ? "the same slot" : "another slot",
	       jiffies_to_msecs(jiffies - start));
	for (i = 0; i <= LAST_PKMAP; i++) {
		if (i != 7)
			kunmap(pages[i]);
		__free_page(pages[i]);
	}
	return 0;
}
