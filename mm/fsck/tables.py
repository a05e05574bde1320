"""The kernel's page tables: swapper_pg_dir and every table that hangs in it."""

from __future__ import annotations

import numpy as np

from mm.fixmap import (
    FIX_HYPERCALL,
    FIX_KMAP_BEGIN,
    FIXADDR_TOP,
    PGDIR_SHIFT,
    PGDIR_SIZE,
    fix_to_virt,
    pkmap_base,
    vmalloc_end,
    vmalloc_start,
)  # fmt: skip
from mm.fsck.boot import BootMap
from mm.fsck.image import HYPERCALL_FRAME
from mm.fsck.memory import MOST, Memory, Words
from mm.fsck.params import Kernel
from mm.fsck.report import PAGE_TABLE
from mm.layout import KM_TYPE_NR, PAGE_OFFSET, PAGE_SHIFT, PAGE_SIZE
from mm.pgtable import PAGE_KERNEL, PAGE_KERNEL_LARGE, PAGE_KERNEL_NOCACHE, PAGE_PRESENT
from mm.pgtable import PAGE_TABLE as PDE_FLAGS

_KERNEL = PAGE_OFFSET >> PGDIR_SHIFT


class Tables:
    """The page tables, and what must be in them.

    `expected` has the PTEs of each table of vmalloc space by its place in the directory; who knows of
    a mapping writes it there by `expect`.
    """

    def __init__(self, memory: Memory, kernel: Kernel, boot: BootMap) -> None:
        self._memory = memory
        self._va = memory.layout.va("swapper_pg_dir")
        self._low = kernel.limits.max_low_pfn << PAGE_SHIFT
        nr_cpus = kernel.layout.nr_cpus
        self.start, self.end = vmalloc_start(PAGE_OFFSET + self._low & 0xFFFFFFFF), vmalloc_end(nr_cpus)
        self._nr_cpus = nr_cpus
        self.pkmap, self.fixmap = boot.page_tables
        self._pkmap_base = pkmap_base(nr_cpus)
        self._tables: dict[int, int] = {}
        self._expected: dict[int, Words] = {}
        self._read_directory()

    def _read_directory(self) -> None:
        memory = self._memory
        fixed = {self._pkmap_base >> PGDIR_SHIFT: self.pkmap, (FIXADDR_TOP & -PGDIR_SIZE) >> PGDIR_SHIFT: self.fixmap}
        dynamic = range(self.start >> PGDIR_SHIFT, (self.end - 1 >> PGDIR_SHIFT) + 1)
        for i, pde in enumerate(memory.block(self._va, 1024).tolist()):
            pa = (i - _KERNEL) << PGDIR_SHIFT
            if i in fixed:
                right = (fixed[i] - PAGE_OFFSET) | PDE_FLAGS
            elif 0 <= pa < self._low:
                right = pa | PAGE_KERNEL_LARGE
            elif i in dynamic:
                if not pde or self._table(i, pde):
                    continue
                right = 0
            else:
                right = 0
            if pde != right:
                self._bad_pde(i, pde, f"should be {right:08x}")

    def _bad_pde(self, i: int, pde: int, text: str) -> None:
        self._memory.damage("swapper_pg_dir", self._va, f"[{i}]", f"(of {i << PGDIR_SHIFT:08x}) is {pde:08x}, {text}")

    def _table(self, i: int, pde: int) -> bool:
        """Take a PDE as that of a page table, if it can be one."""
        table = PAGE_OFFSET + (pde & -PAGE_SIZE)
        pfn = pde >> PAGE_SHIFT
        if not self._memory.has(table, PAGE_SIZE) or not self._memory.is_ram(pfn) or not pde & PAGE_PRESENT:
            self._bad_pde(i, pde, "which leads to no page table")
            return True
        if self._memory.kinds[pfn]:
            who = self._memory.claimant(pfn)
            self._bad_pde(i, pde, f"and frame {pfn:#x} is no page table but claimed by {who}")
            return True
        if pde & (PAGE_SIZE - 1) != PDE_FLAGS:
            self._bad_pde(i, pde, f"should end in {PDE_FLAGS:03x}")
        self._memory.claim_run(pfn, pfn + 1, PAGE_TABLE, f"the {_title(i << PGDIR_SHIFT)}")
        self._tables[i] = table
        self._expected[i] = np.zeros(1024, dtype=np.uint32)
        return True

    def ptes(self, va: int, count: int) -> Words:
        """The PTEs of `count` pages from `va` on; 0 where there is no page table."""
        pieces = []
        for i, first, last in _pieces(va, count):
            table = self._tables.get(i)
            nothing = np.zeros(last - first, dtype=np.uint32)
            pieces.append(self._memory.block(table + 4 * first, last - first) if table else nothing)
        return np.concatenate(pieces) if pieces else np.zeros(0, np.uint32)

    def expect(self, va: int, ptes: Words) -> None:
        """Say what the PTEs from `va` on must be. A page table that is missing is a damage."""
        at = 0
        for i, first, last in _pieces(va, len(ptes)):
            part = ptes[at : at + last - first]
            at += last - first
            if i in self._expected:
                self._expected[i][first:last] = part
            elif part.any():
                pde = self._memory.word(self._va + 4 * i)
                self._bad_pde(i, pde, "and a page table is needed there")

    def compare(self) -> None:
        """Compare every table with what must be in it."""
        for i, table in self._tables.items():
            self._compare(i, table, self._expected[i])
        self._fixmap()

    def _compare(self, i: int, table: int, expected: Words) -> None:
        actual = self._memory.block(table, 1024)
        wrong = np.flatnonzero(actual != expected)
        if len(wrong) > MOST and expected.any() and not (actual == expected)[expected != 0].any():
            self._bad_pde(i, self._memory.word(self._va + 4 * i), "which is not the page table of that range")
            return
        for n in wrong[:MOST].tolist():
            va = (i << PGDIR_SHIFT) + (n << PAGE_SHIFT)
            self.bad_pte(table, va, int(actual[n]), f"should be {int(expected[n]):08x}")
        if len(wrong) > MOST:
            self._memory.damage(_title(i << PGDIR_SHIFT), table, "", f"has {len(wrong) - MOST} more wrong entries")

    def bad_pte(self, table: int, va: int, pte: int, text: str) -> None:
        """Note that a PTE is wrong."""
        self._memory.damage(_title(va), table, f"PTE of {va:08x}", f"is {pte:08x}, {text}")

    def _fixmap(self) -> None:
        """The fixmap has the hypercall page and the kmap_atomic slots in use."""
        highmem = range(self._memory.limits.max_low_pfn, self._memory.limits.max_pfn)
        slots = range(FIX_KMAP_BEGIN, FIX_KMAP_BEGIN + KM_TYPE_NR * self._nr_cpus)
        base = FIXADDR_TOP & -PGDIR_SIZE
        for n, pte in enumerate(self._memory.block(self.fixmap, 1024).tolist()):
            va = base + (n << PAGE_SHIFT)
            index = FIXADDR_TOP - va >> PAGE_SHIFT
            if index == FIX_HYPERCALL:
                if pte != HYPERCALL_FRAME << PAGE_SHIFT | PAGE_KERNEL_NOCACHE:
                    self.bad_pte(self.fixmap, va, pte, "should lead to the hypercall page")
            elif pte and index in slots:
                pfn = pte >> PAGE_SHIFT
                if pte & (PAGE_SIZE - 1) != PAGE_KERNEL or pfn not in highmem or not self._memory.is_ram(pfn):
                    self.bad_pte(self.fixmap, va, pte, "which maps no HighMem page")
            elif pte:
                self.bad_pte(self.fixmap, va, pte, "should be 00000000")
        assert fix_to_virt(FIX_HYPERCALL) > base


def _title(va: int) -> str:
    return f"page table of {va & -PGDIR_SIZE:08x}"


def _pieces(va: int, count: int) -> list[tuple[int, int, int]]:
    """A range of pages by page table: (place in the directory, first and last PTE)."""
    found = []
    at, end = va >> PAGE_SHIFT, (va >> PAGE_SHIFT) + count
    while at < end:
        stop = min(end, (at | 1023) + 1)
        found.append((at >> 10, at & 1023, (at & 1023) + stop - at))
        at = stop
    return found
