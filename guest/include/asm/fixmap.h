#ifndef _ASM_FIXMAP_H
#define _ASM_FIXMAP_H

#include <linux/kernel.h>
#include <asm/bug.h>
#include <asm/page.h>
#include <asm/pgtable.h>
#include <asm/kmap_types.h>
#include <generated/calls/highmem.h>

#define MAX_IO_APICS	64
#define FIX_ACPI_PAGES	4

/* Pages with an address of their own, from FIXADDR_TOP down. */
enum fixed_addresses {
	FIX_HOLE,
	FIX_VDSO,
	FIX_APIC_BASE,
	FIX_IO_APIC_BASE_0,
	FIX_IO_APIC_BASE_END = FIX_IO_APIC_BASE_0 + MAX_IO_APICS - 1,
	FIX_HYPERCALL = FIX_IO_APIC_BASE_END,	/* the page through which the kernel is called */
	FIX_KMAP_BEGIN,
	FIX_KMAP_END = FIX_KMAP_BEGIN + KM_TYPE_NR * CONFIG_NR_CPUS - 1,
	FIX_ACPI_BEGIN,
	FIX_ACPI_END = FIX_ACPI_BEGIN + FIX_ACPI_PAGES - 1,
	FIX_PCIE_MCFG,
	__end_of_permanent_fixed_addresses,
#define NR_FIX_BTMAPS	16
	FIX_BTMAP_END = __end_of_permanent_fixed_addresses,
	FIX_BTMAP_BEGIN = FIX_BTMAP_END + NR_FIX_BTMAPS - 1,
	FIX_WP_TEST,
	__end_of_fixed_addresses
};

#define __FIXADDR_SIZE		(__end_of_permanent_fixed_addresses << PAGE_SHIFT)
#define __FIXADDR_BOOT_SIZE	(__end_of_fixed_addresses << PAGE_SHIFT)
#define FIXADDR_START		(FIXADDR_TOP - __FIXADDR_SIZE)
#define FIXADDR_BOOT_START	(FIXADDR_TOP - __FIXADDR_BOOT_SIZE)

#define __fix_to_virt(idx)	(FIXADDR_TOP - ((unsigned long)(idx) << PAGE_SHIFT))
#define __virt_to_fix(vaddr)	((FIXADDR_TOP - ((vaddr) & PAGE_MASK)) >> PAGE_SHIFT)

static inline unsigned long fix_to_virt(unsigned int idx)
{
	BUG_ON(idx >= __end_of_fixed_addresses);
	return __fix_to_virt(idx);
}

static inline unsigned long virt_to_fix(unsigned long vaddr)
{
	BUG_ON(vaddr >= FIXADDR_TOP || vaddr < FIXADDR_START);
	return __virt_to_fix(vaddr);
}

/* Map a slot to the page of a physical address. A BUG for an index that is none, and for FIX_HYPERCALL. */
static inline void __set_fixmap(enum fixed_addresses idx, unsigned long phys, pgprot_t flags)
{
	unsigned long long prot = pgprot_val(flags);

	set_fixmap_words(idx, phys, (unsigned long)prot, (unsigned long)(prot >> 32));
}

#define set_fixmap(idx, phys)		__set_fixmap(idx, phys, PAGE_KERNEL)
#define set_fixmap_nocache(idx, phys)	__set_fixmap(idx, phys, PAGE_KERNEL_NOCACHE)
#define clear_fixmap(idx)		__set_fixmap(idx, 0, __pgprot(0))

#endif
