/*
 * The end of a list is known by container_of of its head, which is no entry: an address in front of the head, that is
 * compared and never used.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/slab.h>

struct entry {
	int numbers[20];
	struct list_head list;
};

int main(void)
{
	struct list_head *head = kmalloc(sizeof(*head), GFP_KERNEL);
	struct entry *entry, *next;
	int i, sum = 0;

	if (!head)
		return -ENOMEM;
	INIT_LIST_HEAD(head);
	for (i = 0; i < 3; i++) {
		entry = kmalloc(sizeof(*entry), GFP_KERNEL);
		if (!entry)
			return -ENOMEM;
		entry->numbers[0] = i;
		list_add(&entry->list, head);
	}
	list_for_each_entry(entry, head, list)
		sum += entry->numbers[0];
	list_for_each_entry_safe(entry, next, head, list)
		kfree(entry);
	kfree(head);
	return sum == 3 ? 0 : 1;
}
