"""What an accounting finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mm.layout import MAX_ORDER

if TYPE_CHECKING:
    from numpy import uint8
    from numpy.typing import NDArray

# What a frame can be, by the code in `Report.kinds`.
KINDS: tuple[str, ...] = (
    "unclaimed", "hole", "reserved", "mem_map", "page table", "slab", "per-cpu", "vmalloc", "page cache", "in use",
    *(f"buddy {order}" for order in range(MAX_ORDER)),
)  # fmt: skip
UNCLAIMED, HOLE, RESERVED, MEM_MAP, PAGE_TABLE, SLAB, PER_CPU, VMALLOC, PAGE_CACHE, IN_USE, BUDDY = range(11)


@dataclass(frozen=True, slots=True)
class Damage:
    """One thing that is wrong.

    structure: which one, e.g. "struct zone Normal". address: its kernel virtual address; of a frame, that of its
    `struct page`. field: the member that is wrong, "" for the whole. text: what it is and what it should be.
    """

    structure: str
    address: int
    field: str
    text: str

    def __str__(self) -> str:
        where = f"{self.structure} at {self.address:08x}"
        return f"{where}: {self.field} {self.text}" if self.field else f"{where} {self.text}"


@dataclass(frozen=True, slots=True)
class Report:
    """The result of an accounting.

    frames: number of frames of each kind, all of `KINDS` but those that no frame is; their sum is max_pfn. kinds:
    index into `KINDS` for every frame. damages: what is wrong, in the order of the checks; empty on a sound machine.
    """

    frames: dict[str, int]
    kinds: NDArray[uint8]
    damages: list[Damage]

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong."""
        return not self.damages
