/* Bytes that nobody has written are copied, given to a function, stored elsewhere; nothing is ever decided by them. */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

struct record {
	int words[24];
};

static struct record last;

static noinline int keep(int number, int is_known, volatile int *place)
{
	*place = number;
	return is_known ? number : 5;
}

int main(void)
{
	struct record *record = kmalloc(sizeof(*record), GFP_KERNEL), *copy = kmalloc(sizeof(*copy), GFP_KERNEL);
	int kept;

	if (!record || !copy)
		return -ENOMEM;
	*(volatile int *)&record->words[3] = 3;
	*copy = *record;
	memmove(&copy->words[10], &copy->words[2], 5 * sizeof(int));
	last = *copy;
	kept = keep(*(volatile int *)&record->words[5], 0, &record->words[6]);
	kept += keep(*(volatile int *)&last.words[11], 1, &record->words[7]);
	memset(&last, 0, sizeof(last));
	kfree(copy);
	kfree(record);
	return kept == 8 ? 0 : 1;
}
