"""The kernel's page tables: swapper_pg_dir and every table that hangs in it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mm.fixmap import (
    FIX_HYPERCALL,
    FIX_KMAP_BEGIN,
    end_of_fixed_addresses,
    fixmap_table,
    pkmap_base,
    virt_to_fix,
    vmalloc_end,
    vmalloc_start,
)  # fmt: skip
from mm.fsck.boot import BootMap
from mm.fsck.image import HYPERCALL_FRAME
from mm.fsck.memory import MOST, Memory
from mm.fsck.params import Kernel
from mm.fsck.report import PAGE_TABLE
from mm.layout import EMPTY_ZERO_PAGE, KM_TYPE_NR, PAGE_OFFSET, PAGE_SHIFT, PAGE_SIZE
from mm.pgtable import (
    PAGE_ACCESSED,
    PAGE_KERNEL,
    PAGE_KERNEL_LARGE,
    PAGE_KERNEL_LARGE_EXEC,
    PAGE_KERNEL_NOCACHE,
    PAGE_PRESENT,
    page_tables,
)
from mm.pgtable import PAGE_TABLE as PMD_FLAGS

Entries = NDArray[np.uint64]
_FIXED = PAGE_PRESENT | PAGE_ACCESSED | 0xE80  # and bits that no protection has: PAT, and those that the CPU ignores


class Tables:
    """The page tables, and what must be in them. An entry is an int or a uint64, in either format.

    `expected` has the PTEs of each table of vmalloc space by the address that it maps first; who knows of a mapping
    writes it there by `expect`.
    """

    def __init__(self, memory: Memory, kernel: Kernel, boot: BootMap) -> None:
        self._memory = memory
        layout = self._layout = memory.layout
        self._format = page_tables(memory.w, layout)
        self._size = self._format.pmd_size
        self._entries = PAGE_SIZE // self._format.pte_size
        self._low = kernel.limits.max_low_pfn << PAGE_SHIFT
        self.start, self.end = vmalloc_start(PAGE_OFFSET + self._low & 0xFFFFFFFF), vmalloc_end(layout)
        self.pkmap, self.fixmap = boot.page_tables[:2]
        self.kernel = self.prot(PAGE_KERNEL)
        self.pte_pfn = self._format.pte_pfn
        self._fixed = {pkmap_base(layout): self.pkmap, fixmap_table(layout): self.fixmap}
        self._tables: dict[int, int] = {}
        self._expected: dict[int, Entries] = {}
        if layout.pae:
            self._directory_pointers(boot.page_tables[2])
            self._pmds = boot.page_tables[2] - 8 * (PAGE_OFFSET >> 21)  # as if user space had pmds before
        else:
            self._pmds = layout.va("swapper_pg_dir")
        self._read_directory()

    def prot(self, entry: int) -> int:
        """An entry without its frame, as far as this format knows its bits."""
        return entry & (0xFFF | 1 << 63) & self._format.supported_pte_mask

    def shown(self, entry: int) -> str:
        """An entry with all its digits."""
        return f"{entry:0{2 * self._format.pte_size}x}"

    def _block(self, address: int, count: int) -> Entries:
        words = self._format.pte_size >> 2
        block = self._memory.block(address, count * words).astype(np.uint64)
        return block if words == 1 else block[::2] | block[1::2] << np.uint64(32)

    # the directory

    def _directory_pointers(self, pmds: int) -> None:
        """The first level of PAE: the zero page for user space, a page of pmds for the kernel."""
        pgd = self._layout.va("swapper_pg_dir")
        right = [EMPTY_ZERO_PAGE - PAGE_OFFSET | PAGE_PRESENT] * 3 + [pmds - PAGE_OFFSET | PAGE_PRESENT]
        right += [0] * (PAGE_SIZE // 8 - len(right))
        for i, (entry, expected) in enumerate(zip(self._block(pgd, PAGE_SIZE // 8).tolist(), right)):
            if entry != expected:
                text = f"is {entry:016x}, should be {expected:016x}"
                self._memory.damage("swapper_pg_dir", pgd, f"[{i}]", text)

    def _pmd(self, va: int) -> int:
        return self._pmds + va // self._size * self._format.pte_size

    def _read_directory(self) -> None:
        first = PAGE_OFFSET if self._layout.pae else 0
        pmds = self._block(self._pmd(first), ((1 << 32) - first) // self._size).tolist()
        image_end = self._layout.va("__init_end")
        for va, pmd in zip(range(first, 1 << 32, self._size), pmds):
            if va in self._fixed:
                right = (self._fixed[va] - PAGE_OFFSET) | PMD_FLAGS
            elif 0 <= va - PAGE_OFFSET < self._low:
                prot = PAGE_KERNEL_LARGE_EXEC if va <= image_end else PAGE_KERNEL_LARGE
                right = self._format.pfn_pte(va - PAGE_OFFSET >> PAGE_SHIFT, prot)
            elif self.start - self._size < va < self.end:
                if not pmd or self._table(va, pmd):
                    continue
                right = 0
            else:
                right = 0
            if pmd != right:
                self._bad_pmd(va, pmd, f"should be {self.shown(right)}")

    def _bad_pmd(self, va: int, pmd: int, text: str) -> None:
        title = "the kernel's pmds" if self._layout.pae else "swapper_pg_dir"
        at = self._pmd(va)
        i = (at & PAGE_SIZE - 1) // self._format.pte_size
        self._memory.damage(title, at & -PAGE_SIZE, f"[{i}]", f"(of {va:08x}) is {self.shown(pmd)}, {text}")

    def _table(self, va: int, pmd: int) -> bool:
        """Take a pmd as that of a page table, if it can be one."""
        pfn = self.pte_pfn(pmd)
        table = PAGE_OFFSET + (pfn << PAGE_SHIFT)
        if not self._memory.has(table, PAGE_SIZE) or not self._memory.is_ram(pfn) or not pmd & PAGE_PRESENT:
            self._bad_pmd(va, pmd, "which leads to no page table")
            return True
        if self._memory.kinds[pfn]:
            who = self._memory.claimant(pfn)
            self._bad_pmd(va, pmd, f"and frame {pfn:#x} is no page table but claimed by {who}")
            return True
        if pmd != pfn << PAGE_SHIFT | PMD_FLAGS:
            self._bad_pmd(va, pmd, f"should end in {PMD_FLAGS:03x}")
        self._memory.claim_run(pfn, pfn + 1, PAGE_TABLE, f"the {self._title(va)}")
        self._tables[va] = table
        self._expected[va] = np.zeros(self._entries, dtype=np.uint64)
        return True

    # page tables

    def ptes(self, va: int, count: int) -> Entries:
        """The PTEs of `count` pages from `va` on; 0 where there is no page table."""
        pieces = []
        for base, first, last in self._pieces(va, count):
            table = self._tables.get(base) or self._fixed.get(base)
            nothing = np.zeros(last - first, dtype=np.uint64)
            at = table + first * self._format.pte_size if table else 0
            pieces.append(self._block(at, last - first) if table else nothing)
        return np.concatenate(pieces) if pieces else np.zeros(0, np.uint64)

    def expect(self, va: int, ptes: Entries) -> None:
        """Say what the PTEs from `va` on must be. A page table that is missing is a damage."""
        at = 0
        for base, first, last in self._pieces(va, len(ptes)):
            part = ptes[at : at + last - first]
            at += last - first
            if base in self._expected:
                self._expected[base][first:last] = part
            elif part.any():
                pmd = int(self._block(self._pmd(base), 1)[0])
                self._bad_pmd(base, pmd, "and a page table is needed there")

    def compare(self) -> None:
        """Compare every table with what must be in it."""
        for va, table in self._tables.items():
            self._compare(va, table, self._expected[va])
        self._fixmap()

    def _compare(self, base: int, table: int, expected: Entries) -> None:
        actual = self._block(table, self._entries)
        wrong = np.flatnonzero(actual != expected)
        if len(wrong) > MOST and expected.any() and not (actual == expected)[expected != 0].any():
            pmd = int(self._block(self._pmd(base), 1)[0])
            self._bad_pmd(base, pmd, "which is not the page table of that range")
            return
        for n in wrong[:MOST].tolist():
            va = base + (n << PAGE_SHIFT)
            self.bad_pte(table, va, int(actual[n]), f"should be {self.shown(int(expected[n]))}")
        if len(wrong) > MOST:
            self._memory.damage(self._title(base), table, "", f"has {len(wrong) - MOST} more wrong entries")

    def bad_pte(self, table: int, va: int, pte: int, text: str) -> None:
        """Note that a PTE is wrong."""
        self._memory.damage(self._title(va), table, f"PTE of {va:08x}", f"is {self.shown(pte)}, {text}")

    def _fixmap(self) -> None:
        """The fixmap has the hypercall page, the kmap_atomic slots in use, and what set_fixmap has mapped."""
        layout = self._layout
        slots = range(FIX_KMAP_BEGIN, FIX_KMAP_BEGIN + KM_TYPE_NR * layout.nr_cpus)
        hypercall = self._format.pfn_pte(HYPERCALL_FRAME, PAGE_KERNEL_NOCACHE)
        for n, pte in enumerate(self._block(self.fixmap, self._entries).tolist()):
            va = fixmap_table(layout) + (n << PAGE_SHIFT)
            index = virt_to_fix(va)
            if index == FIX_HYPERCALL:
                if pte != hypercall:
                    self.bad_pte(self.fixmap, va, pte, "should lead to the hypercall page")
            elif pte and index in slots:
                pfn = self.pte_pfn(pte)
                if pte != self._format.pfn_pte(pfn, PAGE_KERNEL) or not self._memory.is_ram(pfn):
                    self.bad_pte(self.fixmap, va, pte, "which is no mapping by kmap_atomic")
            elif pte and index >= end_of_fixed_addresses(layout):
                self.bad_pte(self.fixmap, va, pte, f"should be {self.shown(0)}")
            elif pte and (pte & _FIXED != PAGE_PRESENT | PAGE_ACCESSED or self.pte_pfn(pte) >> 20):
                self.bad_pte(self.fixmap, va, pte, "which is no mapping by set_fixmap")

    def _title(self, va: int) -> str:
        return f"page table of {va & -self._size:08x}"

    def _pieces(self, va: int, count: int) -> list[tuple[int, int, int]]:
        """A range of pages by page table: (first address that it maps, first and last PTE)."""
        found, n = [], self._entries
        at, end = va >> PAGE_SHIFT, (va >> PAGE_SHIFT) + count
        while at < end:
            stop = min(end, (at | n - 1) + 1)
            found.append((at // n * self._size, at % n, at % n + stop - at))
            at = stop
        return found
