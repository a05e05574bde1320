/*
 * Ends in an oops: a loop that runs one entry too far writes past the end of a vmalloc area, where a page is left
 * unmapped as a guard. The call trace leads from store() back to main().
 */
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

struct table {
	unsigned long *entries;
	int count;
};

static noinline void store(struct table *table, int index, unsigned long value)
{
	table->entries[index] = value;
}

static noinline void fill(struct table *table)
{
	int i;

	for (i = 0; i <= table->count; i++)	/* should be < */
		store(table, i, i);
}

int main(int argc, char **argv)
{
	struct table *table = kmalloc(sizeof(*table), GFP_KERNEL);

	if (!table)
		return 1;
	table->count = 4096;
	table->entries = vmalloc(table->count * sizeof(*table->entries));
	if (!table->entries)
		return 1;
	printk("a table of %d entries at %p, its end at %p\n", table->count, table->entries,
	       table->entries + table->count);
	fill(table);
	printk("not reached\n");
	return 0;
}
