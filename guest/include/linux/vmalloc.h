#ifndef _LINUX_VMALLOC_H
#define _LINUX_VMALLOC_H

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

#endif
