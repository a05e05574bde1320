/* Calls of the kernel, again and again: argv[1] says which, argv[2] how often. */
#include <linux/highmem.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

int main(int argc, char **argv)
{
	unsigned long n = simple_strtoul(argv[2], NULL, 10);
	struct page *page;

	switch (argv[1][0]) {
	case 'n':
		while (n--)
			ksize(NULL);
		break;
	case 'k':
		while (n--)
			kfree(kmalloc(64, GFP_KERNEL));
		break;
	case 'p':
		while (n--)
			__free_page(alloc_page(GFP_KERNEL));
		break;
	case 'o':
		while (n--)
			__free_pages(alloc_pages(GFP_KERNEL, 3), 3);
		break;
	case 'm':
		while (n--) {
			page = alloc_page(GFP_HIGHUSER);
			kmap(page);
			kunmap(page);
			__free_page(page);
		}
		break;
	case 'v':
		while (n--)
			vfree(vmalloc(16 * PAGE_SIZE));
		break;
	}
	return 0;
}
