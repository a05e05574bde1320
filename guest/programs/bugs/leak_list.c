/*
 * A list's head is a local variable: when the function returns, nobody can find the entries any more.
 * expect: leak_list.c:22: leaks: 32 bytes of size-32 at ... cannot be reached any more; allocated by
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/slab.h>

struct entry {
	struct list_head list;
	int number;
};

static noinline int sum_of(int count)
{
	struct entry *entry;
	LIST_HEAD(entries);
	int i, sum = 0;

	for (i = 0; i < count; i++) {
		entry = kmalloc(sizeof(*entry), GFP_KERNEL);
		if (!entry)
			return -ENOMEM;
		entry->number = i;
		list_add(&entry->list, &entries);
	}
	list_for_each_entry(entry, &entries, list)
		sum += entry->number;
	return sum;
}

int main(void)
{
	printk("the sum is %d\n", sum_of(3));
	return 0;
}
