/* A struct is copied with the bytes between its members, which nobody has ever written and nobody looks at. */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

struct row {
	char kind;
	int value;
	char last;
};

static noinline void set_row(volatile struct row *row)
{
	row->kind = 'k';
	row->value = 100;
	row->last = 'l';
}

int main(void)
{
	struct row *row = kmalloc(sizeof(*row), GFP_KERNEL), *copy = kmalloc(sizeof(*copy), GFP_KERNEL), local;
	int good;

	if (!row || !copy)
		return -ENOMEM;
	set_row(row);
	*copy = *row;
	memcpy(&local, copy, sizeof(local));
	good = local.kind == 'k' && local.value == 100 && local.last == 'l';
	kfree(row);
	kfree(copy);
	return good ? 0 : 1;
}
