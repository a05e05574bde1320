/*
 * Work items on a list, each an object of a cache of its own. They are queued in the order in which they come and are
 * done, and freed, in the order of their urgency.
 */
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>

MODULE_LICENSE("GPL");
MODULE_AUTHOR("highmem");
MODULE_DESCRIPTION("a list of objects from a slab cache, freed in another order");

static int items = 200;
module_param(items, int, 0);
MODULE_PARM_DESC(items, "how many items are queued");

struct work_item {
	struct list_head list;
	int number;
	int urgency;
};

static struct kmem_cache *work_cachep;
static LIST_HEAD(work_list);

static struct work_item *most_urgent(void)
{
	struct work_item *item, *found = NULL;

	list_for_each_entry(item, &work_list, list)
		if (!found || item->urgency > found->urgency)
			found = item;
	return found;
}

static void drop(struct work_item *item)
{
	list_del(&item->list);
	kmem_cache_free(work_cachep, item);
}

static void drop_all(void)
{
	struct work_item *item, *next;

	list_for_each_entry_safe(item, next, &work_list, list)
		drop(item);
}

static int __init reorder_init(void)
{
	struct work_item *item;
	int i, done, last = 1 << 30, first[3] = { 0, 0, 0 };

	work_cachep = kmem_cache_create("work_item", sizeof(struct work_item), 0, 0, NULL, NULL);
	if (!work_cachep)
		return -ENOMEM;
	for (i = 0; i < items; i++) {
		item = kmem_cache_alloc(work_cachep, GFP_KERNEL);
		if (!item) {
			drop_all();
			kmem_cache_destroy(work_cachep);
			return -ENOMEM;
		}
		item->number = i;
		item->urgency = i * 73 % 211;
		list_add_tail(&item->list, &work_list);
	}
	printk(KERN_INFO "reorder_list: %d items are queued\n", items);
	for (done = 0; done < items / 2; done++) {
		item = most_urgent();
		if (item->urgency > last)
			printk(KERN_ERR "reorder_list: item %d is late\n", item->number);
		last = item->urgency;
		if (done < 3)
			first[done] = item->number;
		drop(item);
	}
	printk(KERN_INFO "reorder_list: items %d, %d and %d were the first of %d that are done\n", first[0], first[1],
	       first[2], done);
	return 0;
}

static void __exit reorder_exit(void)
{
	struct work_item *item;
	int left = 0;

	list_for_each_entry(item, &work_list, list)
		left++;
	drop_all();
	kmem_cache_destroy(work_cachep);
	printk(KERN_INFO "reorder_list: %d items were left\n", left);
}

module_init(reorder_init);
module_exit(reorder_exit);
