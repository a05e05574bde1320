#ifndef _ASM_PAGE_H
#define _ASM_PAGE_H

#include <linux/types.h>

#define PAGE_SHIFT	12
#define PAGE_SIZE	(1UL << PAGE_SHIFT)
#define PAGE_MASK	(~(PAGE_SIZE - 1))
#ifdef CONFIG_X86_PAE
#define PMD_SHIFT	21
#else
#define PMD_SHIFT	22
#endif
#define LARGE_PAGE_SIZE	(1UL << PMD_SHIFT)
#define LARGE_PAGE_MASK	(~(LARGE_PAGE_SIZE - 1))

#define PAGE_OFFSET	0xC0000000UL
#define __PAGE_OFFSET	0xC0000000
#define VMALLOC_RESERVE	(128UL << 20)
#define MAXMEM		(-PAGE_OFFSET - VMALLOC_RESERVE)

#define PAGE_ALIGN(addr)	(((addr) + PAGE_SIZE - 1) & PAGE_MASK)
#define offset_in_page(p)	((unsigned long)(p) & ~PAGE_MASK)

/* The direct map: good for lowmem only. */
#define __pa(x)		((unsigned long)(x) - PAGE_OFFSET)
#define __va(x)		((void *)((unsigned long)(x) + PAGE_OFFSET))

#define pfn_to_page(pfn)	(mem_map + (pfn))
#define page_to_pfn(page)	((unsigned long)((page) - mem_map))
#define pfn_to_kaddr(pfn)	__va((pfn) << PAGE_SHIFT)
#define virt_to_page(kaddr)	pfn_to_page(__pa(kaddr) >> PAGE_SHIFT)
#define virt_addr_valid(kaddr) \
	((unsigned long)(kaddr) >= PAGE_OFFSET && (unsigned long)(kaddr) < (unsigned long)high_memory)
#define page_to_phys(page)	((u64)page_to_pfn(page) << PAGE_SHIFT)
#define virt_to_pfn(kaddr)	(__pa(kaddr) >> PAGE_SHIFT)
#define pfn_to_virt(pfn)	__va((pfn) << PAGE_SHIFT)
#define page_to_virt(page)	__va(page_to_pfn(page) << PAGE_SHIFT)
#define __pa_symbol(x)		__pa(x)

#define clear_page(page)		memset((void *)(page), 0, PAGE_SIZE)
#define copy_page(to, from)		memcpy((void *)(to), (void *)(from), PAGE_SIZE)
#define clear_user_page(page, vaddr, pg)	clear_page(page)
#define copy_user_page(to, from, vaddr, pg)	copy_page(to, from)

#ifdef CONFIG_X86_PAE
typedef struct { unsigned long pte_low, pte_high; } pte_t;
typedef struct { unsigned long long pmd; } pmd_t;
typedef struct { unsigned long long pgd; } pgd_t;
typedef struct { unsigned long long pgprot; } pgprot_t;

#define pte_val(x)	((x).pte_low | (unsigned long long)(x).pte_high << 32)
#define pmd_val(x)	((x).pmd)
#define __pmd(x)	((pmd_t) { (x) })

static inline pte_t __pte(unsigned long long value)
{
	return (pte_t) { value, value >> 32 };
}
#else
typedef struct { unsigned long pte_low; } pte_t;
typedef struct { unsigned long pgd; } pgd_t;
typedef struct { unsigned long pgprot; } pgprot_t;

#define pte_val(x)	((x).pte_low)
#define __pte(x)	((pte_t) { (x) })
#endif

#define pgd_val(x)	((x).pgd)
#define pgprot_val(x)	((x).pgprot)
#define __pgd(x)	((pgd_t) { (x) })
#define __pgprot(x)	((pgprot_t) { (x) })

/* The smallest order whose block holds `size` bytes. */
static inline int get_order(unsigned long size)
{
	int order = 0;

	for (size = (size - 1) >> PAGE_SHIFT; size; size >>= 1)
		order++;
	return order;
}

extern void *memset(void *s, int c, size_t n);
extern void *memcpy(void *to, const void *from, size_t n);

#include <generated/calls/mm.h>
#include <linux/pfn.h>

#endif
