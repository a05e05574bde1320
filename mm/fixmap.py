"""Addresses fixed at compile time (include/asm-i386/fixmap.h, kmap_types.h, highmem.h, pgtable.h; 2.6.20).

A fixmap slot's address is `fix_to_virt(index)`: the slots grow down from FIXADDR_TOP.
"""

from __future__ import annotations

from mm.layout import KM_TYPE_NR, LAST_PKMAP, PAGE_SHIFT, PAGE_SIZE

FIXADDR_TOP = 0xFFFFF000
VMALLOC_OFFSET = 8 << 20
PGDIR_SHIFT = 22
PGDIR_SIZE = 1 << PGDIR_SHIFT

FIX_HOLE = 0
FIX_VDSO = 1
FIX_APIC_BASE = 2
FIX_IO_APIC_BASE_0 = 3
MAX_IO_APICS = 64
# The hypercall page takes the last of the 64 I/O APIC slots, which no machine of ours fills, so that its address
# is the same in every configuration and the fixmap is as large as a real kernel's.
FIX_HYPERCALL = FIX_IO_APIC_BASE_0 + MAX_IO_APICS - 1
FIX_KMAP_BEGIN = FIX_IO_APIC_BASE_0 + MAX_IO_APICS
NR_ACPI_AND_MCFG = 5
NR_FIX_BTMAPS = 16

KM_TYPES = (
    "KM_BOUNCE_READ", "KM_SKB_SUNRPC_DATA", "KM_SKB_DATA_SOFTIRQ", "KM_USER0", "KM_USER1", "KM_BIO_SRC_IRQ",
    "KM_BIO_DST_IRQ", "KM_PTE0", "KM_PTE1", "KM_IRQ0", "KM_IRQ1", "KM_SOFTIRQ0", "KM_SOFTIRQ1",
)  # fmt: skip
assert len(KM_TYPES) == KM_TYPE_NR


def fix_to_virt(index: int) -> int:
    """Virtual address of fixmap slot `index`."""
    return FIXADDR_TOP - (index << PAGE_SHIFT)


HYPERCALL_PAGE = fix_to_virt(FIX_HYPERCALL)


def end_of_permanent_fixed_addresses(nr_cpus: int) -> int:
    """Number of the permanent slots: they depend on NR_CPUS through the kmap_atomic slots."""
    return FIX_KMAP_BEGIN + KM_TYPE_NR * nr_cpus + NR_ACPI_AND_MCFG


def fix_wp_test(nr_cpus: int) -> int:
    """The slot in which the boot checks that ring 0 honours read-only pages."""
    return end_of_permanent_fixed_addresses(nr_cpus) + NR_FIX_BTMAPS


def fixaddr_start(nr_cpus: int) -> int:
    """Lowest address of the permanent slots."""
    return FIXADDR_TOP - (end_of_permanent_fixed_addresses(nr_cpus) << PAGE_SHIFT)


def pkmap_base(nr_cpus: int) -> int:
    """Where the kmap window begins: on a page table of its own below the boot-time fixmap."""
    boot_start = FIXADDR_TOP - ((fix_wp_test(nr_cpus) + 1) << PAGE_SHIFT)
    return boot_start - PAGE_SIZE * (LAST_PKMAP + 1) & -PGDIR_SIZE


def vmalloc_start(high_memory: int) -> int:
    """Where vmalloc space begins: 8 to 16 MB above the end of the direct map."""
    return high_memory + 2 * VMALLOC_OFFSET - 1 & -VMALLOC_OFFSET


def vmalloc_end(nr_cpus: int) -> int:
    """Where vmalloc space ends: two pages below the kmap window."""
    return pkmap_base(nr_cpus) - 2 * PAGE_SIZE
