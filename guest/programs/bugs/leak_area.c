/*
 * A table of vmalloc's is built anew when it grows, and the old one is forgotten.
 * expect: leak_area.c:17: leaks: 4096 bytes of vmalloc at ... cannot be reached any more
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

static int *table;
static int size;

static noinline int grow(int new_size)
{
	int *old = table;

	table = vmalloc(new_size * sizeof(*table));
	if (!table) {
		table = old;
		return -ENOMEM;
	}
	memset(table, 0, new_size * sizeof(*table));
	if (old)
		memcpy(table, old, size * sizeof(*table));	/* and no vfree(old) */
	size = new_size;
	return 0;
}

int main(void)
{
	int error = grow(1000) ?: grow(3000);

	vfree(table);
	return error ? 1 : 0;
}
