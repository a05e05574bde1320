#ifndef _ASM_HIGHMEM_H
#define _ASM_HIGHMEM_H

#include <asm/kmap_types.h>
#include <asm/pgtable.h>
#include <generated/calls/highmem.h>

/* With a slot named, as up to 2.6.36; or without, as later, where the slots are a stack. */
#define __kmap_atomic_2(page, type)	(kmap_atomic)(page, type)
#define __kmap_atomic_1(page)		kmap_atomic_push(page)
#define kmap_atomic(...)	__PASTE(__kmap_atomic_, __COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)

#define __kunmap_atomic_2(kvaddr, type)	(kunmap_atomic)((void *)(kvaddr), type)
#define __kunmap_atomic_1(kvaddr)	kunmap_atomic_pop((void *)(kvaddr))
#define kunmap_atomic(...)	__PASTE(__kunmap_atomic_, __COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)

#define kmap_local_page(page)	kmap_atomic_push(page)
#define kunmap_local(kvaddr)	kunmap_atomic_pop((void *)(kvaddr))

#endif
