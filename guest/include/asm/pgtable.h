#ifndef _ASM_PGTABLE_H
#define _ASM_PGTABLE_H

#include <asm/page.h>
#include <asm/system.h>

#ifdef CONFIG_X86_PAE
/* Three levels: 4 entries of 1 GB, 512 of 2 MB, each a large page or a table of 512 pages. */
#define PGDIR_SHIFT	30
#define PTRS_PER_PGD	4
#define PTRS_PER_PMD	512
#define PTRS_PER_PTE	512
#define LAST_PKMAP	512
#else
/* Two levels: 1024 entries of 4 MB, each a large page or a table of 1024 pages. */
#define PGDIR_SHIFT	22
#define PTRS_PER_PGD	1024
#define PTRS_PER_PMD	1
#define PTRS_PER_PTE	1024
#define LAST_PKMAP	1024
#endif
#define PGDIR_SIZE	(1UL << PGDIR_SHIFT)
#define PGDIR_MASK	(~(PGDIR_SIZE - 1))
#define PMD_SIZE	(1UL << PMD_SHIFT)
#define PMD_MASK	(~(PMD_SIZE - 1))

#define _PAGE_PRESENT	0x001
#define _PAGE_RW	0x002
#define _PAGE_USER	0x004
#define _PAGE_PWT	0x008
#define _PAGE_PCD	0x010
#define _PAGE_ACCESSED	0x020
#define _PAGE_DIRTY	0x040
#define _PAGE_PSE	0x080
#define _PAGE_GLOBAL	0x100
#define _PAGE_FILE	0x040
#define _PAGE_PROTNONE	0x080
#ifdef CONFIG_X86_PAE
#define _PAGE_NX	(1ULL << 63)
#else
#define _PAGE_NX	0
#endif

#define _PAGE_TABLE	0x067
#define _KERNPG_TABLE	0x063
#define __PAGE_KERNEL_EXEC	0x163
#define __PAGE_KERNEL	(__PAGE_KERNEL_EXEC | _PAGE_NX)

#define PAGE_KERNEL		__pgprot(__PAGE_KERNEL)
#define PAGE_KERNEL_EXEC	__pgprot(__PAGE_KERNEL_EXEC)
#define PAGE_KERNEL_RO		__pgprot(__PAGE_KERNEL & ~_PAGE_RW)
#define PAGE_KERNEL_NOCACHE	__pgprot(__PAGE_KERNEL | _PAGE_PCD)
#define PAGE_NONE		__pgprot(0x0a0)
#define PAGE_SHARED		__pgprot(0x027)
#define PAGE_COPY		__pgprot(0x025 | _PAGE_NX)
#define PAGE_READONLY		__pgprot(0x025 | _PAGE_NX)

#define VMALLOC_OFFSET	(8UL << 20)
#define VMALLOC_START \
	(((unsigned long)high_memory + 2 * VMALLOC_OFFSET - 1) & ~(VMALLOC_OFFSET - 1))
#define PKMAP_BASE	((FIXADDR_BOOT_START - PAGE_SIZE * (LAST_PKMAP + 1)) & PMD_MASK)
#define PKMAP_NR(virt)	(((unsigned long)(virt) - PKMAP_BASE) >> PAGE_SHIFT)
#define PKMAP_ADDR(nr)	(PKMAP_BASE + ((nr) << PAGE_SHIFT))
#define VMALLOC_END	(PKMAP_BASE - 2 * PAGE_SIZE)
#define FIXADDR_TOP	0xfffff000UL

#define pgd_index(addr)		((unsigned long)(addr) >> PGDIR_SHIFT)
#define pmd_index(addr)		(((unsigned long)(addr) >> PMD_SHIFT) & (PTRS_PER_PMD - 1))
#define pte_index(addr)		(((unsigned long)(addr) >> PAGE_SHIFT) & (PTRS_PER_PTE - 1))

/* The levels that this format does not have are folded into the one above; a PAE page directory is always full. */
typedef pgd_t pud_t;
#define pud_offset(pgd, addr)	(pgd)
#define pud_val(x)		pgd_val(x)
#define pgd_none(x)		0
#define pgd_present(x)		1
#define pgd_bad(x)		0
#define pud_none(x)		0
#define pud_present(x)		1
#define pud_bad(x)		0

#define pgd_offset(mm, addr)	((pgd_t *)(mm)->pgd + pgd_index(addr))
#define pgd_offset_k(addr)	pgd_offset(&init_mm, addr)
#ifdef CONFIG_X86_PAE
#define pmd_offset(pud, addr)	((pmd_t *)__va(pud_val(*(pud)) & PAGE_MASK) + pmd_index(addr))
#else
typedef pgd_t pmd_t;
#define pmd_offset(pud, addr)	(pud)
#define pmd_val(x)		pgd_val(x)
#endif
#define pmd_none(x)		(!pmd_val(x))
#define pmd_present(x)		((pmd_val(x) & _PAGE_PRESENT) != 0)
#define pmd_bad(x)		((pmd_val(x) & (~PAGE_MASK & ~_PAGE_USER)) != _KERNPG_TABLE)
#define pmd_large(x)		((pmd_val(x) & (_PAGE_PSE | _PAGE_PRESENT)) == (_PAGE_PSE | _PAGE_PRESENT))
#define pmd_page(x)		pfn_to_page((unsigned long)((pmd_val(x) & ~_PAGE_NX) >> PAGE_SHIFT))
#define pte_offset_kernel(pmd, addr) \
	((pte_t *)__va(pmd_val(*(pmd)) & PAGE_MASK) + pte_index(addr))

#define pte_none(x)	(!pte_val(x))
#define pte_present(x)	((x).pte_low & (_PAGE_PRESENT | _PAGE_PROTNONE))
#define pte_pfn(x)	((unsigned long)((pte_val(x) & ~_PAGE_NX) >> PAGE_SHIFT))
#define pte_page(x)	pfn_to_page(pte_pfn(x))
#define pte_write(x)	(!!((x).pte_low & _PAGE_RW))
#define pte_dirty(x)	(!!((x).pte_low & _PAGE_DIRTY))
#define pte_young(x)	(!!((x).pte_low & _PAGE_ACCESSED))
#define pte_user(x)	(!!((x).pte_low & _PAGE_USER))
#ifdef CONFIG_X86_PAE
#define pte_exec(x)	(!(pte_val(x) & _PAGE_NX))
#define pfn_pte(pfn, prot)	__pte((unsigned long long)(pfn) << PAGE_SHIFT | pgprot_val(prot))
#else
#define pte_exec(x)	pte_user(x)
#define pfn_pte(pfn, prot)	__pte(((pfn) << PAGE_SHIFT) | pgprot_val(prot))
#endif
#define mk_pte(page, prot)	pfn_pte(page_to_pfn(page), prot)

static inline void set_pte(pte_t *ptep, pte_t value)
{
#ifdef CONFIG_X86_PAE
	/* The word with the present bit last. */
	((volatile pte_t *)ptep)->pte_high = value.pte_high;
#endif
	((volatile pte_t *)ptep)->pte_low = value.pte_low;
}

extern unsigned long empty_zero_page[1024];
#define ZERO_PAGE(vaddr)	(virt_to_page(empty_zero_page))

#define __flush_tlb_one(addr)	__asm__ __volatile__("invlpg %0" : : "m" (*(char *)(addr)) : "memory")
#define __flush_tlb()		write_cr3(read_cr3())

#include <asm/fixmap.h>

#endif
