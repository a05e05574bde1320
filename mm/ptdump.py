"""The page tables as runs of equal pages: debugfs' kernel_page_tables (arch/x86/mm/dump_pagetables.c, 2.6.26).

Its text is that of the kernels up to 3.13. Two runs that read the same are one here, also where their accessed and
dirty bits, which the text does not show, differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mm.fixmap import fixaddr_start, pkmap_base, vmalloc_end, vmalloc_start
from mm.layout import PAGE_OFFSET, PAGE_SHIFT, Layout
from mm.list import Words
from mm.pgtable import PAGE_GLOBAL, PAGE_NX, PAGE_PRESENT, PAGE_PSE, PAGE_RW, PAGE_USER

if TYPE_CHECKING:
    from numpy import uint64
    from numpy.typing import NDArray

    Entries = NDArray[uint64]

PAGE_PWT = 0x008
PAGE_PCD = 0x010
_PROTNONE = PAGE_PSE  # of a page that is not present
_FRAME = 0x000F_FFFF_FFFF_F000
_SHOWN = PAGE_PRESENT | PAGE_RW | PAGE_USER | PAGE_PWT | PAGE_PCD | PAGE_PSE | PAGE_GLOBAL
#: The regions of the address space, as the kernels of the time spell them.
REGIONS = (
    "User Space", "Kernel Mapping", "vmalloc() Area", "vmalloc() End", "Persisent kmap() Area", "Fixmap Area",
)  # fmt: skip
#: The columns: bit, what is printed where it is set, and where it is not. Bit 7 is PAT in a PTE.
_COLUMNS = (
    (PAGE_USER, "USR ", "    "), (PAGE_RW, "RW ", "ro "), (PAGE_PWT, "PWT ", "    "), (PAGE_PCD, "PCD ", "    "),
    (PAGE_PSE, "PSE ", "    "), (PAGE_GLOBAL, "GLB ", "    "), (PAGE_NX, "NX ", "x  "),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Run:
    """Addresses [start, end) whose entries are of one level and have the same flags.

    region: the part of the address space. level: pgd, pmd or pte; of the two-level format the directory is the pgd.
    flags: the entry's bits that are shown, 0 where nothing is mapped.
    """

    region: str
    start: int
    end: int
    level: str
    flags: int

    @property
    def attributes(self) -> str:
        """The entry's bits in the columns of the text."""
        if not self.flags:
            return " " * 26
        pat = self.level == "pte"
        return "".join(
            ("pat " if pat and bit == PAGE_PSE else on) if self.flags & bit else off for bit, on, off in _COLUMNS
        )


class PageTableDump:
    """Walks page tables in RAM. words: all of physical memory."""

    def __init__(self, words: Words, layout: Layout, max_low_pfn: int) -> None:
        import numpy as np

        self._memory = np.frombuffer(words, dtype=np.uint32)
        self._pae = layout.pae
        high_memory = PAGE_OFFSET + (max_low_pfn << PAGE_SHIFT)
        self._starts = (
            0, PAGE_OFFSET, vmalloc_start(high_memory), vmalloc_end(layout), pkmap_base(layout), fixaddr_start(layout)
        )  # fmt: skip

    def _table(self, pa: int, count: int) -> Entries:
        """The entries of a table; none where no RAM is."""
        import numpy as np

        size = 8 if self._pae else 4
        words = self._memory[pa >> 2 : (pa >> 2) + count * size // 4]
        if len(words) < count * size // 4:
            return np.zeros(count, np.uint64)
        return words.view(np.uint64) if self._pae else words.astype(np.uint64)

    def runs(self, pgd: int) -> list[Run]:
        """All 4 GB under the directory at physical address `pgd`.

        A region that begins in the middle of what an entry maps begins with the next entry.
        """
        shifts = (("pgd", 30, 4), ("pmd", 21, 512), ("pte", 12, 512)) if self._pae else (
            ("pgd", 22, 1024), ("pte", 12, 1024))  # fmt: skip
        found: list[Run] = []
        at = 0
        for start, step, level, flags in self._walk(pgd, 0, shifts):
            while at + 1 < len(REGIONS) and start >= self._starts[at + 1]:
                at += 1
            region = REGIONS[at]
            last = found[-1] if found else None
            if last and (last.region, last.level, last.flags) == (region, level, flags):
                found[-1] = Run(region, last.start, start + step, level, flags)
            else:
                found.append(Run(region, start, start + step, level, flags))
        return found

    def _walk(
        self, pa: int, base: int, shifts: tuple[tuple[str, int, int], ...]
    ) -> Iterator[tuple[int, int, str, int]]:
        """(address, size, level, flags) of equal neighbours; they are cut where a region begins."""
        import numpy as np

        level, shift, count = shifts[0]
        entries = self._table(pa, count)
        present = entries & (PAGE_PRESENT | _PROTNONE) != 0
        flags = np.where(present, entries & np.uint64(_SHOWN | PAGE_NX), np.uint64(0))
        leaf = np.ones(count, bool)
        if len(shifts) > 1:
            # PAE's four pgds have no bit that says large
            large = entries & PAGE_PSE != 0 if shift < 30 else np.zeros(count, bool)
            leaf = ~((entries & PAGE_PRESENT != 0) & ~large)
        cuts = {0, count, *(np.flatnonzero((flags[1:] != flags[:-1]) | ~leaf[1:] | ~leaf[:-1]) + 1).tolist()}
        cuts |= {-(-(start - base) >> shift) for start in self._starts if base < start < base + (count << shift)}
        edges = sorted(cut for cut in cuts if 0 <= cut <= count)
        for first, last in zip(edges, edges[1:]):
            start = base + (first << shift)
            if leaf[first]:
                yield start, (last - first) << shift, level, int(flags[first])
            else:
                yield from self._walk(int(entries[first]) & _FRAME, start, shifts[1:])


def kernel_page_tables_text(runs: Iterable[Run]) -> str:
    """The text of debugfs' kernel_page_tables."""
    return "".join(_lines(runs))


def _lines(runs: Iterable[Run]) -> Iterator[str]:
    at = 0
    for run in runs:
        while REGIONS.index(run.region) >= at:
            yield f"---[ {REGIONS[at]} ]---\n"
            at += 1
        size, unit = (run.end - run.start) >> 10, "K"
        for larger in "MG":
            if not size & 1023:
                size, unit = size >> 10, larger
        end = run.end & 0xFFFFFFFF
        yield f"0x{run.start:08x}-0x{end:08x}   {size:9d}{unit} {run.attributes}{run.level}\n"

