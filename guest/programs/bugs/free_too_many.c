/*
 * One page is freed as if it were two. The other one is somebody else's, who goes on using it.
 * highmem: --check-access
 * expect: free_too_many.c:29: log: Bad page state in process 'free_too_many'
 * expect: free_too_many.c:30: access: BUG: KASAN: use-of-freed-page in
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>

int main(void)
{
	unsigned long pages[4], mine = 0;
	volatile int *theirs;
	int i, n;

	for (i = 0; i < 4; i++)
		pages[i] = __get_free_page(GFP_KERNEL);
	for (i = 0; i < 4; i++)
		for (n = 0; n < 4; n++)
			if (pages[n] == pages[i] + PAGE_SIZE && pages[i] % (2 * PAGE_SIZE) == 0)
				mine = pages[i];
	if (!mine)
		return -EAGAIN;
	theirs = (int *)(mine + PAGE_SIZE);
	for (i = 0; i < 4; i++)
		if (pages[i] != mine && pages[i] != (unsigned long)theirs)
			free_page(pages[i]);
	free_pages(mine, 1);
	theirs[0] = 5;
	return 0;
}
