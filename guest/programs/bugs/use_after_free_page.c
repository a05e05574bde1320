/*
 * A page is given back, but its direct-map address is still in use: what is written there is lost, or is in somebody
 * else's page.
 * highmem: --check-access
 * expect: use_after_free_page.c:13: access: BUG: KASAN: use-of-freed-page in
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>

static noinline void note(volatile char *buffer)
{
	buffer[0] = 'x';
}

int main(void)
{
	char *buffer = (char *)__get_free_page(GFP_KERNEL);

	if (!buffer)
		return -ENOMEM;
	note(buffer);
	free_page((unsigned long)buffer);
	note(buffer);
	return 0;
}
