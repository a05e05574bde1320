/* Asks for blocks larger than there are. */
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

int main(int argc, char **argv)
{
	struct page *largest = alloc_pages(GFP_KERNEL, 10), *page = alloc_pages(GFP_KERNEL, 11);
	unsigned long addr = __get_free_pages(GFP_KERNEL, 31);
	void *p = kmalloc(131073, GFP_KERNEL), *q = kmalloc(0xffffffff, GFP_KERNEL), *v = vmalloc(0x40000000);
	void *zero = kmalloc(0, GFP_KERNEL), *vzero = vmalloc(0);

	printk("order 10: %s\n", largest ? "pages" : "NULL");
	printk("order 11: %p, order 31: %p\n", page, (void *)addr);
	printk("kmalloc(131073): %p, kmalloc(4 GB - 1): %p, vmalloc(1 GB): %p\n", p, q, v);
	printk("kmalloc(0): %s, vmalloc(0): %p\n", zero ? "an object" : "NULL", vzero);
	if (largest)
		__free_pages(largest, 10);
	kfree(zero);
	return largest && !page && !addr && !p && !q && !v && zero && !vzero ? 0 : 1;
}
