"""Page-table entries and the kernel's own page tables (include/asm-i386/pgtable.h, mm/memory.c, 2.6.20)."""

from __future__ import annotations

from collections.abc import Callable

from mm.layout import PAGE_OFFSET, PAGE_SHIFT, PAGE_SIZE
from mm.list import Words

PAGE_PRESENT = 0x001
PAGE_RW = 0x002
PAGE_USER = 0x004
PAGE_ACCESSED = 0x020
PAGE_PSE = 0x080
PAGE_GLOBAL = 0x100

PAGE_KERNEL = 0x163  # P RW A D G
PAGE_KERNEL_NOCACHE = 0x173
PAGE_KERNEL_RO = 0x161
PAGE_KERNEL_LARGE = 0x1E3
PAGE_TABLE = 0x067  # a PDE that leads to a page table

PTE_MASK = 0xFFFFF000
LARGE_MASK = 0xFFC00000


class KernelPageTable:
    """A two-level page directory in lowmem, by default that of init_mm (`swapper_pg_dir`).

    pgd: virtual address of the page directory. alloc() gives a zeroed page for a new page table (its direct-map
    address, 0 where there is none), free(table) takes it back; put in where the kernel is wired.
    """

    def __init__(self, w: Words, pgd: int) -> None:
        self._w = w
        self.pgd = pgd
        self._directory = (pgd ^ 0xC0000000) >> 2
        self.alloc: Callable[[], int] = lambda: 0
        self.free: Callable[[int], None] = lambda table: None

    def pte_address(self, va: int) -> int:
        """pte_offset_kernel: address of the PTE for `va`; 0 where the PDE has no page table."""
        pde = self._w[self._directory + (va >> 22)]
        if not pde & PAGE_PRESENT or pde & PAGE_PSE:
            return 0
        return PAGE_OFFSET + (pde & PTE_MASK) + (va >> 10 & 0xFFC)

    def pte_alloc(self, va: int) -> int:
        """pte_alloc_kernel: like pte_address, but makes the page table where it is missing; 0: no memory."""
        index = self._directory + (va >> 22)
        if not self._w[index]:
            table = self.alloc()
            if not table:
                return 0
            if self._w[index]:  # made meanwhile, by what was called to free memory
                self.free(table)
            else:
                self._w[index] = (table - PAGE_OFFSET) | PAGE_TABLE
        return self.pte_address(va)

    def set_table(self, va: int, table: int) -> None:
        """pmd_populate_kernel: hang the page table at direct-map address `table` into the PDE of `va`."""
        self._w[self._directory + (va >> 22)] = (table - PAGE_OFFSET) | PAGE_TABLE

    def set_large(self, va: int, pa: int) -> None:
        """Map 4 MB at `va` (a multiple of 4 MB) by one PDE."""
        self._w[self._directory + (va >> 22)] = pa | PAGE_KERNEL_LARGE

    def get_pte(self, va: int) -> int:
        """The PTE of `va`; 0 where there is none."""
        address = self.pte_address(va)
        return self._w[(address ^ 0xC0000000) >> 2] if address else 0

    def set_pte(self, va: int, pte: int) -> None:
        """Write the PTE of `va`, whose page table exists."""
        self._w[(self.pte_address(va) ^ 0xC0000000) >> 2] = pte

    def translate(self, va: int) -> int | None:
        """The physical address that `va` leads to, None where it is not mapped. For any kernel address."""
        pde = self._w[self._directory + (va >> 22)]
        if not pde & PAGE_PRESENT:
            return None
        if pde & PAGE_PSE:
            return (pde & LARGE_MASK) | (va & ~LARGE_MASK)
        i = ((pde & PTE_MASK) >> 2) + (va >> 12 & 0x3FF)
        pte = self._w[i] if i < len(self._w) else 0
        return (pte & PTE_MASK) | (va & (PAGE_SIZE - 1)) if pte & PAGE_PRESENT else None


def pfn_pte(pfn: int, prot: int) -> int:
    """The PTE that maps frame `pfn` with `prot`."""
    return (pfn << PAGE_SHIFT) | prot
