/* A block is allocated in one piece and freed page by page, each with a count of its own: the first has to go last. */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>

int main(void)
{
	struct page *block = alloc_pages(GFP_KERNEL, 2);
	volatile int *words;
	int i;

	if (!block)
		return -ENOMEM;
	for (i = 1; i < 4; i++)
		init_page_count(block + i);
	for (i = 3; i >= 0; i--) {
		words = page_address(block);
		words[i * 1024] = i;
		__free_page(block + i);
	}
	return 0;
}
