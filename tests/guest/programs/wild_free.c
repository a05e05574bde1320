/* kfree of what kmalloc never gave: null, stack, vmalloc, static, page, user, high, or an address in hex. */
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

static char somewhere[64];

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "null";
	char local[32];
	void *p;

	if (!strcmp(what, "null"))
		p = NULL;
	else if (!strcmp(what, "stack"))
		p = local;
	else if (!strcmp(what, "vmalloc"))
		p = vmalloc(PAGE_SIZE);
	else if (!strcmp(what, "static"))
		p = somewhere;
	else if (!strcmp(what, "page"))
		p = (void *)__get_free_page(GFP_KERNEL);
	else if (!strcmp(what, "user"))
		p = (void *)0x08048000;
	else if (!strcmp(what, "high"))
		p = (void *)0xfffffff0;
	else
		p = (void *)simple_strtoul(what, NULL, 16);
	printk("kfree(%p)\n", p);
	kfree(p);
	printk("survived\n");
	return 0;
}
