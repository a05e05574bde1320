/*
 * Variables on the stack that are set in pieces, by others, by the kernel, or never and never looked at.
 * highmem: --ram 64M
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timer.h>
#include <linux/vmalloc.h>

struct padded {
	char letter;
	int number;
	char tail[3];
};

static noinline void fill(int *to, int count)
{
	while (count--)
		to[count] = count;
}

static noinline struct padded make(char letter)
{
	struct padded made;

	made.letter = letter;
	made.number = letter + 1;
	made.tail[1] = letter;
	return made;	/* with its padding and two letters that nobody set */
}

static noinline int partly(void)
{
	int numbers[16];

	fill(numbers, 8);
	return numbers[0] + numbers[7] == 7;
}

static noinline int copied(void)
{
	struct padded one = make('a'), two, *heap = kmalloc(sizeof(*heap), GFP_KERNEL);
	int good;

	if (!heap)
		return 0;
	two = one;
	memcpy(heap, &two, sizeof(two));
	good = heap->letter == 'a' && heap->number == 'b' && heap->tail[1] == 'a';
	kfree(heap);
	return good;
}

static void expired(unsigned long data)
{
	complete((struct completion *)data);
}

static noinline int timed(void)
{
	DECLARE_COMPLETION_ONSTACK(done);
	struct timer_list timer;

	setup_timer(&timer, expired, (unsigned long)&done);
	mod_timer(&timer, jiffies + 2);
	wait_for_completion(&done);
	return !timer_pending(&timer) && !del_timer(&timer);
}

static int thread(void *data)
{
	complete(data);
	return 0;
}

static noinline int threaded(void)
{
	struct completion done;

	init_completion(&done);
	if (IS_ERR(kthread_run(thread, &done, "locals")))
		return 0;
	wait_for_completion(&done);
	msleep(1);
	return 1;
}

static noinline int by_calls(void)
{
	struct page *pages[4];
	char text[40];
	dma_addr_t handle;
	void *area, *coherent;
	int good;

	good = snprintf(text, sizeof(text), "%s %d", "number", 5) == 8 && text[7] == '5' && !text[8];
	coherent = dma_alloc_coherent(NULL, 100, &handle, GFP_KERNEL);
	good &= coherent && handle == virt_to_phys(coherent);
	dma_free_coherent(NULL, 100, coherent, handle);
	pages[0] = alloc_page(GFP_KERNEL);
	pages[1] = alloc_page(GFP_KERNEL);
	if (!pages[0] || !pages[1])
		return 0;
	area = vmap(pages, 2, VM_MAP, PAGE_KERNEL);
	good &= area && vread(text, area, 0) == 0;
	vunmap(area);
	__free_page(pages[0]);
	__free_page(pages[1]);
	return good;
}

int main(void)
{
	if (!partly() || !copied() || !timed() || !threaded() || !by_calls())
		return 1;
	return 0;
}
