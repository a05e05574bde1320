/* Calls a `ret` that lies in data: in a vmalloc area, on the heap, or in executable memory. argv: vmalloc, kmalloc, exec */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

int main(int argc, char **argv)
{
	unsigned char *code = NULL;

	if (argc < 2)
		return -EINVAL;
	if (!strcmp(argv[1], "vmalloc"))
		code = vmalloc(1);
	if (!strcmp(argv[1], "kmalloc"))
		code = kmalloc(1, GFP_KERNEL);
	if (!strcmp(argv[1], "exec"))
		code = vmalloc_exec(1);
	if (!code)
		return -ENOMEM;
	*code = 0xc3;
	((void (*)(void))code)();
	printk("came back\n");
	return 0;
}
