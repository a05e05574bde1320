/* Six threads share the last two slots of the kmap window: each maps a page, sleeps now and then, and gives it back. */
#include <linux/delay.h>
#include <linux/highmem.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/sched.h>

#define SHARED	50
#define THREADS	6

static struct page *pages[LAST_PKMAP - 2 + SHARED];
static atomic_t left = ATOMIC_INIT(THREADS);
static int wrong;

static int worker(void *number)
{
	u32 random = (long)number * 7919 + 1;
	int i;

	for (i = 0; i < 40; i++) {
		struct page *page = pages[LAST_PKMAP - 2 + (random = random * 1103515245 + 12345) / 256 % SHARED];
		unsigned long *p = kmap(page);

		wrong += page_address(page) != p || p[5] != page_to_pfn(page);
		if (random & 1 << 20)
			msleep(4);
		else
			yield();
		wrong += page_address(page) != p || p[5] != page_to_pfn(page);
		kunmap(page);
	}
	atomic_dec(&left);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned long *p;
	long i;

	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		pages[i] = alloc_page(GFP_HIGHUSER);
		p = kmap_atomic(pages[i], KM_USER0);
		p[5] = page_to_pfn(pages[i]);
		kunmap_atomic(p, KM_USER0);
	}
	for (i = 0; i < LAST_PKMAP - 2; i++)
		kmap(pages[i]);
	for (i = 0; i < THREADS; i++)
		kthread_run(worker, (void *)i, "worker/%ld", i);
	while (atomic_read(&left))
		msleep(20);
	for (i = 0; i < LAST_PKMAP - 2; i++)
		kunmap(pages[i]);
	for (i = 0; i < ARRAY_SIZE(pages); i++)
		__free_page(pages[i]);
	return wrong != 0;
}
