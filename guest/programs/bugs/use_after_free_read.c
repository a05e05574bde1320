/*
 * A list is walked while its entries are freed: the pointer to the next one is read out of freed memory.
 * highmem: --check-access
 * expect: use_after_free_read.c:22: access: BUG: KASAN: use-after-free in
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/slab.h>

struct entry {
	struct list_head list;
	int number;
};

static LIST_HEAD(entries);

static void free_entries(void)
{
	struct entry *entry;

	list_for_each_entry(entry, &entries, list) {	/* not _safe */
		printk("entry %d\n", entry->number);
		kfree(entry);
	}
}

int main(void)
{
	int i;

	for (i = 0; i < 3; i++) {
		struct entry *entry = kmalloc(sizeof(*entry), GFP_KERNEL);

		if (!entry)
			return -ENOMEM;
		entry->number = i;
		list_add_tail(&entry->list, &entries);
	}
	free_entries();
	printk("all entries are freed\n");
	return 0;
}
