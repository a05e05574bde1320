"""What page tables cost: every page that is one, what it maps, and which address spaces lead to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hw.paging import CR4_PAE, CR4_PSE, PS, P
from hw.ram import RAM
from mm.aliases import Windows
from mm.layout import EMPTY_ZERO_PAGE, PAGE_OFFSET, PAGE_SIZE

if TYPE_CHECKING:
    from numpy import uint64
    from numpy.typing import NDArray

    Entries = NDArray[uint64]

_ADDRESS = (1 << 40) - PAGE_SIZE
_NOTHING = EMPTY_ZERO_PAGE - PAGE_OFFSET  # what the user entries of init_mm's PAE directory lead to


@dataclass(frozen=True, slots=True)
class TablePage:
    """A page table. physical: where it is; size: in bytes, 4096, or 32 of a PAE directory. level: "pgd", "pmd", "pte".

    start, end: the linear addresses that its entries are for. used: how many of its `entries` are not 0. window: of
    the first of these, as in mm.aliases.Alias; "" of a directory and without a kernel. spaces: the CR3s of the address
    spaces that lead to it.
    """

    physical: int
    level: str
    start: int
    end: int
    used: int
    entries: int
    size: int
    window: str
    spaces: tuple[int, ...]


class _Walk:
    """Collects tables by (physical address, first linear address, level)."""

    def __init__(self, ram: RAM, cr4: int, skip: int) -> None:
        import numpy as np

        self.wide = bool(cr4 & CR4_PAE)
        self._words = np.frombuffer(ram.words, np.uint32)
        self._large = PS if self.wide or cr4 & CR4_PSE else 0
        self._skip = skip
        # (level, shift of an entry's share, number of entries), from the top
        self.shape = [("pgd", 22, 1024), ("pte", 12, 1024)]
        if self.wide:
            self.shape = [("pgd", 30, 4), ("pmd", 21, 512), ("pte", 12, 512)]
        self.found: dict[tuple[int, int, str], tuple[Entries, list[int]]] = {}

    def visit(self, pa: int, start: int, depth: int, cr3: int) -> None:
        """A table, and all below it."""
        import numpy as np

        level, shift, count = self.shape[depth]
        size = count * (2 if self.wide else 1)
        part = self._words[pa >> 2 : (pa >> 2) + size]
        if len(part) < size:
            return
        entries = part.view(np.uint64) if self.wide else part.astype(np.uint64)
        self.found.setdefault((pa, start, level), (entries, []))[1].append(cr3)
        if level == "pte":
            return
        for n in np.flatnonzero(entries & np.uint64(P)).tolist():
            entry = int(entries[n])
            is_page = entry & self._large and not (self.wide and level == "pgd")
            if not is_page and entry & _ADDRESS != self._skip:
                self.visit(entry & _ADDRESS, start + (n << shift), depth + 1, cr3)


def table_pages(ram: RAM, spaces: Iterable[int], cr4: int, windows: Windows | None = None) -> list[TablePage]:
    """All tables under the CR3s `spaces`, each once: directories first, then by the addresses that they map."""
    import numpy as np

    walk = _Walk(ram, cr4, _NOTHING if windows else -1)
    for cr3 in dict.fromkeys(spaces):
        walk.visit(cr3, 0, 0, cr3)
    shifts = {level: shift for level, shift, _ in walk.shape}
    rows = []
    for (pa, start, level), (entries, cr3s) in walk.found.items():
        used, count, shift = np.flatnonzero(entries), len(entries), shifts[level]
        first = start + (int(used[0]) << shift) if len(used) else start
        rows.append(TablePage(
            pa, level, start, start + (count << shift), len(used), count, count * 8 if walk.wide else PAGE_SIZE,
            windows.of(first)[0] if windows and level == "pte" else "", tuple(cr3s),
        ))  # fmt: skip
    order = [level for level, _, _ in walk.shape]
    return sorted(rows, key=lambda row: (row.level != "pgd", row.start, order.index(row.level), row.physical))
