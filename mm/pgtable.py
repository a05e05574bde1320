"""Page-table entries and page tables (include/asm-i386/pgtable*.h, mm/memory.c, 2.6.20).

Two formats: of two levels with entries of 32 bits, and PAE (HIGHMEM64G) of three levels with entries of 64. An entry is
an int here, of whichever size; a protection may name NX, and `pfn_pte` leaves out what the CPU does not know.
"""

from __future__ import annotations

from collections.abc import Callable

from mm.layout import EMPTY_ZERO_PAGE, PAGE_OFFSET, PAGE_SHIFT, PAGE_SIZE, Layout
from mm.list import Words

PAGE_PRESENT = 0x001
PAGE_RW = 0x002
PAGE_USER = 0x004
PAGE_ACCESSED = 0x020
PAGE_PSE = 0x080
PAGE_GLOBAL = 0x100
PAGE_NX = 1 << 63

PAGE_KERNEL_EXEC = 0x163  # P RW A D G
PAGE_KERNEL_LARGE_EXEC = 0x1E3
PAGE_KERNEL = PAGE_NX | PAGE_KERNEL_EXEC
PAGE_KERNEL_NOCACHE = PAGE_NX | 0x173
PAGE_KERNEL_RO = PAGE_NX | 0x161
PAGE_KERNEL_LARGE = PAGE_NX | PAGE_KERNEL_LARGE_EXEC
PAGE_TABLE = 0x067  # a pmd that leads to a page table

_FRAME = 0x000F_FFFF_FFFF_F000
USER_PGDS = 3  # of the four entries of a PAE page directory pointer table


class PageTables:
    """The two-level tables under one page directory in lowmem, by default init_mm's (`swapper_pg_dir`).

    pgd: virtual address of the page directory. alloc() gives a zeroed page for a new page table (its direct-map
    address, 0 where there is none), free(table) takes it back; put in where the kernel is wired.
    The entry that leads to a page table or maps a large page is called pmd, as in 2.6.20, where the two-level format
    has its middle level folded into the page directory.
    """

    pte_size = 4
    pmd_shift = 22
    pgd_size = 4096  # bytes of a page directory, and what it is aligned to
    supported_pte_mask = 0xFFFF_FFFF

    def __init__(self, w: Words, layout: Layout, pgd: int = 0) -> None:
        self._w = w
        self._layout = layout
        self.pgd = pgd or layout.va("swapper_pg_dir")
        self._directory = (self.pgd ^ 0xC0000000) >> 2
        self.alloc: Callable[[], int] = lambda: 0
        self.free: Callable[[int], None] = lambda table: None

    @property
    def pmd_size(self) -> int:
        """Bytes that one page table, or one large page, maps."""
        return 1 << self.pmd_shift

    def of(self, pgd: int) -> PageTables:
        """The tables of another address space."""
        return type(self)(self._w, self._layout, pgd)

    # entries by their own address

    def read(self, address: int) -> int:
        """The entry at a direct-map address."""
        return self._w[(address ^ 0xC0000000) >> 2]

    def write(self, address: int, entry: int) -> None:
        """Store an entry at a direct-map address."""
        self._w[(address ^ 0xC0000000) >> 2] = entry

    def pfn_pte(self, pfn: int, prot: int) -> int:
        """The entry that maps frame `pfn` with `prot`."""
        return (pfn << PAGE_SHIFT | prot) & self.supported_pte_mask

    @staticmethod
    def pte_pfn(pte: int) -> int:
        """The frame that an entry of a 4 KB page, or one for a page table, leads to."""
        return (pte & _FRAME) >> PAGE_SHIFT

    # by virtual address

    def pmd_address(self, va: int) -> int:
        """pmd_offset: address of the pmd of `va`; 0 where no table has one."""
        return self.pgd + (va >> 22 << 2)

    def _pte_address(self, pmd: int, va: int) -> int:
        return PAGE_OFFSET + (pmd & _FRAME) + (va >> 10 & 0xFFC)

    def pte_address(self, va: int) -> int:
        """pte_offset_kernel: address of the PTE for `va`; 0 where no page table is, or none in lowmem."""
        at = self.pmd_address(va)
        pmd = self.read(at) if at else 0
        if pmd & (PAGE_PRESENT | PAGE_PSE) != PAGE_PRESENT or (pmd & _FRAME) >> 2 >= len(self._w):
            return 0
        return self._pte_address(pmd, va)

    def pte_alloc(self, va: int) -> int:
        """pte_alloc_kernel: like pte_address, but makes the page table where it is missing; 0: no memory."""
        at = self.pmd_address(va)
        if not self.read(at):
            table = self.alloc()
            if not table:
                return 0
            if self.read(at):  # made meanwhile, by what was called to free memory
                self.free(table)
            else:
                self.set_table(va, table)
        return self.pte_address(va)

    def set_table(self, va: int, table: int) -> None:
        """pmd_populate_kernel: hang the page table at direct-map address `table` into the pmd of `va`."""
        self.write(self.pmd_address(va), (table - PAGE_OFFSET) | PAGE_TABLE)

    def set_large(self, va: int, pa: int, prot: int) -> None:
        """Map a large page at `va` (both multiples of `pmd_size`) by one pmd."""
        self.write(self.pmd_address(va), self.pfn_pte(pa >> PAGE_SHIFT, prot))

    def get_pte(self, va: int) -> int:
        """The PTE of `va`; 0 where there is none."""
        address = self.pte_address(va)
        return self.read(address) if address else 0

    def is_no_exec(self, va: int) -> bool:
        """Whether `va` is mapped, and by an entry with NX."""
        at = self.pmd_address(va)
        entry = self.read(at) if at else 0
        if entry & (PAGE_PRESENT | PAGE_PSE) == PAGE_PRESENT:
            entry = self.get_pte(va)
        return entry & PAGE_PRESENT != 0 and entry & PAGE_NX != 0

    def set_pte(self, va: int, pte: int) -> None:
        """Write the PTE of `va`, whose page table exists."""
        self.write(self.pte_address(va), pte)

    def translate(self, va: int) -> int | None:
        """The physical address that `va` leads to, None where it is not mapped. For any address."""
        at = self.pmd_address(va)
        pmd = self.read(at) if at else 0
        if not pmd & PAGE_PRESENT:
            return None
        if pmd & PAGE_PSE:
            offset = self.pmd_size - 1
            return pmd & _FRAME & ~offset | va & offset
        if (pmd & _FRAME) >> 2 >= len(self._w):
            return None
        pte = self.read(self._pte_address(pmd, va))
        return pte & _FRAME | va & (PAGE_SIZE - 1) if pte & PAGE_PRESENT else None

    def populate(self, pmds: Callable[[], int]) -> None:
        """What the directory needs before anything is mapped: nothing in this format. pmds() gives a zeroed page."""


class PaePageTables(PageTables):
    """The three-level tables of PAE. The four entries of the pgd, its first level, lead to pmds of 512 entries.

    The fourth is the kernel's; its page of pmds is the same in every address space.
    """

    pte_size = 8
    pmd_shift = 21
    pgd_size = 32
    supported_pte_mask = 0xFFFF_FFFF_FFFF_FFFF

    def read(self, address: int) -> int:
        i = (address ^ 0xC0000000) >> 2
        return self._w[i] | self._w[i + 1] << 32

    def write(self, address: int, entry: int) -> None:
        i = (address ^ 0xC0000000) >> 2
        self._w[i + 1] = entry >> 32
        self._w[i] = entry & 0xFFFFFFFF

    def pmd_address(self, va: int) -> int:
        i = self._directory + (va >> 30 << 1)
        pgd = self._w[i] | self._w[i + 1] << 32
        table = pgd & _FRAME
        if not pgd & PAGE_PRESENT or table >> 2 >= len(self._w):
            return 0
        return PAGE_OFFSET + table + (va >> 18 & 0xFF8)

    def _pte_address(self, pmd: int, va: int) -> int:
        return PAGE_OFFSET + (pmd & _FRAME) + (va >> 9 & 0xFF8)

    def populate(self, pmds: Callable[[], int]) -> None:
        """The first level: user space leads to the zero page, the kernel's GB to a page of pmds."""
        for i in range(USER_PGDS):
            self.write(self.pgd + 8 * i, EMPTY_ZERO_PAGE - PAGE_OFFSET | PAGE_PRESENT)
        self.write(self.pgd + 8 * USER_PGDS, pmds() - PAGE_OFFSET | PAGE_PRESENT)


def page_tables(w: Words, layout: Layout, pgd: int = 0) -> PageTables:
    """The tables of the layout's format under `pgd`, by default init_mm's."""
    return (PaePageTables if layout.pae else PageTables)(w, layout, pgd)
