/* A module as books write them: what init allocates, exit gives back. Its result is that of init. */
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

MODULE_LICENSE("GPL");

struct record {
	struct list_head list;
	int number;
};

static struct kmem_cache *records;
static LIST_HEAD(all);
static unsigned long pages;
static void *area, *table;

static void clean(void)
{
	struct record *record, *next;

	list_for_each_entry_safe(record, next, &all, list) {
		list_del(&record->list);
		kmem_cache_free(records, record);
	}
	if (records)
		kmem_cache_destroy(records);
	free_pages(pages, 2);
	vfree(area);
	kfree(table);
}

static int __init fill(void)
{
	int i, error = -ENOMEM;

	records = kmem_cache_create("record", sizeof(struct record), 0, SLAB_HWCACHE_ALIGN, NULL);
	pages = __get_free_pages(GFP_KERNEL, 2);
	area = vmalloc(100000);
	table = kzalloc(1000, GFP_KERNEL);
	if (!records || !pages || !area || !table)
		goto undo;
	for (i = 0; i < 10; i++) {
		struct record *record = kmem_cache_alloc(records, GFP_KERNEL);

		if (!record)
			goto undo;
		record->number = i;
		list_add_tail(&record->list, &all);
	}
	memset((void *)pages, 0, 4 * PAGE_SIZE);
	memcpy(area, table, 1000);
	return 0;

undo:
	clean();
	return error;
}

module_init(fill);
module_exit(clean);
