/* Mapping to programs: there are none here. */
#include <linux/mm.h>
#include <linux/vmalloc.h>
#include "lib.h"

LIB int remap_pfn_range(struct vm_area_struct *vma, unsigned long addr, unsigned long pfn, unsigned long size,
			pgprot_t prot)
{
	return -EINVAL;
}

LIB int vm_insert_page(struct vm_area_struct *vma, unsigned long addr, struct page *page)
{
	return -EINVAL;
}

LIB int remap_vmalloc_range(struct vm_area_struct *vma, void *addr, unsigned long pgoff)
{
	return -EINVAL;
}
