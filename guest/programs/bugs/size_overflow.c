/*
 * The number of rows comes from outside, and its product with the size of a row from 32 bits: 0x10000001 rows of 16
 * bytes are 16 bytes.
 * highmem: --check-access
 * expect: size_overflow.c:29: access: BUG: KASAN: slab-out-of-bounds in
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>

struct row {
	int value;
	int rest[3];
};

static noinline volatile struct row *new_rows(unsigned int count)
{
	return kmalloc(count * sizeof(struct row), GFP_KERNEL);	/* and not kcalloc() */
}

int main(void)
{
	volatile struct row *rows = new_rows(0x10000001);
	int i;

	if (!rows)
		return -ENOMEM;
	for (i = 0; i < 2; i++)
		rows[i].value = i;
	kfree((void *)rows);
	return 0;
}
