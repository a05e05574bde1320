/*
 * One byte more than was asked for. kmalloc(100) has 128 bytes, so nobody is hurt and no red zone is touched, until the
 * day when the size is 128.
 * highmem: --check-access
 * expect: overrun_slack.c:14: access: BUG: KASAN: slab-out-of-bounds in
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

static noinline void end_text(char *text, int length)
{
	text[length] = 0;
}

int main(void)
{
	char *text = kmalloc(100, GFP_KERNEL);

	if (!text)
		return -ENOMEM;
	memset(text, '-', 100);
	end_text(text, 100);
	kfree(text);
	return 0;
}
