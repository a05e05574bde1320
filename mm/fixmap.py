"""Addresses fixed at compile time (include/asm-i386/fixmap.h, kmap_types.h, highmem.h, pgtable.h; 2.6.20).

A fixmap slot's address is `fix_to_virt(index)`: the slots grow down from FIXADDR_TOP. This kernel maps no vsyscall
page: FIX_VDSO is empty, as its programs make no system calls.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from mm.layout import KM_TYPE_NR, PAGE_SHIFT, PAGE_SIZE, Layout

if TYPE_CHECKING:
    from mm.pgtable import PageTables
    from mm.traps import Traps

FIXADDR_TOP = 0xFFFFF000
VMALLOC_OFFSET = 8 << 20

FIX_HOLE = 0
FIX_VDSO = 1
FIX_APIC_BASE = 2
FIX_IO_APIC_BASE_0 = 3
MAX_IO_APICS = 64
# The hypercall page takes the last of the 64 I/O APIC slots, which no machine of ours fills, so that its address
# is the same in every configuration and the fixmap is as large as a real kernel's.
FIX_HYPERCALL = FIX_IO_APIC_BASE_0 + MAX_IO_APICS - 1
FIX_KMAP_BEGIN = FIX_IO_APIC_BASE_0 + MAX_IO_APICS
FIX_ACPI_PAGES = 4
NR_ACPI_AND_MCFG = FIX_ACPI_PAGES + 1
NR_FIX_BTMAPS = 16

KM_TYPES = (
    "KM_BOUNCE_READ", "KM_SKB_SUNRPC_DATA", "KM_SKB_DATA_SOFTIRQ", "KM_USER0", "KM_USER1", "KM_BIO_SRC_IRQ",
    "KM_BIO_DST_IRQ", "KM_PTE0", "KM_PTE1", "KM_IRQ0", "KM_IRQ1", "KM_SOFTIRQ0", "KM_SOFTIRQ1",
)  # fmt: skip
assert len(KM_TYPES) == KM_TYPE_NR


def fix_to_virt(index: int) -> int:
    """Virtual address of fixmap slot `index`."""
    return FIXADDR_TOP - (index << PAGE_SHIFT)


def virt_to_fix(va: int) -> int:
    """Index of the slot that an address in the fixmap lies in."""
    return FIXADDR_TOP - (va & -PAGE_SIZE) >> PAGE_SHIFT


HYPERCALL_PAGE = fix_to_virt(FIX_HYPERCALL)


def pmd_size(layout: Layout) -> int:
    """Bytes that one page table maps."""
    return 2 << 20 if layout.pae else 4 << 20


def pte_offset(va: int, layout: Layout) -> int:
    """Bytes from the start of a page table to the PTE of `va`."""
    return va >> 9 & 0xFF8 if layout.pae else va >> 10 & 0xFFC


def end_of_permanent_fixed_addresses(layout: Layout) -> int:
    """Number of the permanent slots: they depend on NR_CPUS through the kmap_atomic slots."""
    return FIX_KMAP_BEGIN + KM_TYPE_NR * layout.nr_cpus + NR_ACPI_AND_MCFG


def fix_wp_test(layout: Layout) -> int:
    """The slot in which the boot checks that ring 0 honours read-only pages."""
    return end_of_permanent_fixed_addresses(layout) + NR_FIX_BTMAPS


def end_of_fixed_addresses(layout: Layout) -> int:
    """Number of all slots, those of the boot among them."""
    return fix_wp_test(layout) + 1


def slot_names(layout: Layout) -> list[str]:
    """The name of every slot, by its index, in the words of `enum fixed_addresses`."""
    names = ["FIX_HOLE", "FIX_VDSO", "FIX_APIC_BASE"]
    names += [f"FIX_IO_APIC_BASE_{n}" for n in range(MAX_IO_APICS - 1)] + ["FIX_HYPERCALL"]
    names += [f"FIX_KMAP {km_type} CPU {cpu}" for cpu in range(layout.nr_cpus) for km_type in KM_TYPES]
    names += [f"FIX_ACPI_BEGIN+{n}" if n else "FIX_ACPI_BEGIN" for n in range(FIX_ACPI_PAGES)] + ["FIX_PCIE_MCFG"]
    names += [f"FIX_BTMAP_END+{n}" if n else "FIX_BTMAP_END" for n in range(NR_FIX_BTMAPS - 1)]
    return [*names, "FIX_BTMAP_BEGIN", "FIX_WP_TEST"]


def fixaddr_start(layout: Layout) -> int:
    """Lowest address of the permanent slots."""
    return FIXADDR_TOP - (end_of_permanent_fixed_addresses(layout) << PAGE_SHIFT)


def fixmap_table(layout: Layout) -> int:
    """First address of the page table that the fixmap lies in."""
    return FIXADDR_TOP & -pmd_size(layout)


def pkmap_base(layout: Layout) -> int:
    """Where the kmap window begins: on a page table of its own below the boot-time fixmap."""
    boot_start = FIXADDR_TOP - (end_of_fixed_addresses(layout) << PAGE_SHIFT)
    return boot_start - PAGE_SIZE * (layout.last_pkmap + 1) & -pmd_size(layout)


def vmalloc_start(high_memory: int) -> int:
    """Where vmalloc space begins: 8 to 16 MB above the end of the direct map."""
    return high_memory + 2 * VMALLOC_OFFSET - 1 & -VMALLOC_OFFSET


def vmalloc_end(layout: Layout) -> int:
    """Where vmalloc space ends: two pages below the kmap window."""
    return pkmap_base(layout) - 2 * PAGE_SIZE


class Fixmap:
    """Maps what a fixmap slot is for (arch/i386/mm/pgtable.c). flush_tlb_one(va) drops a translation on this CPU."""

    def __init__(
        self, layout: Layout, traps: Traps, tables: PageTables, flush_tlb_one: Callable[[int], None]
    ) -> None:  # fmt: skip
        self._traps = traps
        self._tables = tables
        self._flush_tlb_one = flush_tlb_one
        self._end = end_of_fixed_addresses(layout)

    def set_fixmap(self, index: int, phys: int, prot: int, prot_high: int = 0) -> None:
        """__set_fixmap: map slot `index` to the page of physical address `phys`; without any bit of `prot` clear it.

        prot, prot_high: the two words of a pgprot. A BUG for an index that is no slot's, and for the hypercall page's.
        """
        if index >= self._end or index == FIX_HYPERCALL:
            self._traps.bug()
        va = fix_to_virt(index)
        flags = prot | prot_high << 32
        self._tables.set_pte(va, self._tables.pfn_pte(phys >> PAGE_SHIFT, flags) if flags else 0)
        self._flush_tlb_one(va)
