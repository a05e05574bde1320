#ifndef _LINUX_VMALLOC_H
#define _LINUX_VMALLOC_H

#include <linux/cleanup.h>
#include <linux/slab.h>
#include <linux/types.h>
#include <asm/page.h>
#include <asm/pgtable.h>
#include <generated/calls/vmalloc.h>

#define VM_IOREMAP	0x00000001
#define VM_ALLOC	0x00000002
#define VM_MAP		0x00000004
#define VM_USERMAP	0x00000008
#define VM_VPAGES	0x00000010

#ifndef IOREMAP_MAX_ORDER
#define IOREMAP_MAX_ORDER	(7 + PAGE_SHIFT)
#endif

/* One node. */
#define vmalloc_node(size, node)	((void)(node), vmalloc(size))
#define vzalloc_node(size, node)	((void)(node), vzalloc(size))
#define get_vm_area_node(size, flags, node, gfp_mask)	((void)(node), (void)(gfp_mask), get_vm_area(size, flags))

/* Later kernels left out the protection: theirs is PAGE_KERNEL. */
#define ____vmalloc_3(size, gfp_mask, prot)	(__vmalloc)(size, gfp_mask, prot)
#define ____vmalloc_2(size, gfp_mask)		(__vmalloc)(size, gfp_mask, PAGE_KERNEL)
#define __vmalloc(...)	__PASTE(____vmalloc_, __COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)

/*
 * Of later kernels: at a multiple of `align`, a power of two, and between `start` and `end`. Every area is flushed
 * when it is freed, all pages are small, and nothing here counts who has how many.
 */
extern void *__vmalloc_range(unsigned long size, unsigned long align, unsigned long start, unsigned long end,
			     gfp_t gfp_mask, pgprot_t prot);
#define __vmalloc_node_range(size, align, start, end, gfp_mask, prot, vm_flags, node, caller) \
	((void)(vm_flags), (void)(node), (void)(caller), __vmalloc_range(size, align, start, end, gfp_mask, prot))
#define ____vmalloc_node_6(size, align, gfp_mask, prot, node, caller) \
	__vmalloc_node_range(size, align, VMALLOC_START, VMALLOC_END, gfp_mask, prot, 0, node, caller)
#define ____vmalloc_node_5(size, align, gfp_mask, node, caller) \
	____vmalloc_node_6(size, align, gfp_mask, PAGE_KERNEL, node, caller)
#define __vmalloc_node(...)	__PASTE(____vmalloc_node_, __COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)

#define MODULES_VADDR	VMALLOC_START
#define MODULES_END	VMALLOC_END
#define VMALLOC_TOTAL	(VMALLOC_END - VMALLOC_START)

#define vmalloc_huge(size, gfp_mask)	__vmalloc(size, gfp_mask, PAGE_KERNEL)
#define vmalloc_huge_node(size, gfp_mask, node)	((void)(node), vmalloc_huge(size, gfp_mask))
#define vmalloc_array(n, size)		vmalloc(__array_bytes(n, size))
#define vcalloc(n, size)		vzalloc(__array_bytes(n, size))
#define __vmalloc_array(n, size, gfp_mask)	__vmalloc(__array_bytes(n, size), gfp_mask)
#define __vcalloc(n, size, gfp_mask)	__vmalloc(__array_bytes(n, size), (gfp_mask) | __GFP_ZERO)
#define vfree_atomic(addr)		vfree(addr)
#define vm_unmap_aliases()		do { } while (0)

/* Pages of the caller's for a short while: vmap() by another name. */
#define __vm_map_ram_3(pages, count, node)	((void)(node), vmap(pages, count, VM_MAP, PAGE_KERNEL))
#define __vm_map_ram_4(pages, count, node, prot)	((void)(node), vmap(pages, count, VM_MAP, prot))
#define vm_map_ram(...)	__PASTE(__vm_map_ram_, __COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)
#define vm_unmap_ram(mem, count)	((void)(count), vunmap(mem))

extern void *vrealloc(const void *p, size_t size, gfp_t flags);

/* -EINVAL: no page of a program is mapped. */
struct vm_area_struct;
extern int remap_vmalloc_range(struct vm_area_struct *vma, void *addr, unsigned long pgoff);

DEFINE_FREE(vfree, void *, if (!IS_ERR_OR_NULL(_T)) vfree(_T))

#endif
