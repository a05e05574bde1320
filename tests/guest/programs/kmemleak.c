/* Keeps some memory, drops some and loops: what it has it has in a register, on its stack, on lists and in its data. */
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

struct node {
	char text[60];
	struct list_head list;
};

static LIST_HEAD(nodes);
static LIST_HEAD(pages);
static void *area;
static void **table;

int main(int argc, char **argv)
{
	void *volatile on_stack = kmalloc(5000, GFP_KERNEL);
	void *in_register = kmalloc(3000, GFP_KERNEL);
	int i;

	for (i = 0; i < 100; i++) {
		struct node *node = kmalloc(sizeof *node, GFP_KERNEL);
		struct page *page = alloc_pages(GFP_HIGHUSER, i % 3);

		list_add(&node->list, &nodes);
		list_add_tail(&page->lru, &pages);
	}
	area = vmalloc(30000);
	table = kmalloc(16 * sizeof *table, GFP_KERNEL);
	for (i = 0; i < 16; i++)
		table[i] = kmalloc(2000, GFP_KERNEL);
	while (argc-- > 1) {
		printk("%p\n", kmalloc(777, GFP_KERNEL));
		printk("%p\n", vmalloc(5000));
	}
	for (;;)
		asm volatile("" : "+r"(in_register) : "r"(on_stack));
}
