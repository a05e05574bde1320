/*
 * The page is freed by the one who used it last and again on the way out; in between somebody else has got it, and
 * loses it.
 * highmem: --check-access
 * expect: free_page_twice.c:23: access: BUG: KASAN: use-of-freed-page in
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>

int main(void)
{
	unsigned long mine = __get_free_page(GFP_KERNEL);
	volatile int *theirs;

	if (!mine)
		return -ENOMEM;
	free_page(mine);
	theirs = (int *)__get_free_page(GFP_KERNEL);	/* the page that was freed last */
	if (!theirs)
		return -ENOMEM;
	free_page(mine);
	theirs[0] = 1;
	return 0;
}
