/*
 * The page behind a window of kmap_atomic is freed while the window is in use.
 * highmem: --ram 1G --check-access
 * expect: use_after_free_window.c:16: access: BUG: KASAN: use-of-freed-page in
 */
#include <linux/errno.h>
#include <linux/highmem.h>
#include <linux/kernel.h>
#include <linux/mm.h>

static noinline void clear(volatile int *window)
{
	int i;

	for (i = 0; i < 10; i++)
		window[i] = 0;
}

int main(void)
{
	struct page *page = alloc_page(GFP_HIGHUSER);
	int *window;

	if (!page)
		return -ENOMEM;
	window = kmap_atomic(page, KM_USER0);
	__free_page(page);
	clear(window);
	kunmap_atomic(window, KM_USER0);
	return 0;
}
