/*
 * Two CPUs add to a list without a lock. With this seed they meet in the middle of it, and some entries are lost.
 * highmem: --cpus 2 --schedule 1
 * expect: list_race.c:32: leaks: 32 bytes of size-32 at ... cannot be reached any more; allocated by
 */
#include <linux/completion.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/slab.h>

struct entry {
	struct entry *next;
	int sum;
};

static struct entry *entries;
static DECLARE_COMPLETION(done);

static noinline void push(struct entry *entry, int length)
{
	entry->next = entries;
	entry->sum = 0;
	while (length--)
		*(volatile int *)&entry->sum += length;
	entries = entry;	/* and not what the other one has put there meanwhile */
}

static noinline void add_entries(int count)
{
	while (count--) {
		struct entry *entry = kmalloc(sizeof(*entry), GFP_KERNEL);

		if (!entry)
			return;
		push(entry, 100);
	}
}

static int other(void *unused)
{
	add_entries(10);
	complete(&done);
	return 0;
}

int main(void)
{
	struct entry *entry;

	if (IS_ERR(kthread_run(other, NULL, "other")))
		return -ENOMEM;
	add_entries(10);
	wait_for_completion(&done);
	while ((entry = entries)) {
		entries = entry->next;
		kfree(entry);
	}
	return 0;
}
