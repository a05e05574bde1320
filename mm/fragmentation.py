"""How much of the free memory is of use for a request of an order (Mel Gorman's unusable free space index)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from mm.frame_map import FrameMap
from mm.fsck.report import BUDDY, KINDS
from mm.vmstat import BuddyInfo, ZoneInfo

_MOST_CELLS = 2048


@dataclass(frozen=True, slots=True)
class UnusableIndex:
    """A zone's index by order, 0 (all free memory serves) to 1 (none does; also where nothing is free)."""

    node: int
    zone: str
    index: tuple[float, ...]


def unusable_index(rows: Iterable[BuddyInfo]) -> list[UnusableIndex]:
    """The index of every zone from its free blocks: the share of free pages that lie in blocks below the order."""
    result = []
    for row in rows:
        pages = [count << order for order, count in enumerate(row.nr_free)]
        free = sum(pages)
        index = [(free - sum(pages[order:])) / free if free else 1.0 for order in range(len(pages))]
        result.append(UnusableIndex(row.node, row.zone, tuple(index)))
    return result


@dataclass(frozen=True, slots=True)
class Cell:
    """A run of frames: the first, how many exist, how many of them are in free blocks, and what most others are."""

    first: int
    frames: int
    free: int
    kind: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A zone in cells of 2^order frames. frames: those of the zone by kind, "free" all that is in free blocks."""

    zone: str
    order: int
    cells: list[Cell]
    frames: dict[str, int]


def picture(zone: ZoneInfo, frames: FrameMap, order: int | None = None) -> Picture:
    """The cells of a zone. order: log2 of a cell's frames; None: the least one that gives at most 2048 cells."""
    if order is None:
        order = max(0, (max(1, zone.spanned) - 1).bit_length() - (_MOST_CELLS - 1).bit_length())
    size = 1 << order
    kinds = frames.kinds[zone.start_pfn : zone.start_pfn + zone.spanned]
    kinds = np.minimum(kinds, BUDDY)
    start = zone.start_pfn & -size
    before = zone.start_pfn - start
    cell_of = (np.arange(len(kinds)) + before) >> order
    count = int(cell_of[-1]) + 1 if len(cell_of) else 0
    table = np.bincount(cell_of * (BUDDY + 1) + kinds, minlength=count * (BUDDY + 1)).reshape(count, BUDDY + 1)
    most = table[:, :BUDDY].argmax(axis=1)
    cells = [
        Cell(
            max(start + (i << order), zone.start_pfn), int(row.sum()), int(row[BUDDY]),
            KINDS[int(kind)] if row[int(kind)] else "free",
        )
        for i, (row, kind) in enumerate(zip(table, most))
    ]  # fmt: skip
    totals = table.sum(axis=0).tolist()
    by_kind = {("free" if code == BUDDY else KINDS[code]): n for code, n in enumerate(totals) if n}
    return Picture(zone.zone, order, cells, by_kind)
