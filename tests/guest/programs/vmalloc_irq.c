/* What must not be called in an interrupt. */
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

static const char *what;
static void *area;

static void in_irq_context(void *data)
{
	if (!strcmp(what, "vfree"))
		vfree(area);
	else if (!strcmp(what, "vunmap"))
		vunmap(area);
	else
		get_vm_area(PAGE_SIZE, VM_MAP);
}

int main(int argc, char **argv)
{
	what = argv[1];
	area = vmalloc(100);
	run_in_irq(in_irq_context, NULL);
	printk("survived\n");
	return 0;
}
