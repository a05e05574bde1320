/* Areas at a place that the caller chooses: what mm/vmalloc.c of later kernels adds. */
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>
#include "lib.h"

/* Areas that only keep their addresses from being given out. */
struct filler {
	struct list_head list;
	struct vm_struct *area;
};

static void drop(struct vm_struct *area)
{
	kfree(remove_vm_area(area->addr));
}

static bool keep(struct list_head *fillers, struct vm_struct *area)
{
	struct filler *filler = kmalloc(sizeof(*filler), GFP_KERNEL);

	if (!filler) {
		drop(area);
		return false;
	}
	filler->area = area;
	list_add(&filler->list, fillers);
	return true;
}

/* An area that begins at a multiple of `align`: what is in front of that, others get first. */
static struct vm_struct *place(unsigned long size, unsigned long align, unsigned long start, unsigned long end)
{
	struct vm_struct *area, *before, *found = NULL;
	struct filler *filler, *next;
	LIST_HEAD(fillers);

	while (!found && (area = get_vm_area(size, VM_ALLOC))) {
		unsigned long addr = (unsigned long)area->addr;
		unsigned long wanted = ALIGN(max(addr, start), align), gap;

		if (wanted - addr == PAGE_SIZE)		/* no room for a page and its guard */
			wanted += align;
		gap = wanted - addr;
		if (wanted < addr || wanted + size < wanted || wanted + size > end) {
			drop(area);
			break;
		}
		if (!gap) {
			found = area;
		} else {
			drop(area);
			before = get_vm_area(gap - PAGE_SIZE, VM_ALLOC);
			if (!before || !keep(&fillers, before))
				break;
			if ((unsigned long)before->addr == addr)
				continue;
			area = get_vm_area(size, VM_ALLOC);	/* the hole is too small for the gap */
			if (!area || !keep(&fillers, area))
				break;
		}
	}
	list_for_each_entry_safe(filler, next, &fillers, list) {
		drop(filler->area);
		kfree(filler);
	}
	return found;
}

/* Pages for an area, noted where vfree() finds them. */
static bool fill(struct vm_struct *area, gfp_t gfp_mask, pgprot_t prot)
{
	unsigned int count = (area->size - PAGE_SIZE) >> PAGE_SHIFT;
	struct page **pages = kvzalloc(count * sizeof(*pages), gfp_mask & ~(__GFP_HIGHMEM | __GFP_ZERO));

	if (!pages)
		return false;
	if (is_vmalloc_addr(pages))
		area->flags |= VM_VPAGES;
	area->pages = pages;
	for (; area->nr_pages < count; area->nr_pages++) {
		pages[area->nr_pages] = alloc_page(gfp_mask);
		if (!pages[area->nr_pages])
			return false;
	}
	return !map_vm_area(area, prot, &pages);
}

LIB void *__vmalloc_range(unsigned long size, unsigned long align, unsigned long start, unsigned long end,
			  gfp_t gfp_mask, pgprot_t prot)
{
	struct vm_struct *area;

	if (align <= PAGE_SIZE && start <= VMALLOC_START && end >= VMALLOC_END)
		return __vmalloc(size, gfp_mask, prot);
	size = PAGE_ALIGN(size);
	if (!size || size >> PAGE_SHIFT > num_physpages)
		return NULL;
	area = place(size, max(align, PAGE_SIZE), start, end);
	if (!area)
		return NULL;
	if (!fill(area, gfp_mask, prot)) {
		vfree(area->addr);
		return NULL;
	}
	return area->addr;
}

LIB void *vrealloc(const void *p, size_t size, gfp_t flags)
{
	size_t old = 0;
	void *new;

	if (!size) {
		vfree(p);
		return NULL;
	}
	while (p && vmalloc_to_page(p + old))
		old += PAGE_SIZE;
	if (size <= old)
		return (void *)p;
	new = __vmalloc(size, flags | __GFP_HIGHMEM, PAGE_KERNEL);
	if (new && p) {
		vread(new, (char *)p, old);	/* which may look at the whole of the last page */
		vfree(p);
	}
	return new;
}
