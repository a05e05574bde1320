/* Allocations where nobody may sleep. The first complaint of every second is printed. */
#include "reclaim.h"
#include <linux/highmem.h>
#include <linux/vmalloc.h>

static DEFINE_SPINLOCK(lock);
static gfp_t flags;

static void allocate(void *where)
{
	void *p = kmalloc(100, flags);
	struct page *page = alloc_page(flags);

	printk("%s: %s\n", (char *)where, p && page ? "got both" : "NULL");
	kfree(p);
	__free_page(page);
}

static void every_context(gfp_t gfp_mask, const char *name)
{
	unsigned long irqs;

	flags = gfp_mask;
	printk("-- %s\n", name);
	allocate("task");
	ssleep(2);
	spin_lock(&lock);
	allocate("spinlock");
	spin_unlock(&lock);
	ssleep(2);
	preempt_disable();
	allocate("preempt_disable");
	preempt_enable();
	ssleep(2);
	local_irq_save(irqs);
	allocate("local_irq_save");
	local_irq_restore(irqs);
	ssleep(2);
	local_bh_disable();
	allocate("local_bh_disable");
	local_bh_enable();
	ssleep(2);
	run_in_softirq(allocate, "softirq");
	ssleep(2);
	run_in_irq(allocate, "interrupt");
	ssleep(2);
}

int main(void)
{
	struct page *page;

	every_context(GFP_KERNEL, "GFP_KERNEL");
	every_context(GFP_ATOMIC, "GFP_ATOMIC");
	page = alloc_page(GFP_HIGHUSER);
	preempt_disable();
	printk("-- kmap\n");
	kmap(page);
	kunmap(page);
	preempt_enable();
	ssleep(2);
	preempt_disable();
	printk("-- vmalloc\n");
	vfree(vmalloc(10));
	preempt_enable();
	__free_page(page);
	return 0;
}
