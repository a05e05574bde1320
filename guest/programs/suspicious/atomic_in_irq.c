/*
 * An interrupt handler that allocates and maps, with what may be used there: GFP_ATOMIC and kmap_atomic.
 * highmem: --ram 1G
 */
#include <linux/errno.h>
#include <linux/highmem.h>
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

static DEFINE_SPINLOCK(lock);
static int *received;

static void interrupt(void *page)
{
	volatile int *window;
	unsigned long flags;

	spin_lock_irqsave(&lock, flags);
	received = kmalloc(sizeof(*received), GFP_ATOMIC);
	if (received) {
		window = kmap_atomic(page, KM_IRQ0);
		*received = window[0];
		kunmap_atomic((void *)window, KM_IRQ0);
	}
	spin_unlock_irqrestore(&lock, flags);
}

int main(void)
{
	struct page *page = alloc_page(GFP_HIGHUSER | __GFP_ZERO);
	int wrong;

	if (!page)
		return -ENOMEM;
	run_in_irq(interrupt, page);
	wrong = !received || *received;
	kfree(received);
	__free_page(page);
	return wrong;
}
