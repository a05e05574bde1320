"""What has changed in page tables: two moments of one address space, or two address spaces, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from hw.paging import CR0_PG, A, D, paging_format, walk_all
from hw.ram import RAM

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """All pages that are mapped under a CR3 at one moment, as rows of hw.paging.ROW_FIELDS, not merged."""

    cr3: int
    rows: NDArray[Any]


class Page(NamedTuple):
    """How a page is mapped: physical address, flags as in hw.paging.ROW_FIELDS, size of the page in bytes."""

    physical: int
    flags: int
    page_size: int


@dataclass(frozen=True, slots=True)
class Change:
    """Linear addresses [start, end) that were mapped otherwise. kind: "mapped", "unmapped", "moved" (to other frames),
    "rights" (other flags), "split" or "joined" (another page size, the frames the same).

    before, after: of the first page, None where nothing is mapped; over the range physical addresses go on evenly.
    """

    start: int
    end: int
    kind: str
    before: Page | None
    after: Page | None


def take(ram: RAM, cr3: int, cr0: int, cr4: int, efer: int = 0) -> Snapshot:
    """What is mapped now."""
    import numpy as np

    if not cr0 & CR0_PG:
        return Snapshot(cr3, walk_all(ram, cr3, cr0, cr4))
    return Snapshot(cr3, paging_format(cr4).leaves(np.frombuffer(ram.words, "<u4"), cr3, cr4, efer))


def differences(before: Snapshot, after: Snapshot, accessed_dirty: bool = False) -> list[Change]:
    """What is mapped otherwise in `after`, ascending. accessed_dirty: whether the A and D bits count too."""
    import numpy as np

    mask = 0xFFFF_FFFF if accessed_dirty else 0xFFFF_FFFF ^ (A | D)
    old, new = before.rows, after.rows
    edges = np.unique(np.concatenate([old["start"], old["end"], new["start"], new["end"]]))
    if len(edges) < 2:
        return []
    starts = edges[:-1]
    was, pa0, flags0, size0 = _at(old, starts, mask)
    is_, pa1, flags1, size1 = _at(new, starts, mask)
    both = was & is_
    differs = (was != is_) | both & ((pa0 != pa1) | (flags0 != flags1) | (size0 != size1))
    changes: list[Change] = []
    for n in np.flatnonzero(differs).tolist():
        one = Page(int(pa0[n]), int(flags0[n]), int(size0[n])) if was[n] else None
        two = Page(int(pa1[n]), int(flags1[n]), int(size1[n])) if is_[n] else None
        _append(changes, Change(int(starts[n]), int(edges[n + 1]), _kind(one, two), one, two))
    return changes


def _at(rows: NDArray[Any], starts: NDArray[Any], mask: int) -> tuple[NDArray[Any], ...]:
    """Whether each address is mapped, and its physical address, flags and page size."""
    import numpy as np

    if not len(rows):
        nothing = np.zeros(len(starts), np.int64)
        return nothing.astype(bool), nothing, nothing, nothing
    at = np.maximum(np.searchsorted(rows["start"], starts, side="right") - 1, 0)
    row = rows[at]
    mapped = (row["start"] <= starts) & (starts < row["end"])
    physical = row["pa"].astype(np.int64) + starts.astype(np.int64) - row["start"].astype(np.int64)
    return mapped, physical, row["flags"] & np.uint32(mask), row["page_size"]


def _kind(before: Page | None, after: Page | None) -> str:
    if before is None:
        return "mapped"
    if after is None:
        return "unmapped"
    if before.physical != after.physical:
        return "moved"
    if before.flags != after.flags:
        return "rights"
    return "split" if after.page_size < before.page_size else "joined"


def _append(changes: list[Change], change: Change) -> None:
    """Add a change, or lengthen the last one where it goes on evenly."""
    if changes:
        last = changes[-1]
        size = last.end - last.start
        if (
            last.end == change.start and last.kind == change.kind
            and _follows(last.before, change.before, size) and _follows(last.after, change.after, size)
        ):  # fmt: skip
            changes[-1] = Change(last.start, change.end, last.kind, last.before, last.after)
            return
    changes.append(change)


def _follows(first: Page | None, following: Page | None, size: int) -> bool:
    if first is None or following is None:
        return first is following
    return following == first._replace(physical=first.physical + size)


