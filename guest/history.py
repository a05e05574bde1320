"""Who allocated and who freed what last, as the events tell it: kept by the host from when it is switched on."""

from __future__ import annotations

import json
import zlib
from collections import OrderedDict
from collections.abc import Iterable

from hw.errors import ImageError
from mm.events import Events
from mm.layout import MAX_ORDER, PAGE_SIZE, Layout
from mm.list import Words
from mm.owner import Site
from mm.time import Clock
from mm.traps import Traps

MOST = 1 << 16
"""So many allocations and frees are known at most, and as many of blocks of pages; of more the oldest are forgotten."""

_Row = tuple[int, int, int, int, int, int]  # call site, time, pid, CPU, bytes (of pages: their order), number
_Rows = OrderedDict[int, _Row]  # by pointer or frame, the newest last


class History:
    """Listens to the events of a kernel. That takes 2 us an event."""

    def __init__(self, events: Events, w: Words, layout: Layout, traps: Traps, clock: Clock) -> None:
        self._events = events
        self._w = w
        self._pid = layout["task_struct"].word("pid")
        self._traps = traps
        self._clock = clock
        self._number = 0
        self._tables: tuple[_Rows, _Rows, _Rows, _Rows] = (OrderedDict(), OrderedDict(), OrderedDict(), OrderedDict())
        note, (allocated, freed, pages, free_pages) = self._note, self._tables

        def alloc(site: int, ptr: int, bytes_req: int, *rest: int) -> None:
            if ptr:
                note(allocated, ptr, site, bytes_req)

        def free(site: int, ptr: int) -> None:
            if ptr:
                note(freed, ptr, site, 0)

        def page_alloc(page: int, pfn: int, order: int, *rest: int) -> None:
            if page:
                note(pages, pfn, traps.caller, order)

        for name in ("kmalloc", "kmem_cache_alloc", "vmalloc"):
            events.tap(name, self, alloc)
        for name in ("kfree", "kmem_cache_free", "vfree"):
            events.tap(name, self, free)
        events.tap("mm_page_alloc", self, page_alloc)
        events.tap("mm_page_free", self, lambda page, pfn, order: note(free_pages, pfn, traps.caller, order))
        events.tap("kmap", self, lambda site, page, pfn, ptr: note(allocated, ptr, site, 0))
        events.tap("kunmap", self, lambda site, page, pfn, ptr: note(freed, ptr, site, 0))
        events.tap("kmap_atomic", self, lambda site, pfn, ptr, km_type: note(allocated, ptr, site, 0))
        events.tap("kunmap_atomic", self, lambda site, ptr, km_type: note(freed, ptr, site, 0))

    def clear(self) -> None:
        """Forget what is known."""
        for rows in self._tables:
            rows.clear()

    def close(self) -> None:
        """Listen no more. What is known stays."""
        self._events.unsubscribe(self)

    def _note(self, rows: _Rows, key: int, site: int, size: int) -> None:
        w, traps = self._w, self._traps
        task = (traps.current() ^ 0xC0000000) >> 2
        pid = w[task + self._pid] if task < len(w) - self._pid else 0
        rows[key] = site, self._clock(), pid, traps.cpu, size, self._number
        rows.move_to_end(key)
        self._number += 1
        if len(rows) > MOST:
            rows.popitem(last=False)

    # in a file

    def note(self) -> bytes:
        """All that is known, for `load`."""
        return zlib.compress(json.dumps([self._number, *(list(rows.items()) for rows in self._tables)]).encode())

    def load(self, note: bytes) -> None:
        """Know what `note` gave. Raises ImageError where it is damaged."""
        try:
            number, *tables = json.loads(zlib.decompress(note))
            for rows, found in zip(self._tables, tables, strict=True):
                rows.update((int(key), _row(row)) for key, row in found)
            self._number = int(number)
        except (ValueError, TypeError, zlib.error) as error:
            raise ImageError(f"the history of a saved machine cannot be read: {error}") from None

    # what is asked

    def pointer(self, va: int, live: bool = True) -> tuple[Site | None, Site | None]:
        """Who allocated and who freed the slab object, the vmalloc area or the window that begins at `va`, last.

        live: it is allocated now, so that one who allocated before the last who freed is not told.
        """
        allocated, freed, _, _ = self._tables
        row = allocated.get(va)
        return _sites(row, freed.get(va), row[4] if row else 0, live)

    def freed_area(self, va: int, lowest: int) -> tuple[int, Site, Site] | None:
        """The vmalloc area at `lowest` or above that was freed last of those that had `va`: where it began, who
        allocated it (with its size), who freed it.
        """
        allocations, frees, _, _ = self._tables
        found, newest = None, -1
        for start in range(va & -PAGE_SIZE, lowest - 1, -PAGE_SIZE):
            freed, allocated = frees.get(start), allocations.get(start)
            if not freed or not allocated or not allocated[5] < freed[5] > newest:
                continue
            if va - start < allocated[4] + -allocated[4] % PAGE_SIZE:
                newest = freed[5]
                found = start, Site(*allocated[:4], size=allocated[4]), Site(*freed[:4])
        return found

    def pages(self, pfn: int) -> tuple[Site | None, Site | None]:
        """Who allocated and who freed a block of pages last that frame `pfn` was in."""
        heads = dict.fromkeys(pfn & -1 << order for order in range(MAX_ORDER))

        def newest(rows: _Rows) -> _Row | None:
            found = (row for head in heads if (row := rows.get(head)) and pfn - head < 1 << row[4])
            return max(found, key=lambda row: row[5], default=None)

        return _sites(newest(self._tables[2]), newest(self._tables[3]), 0)


def _row(values: Iterable[int]) -> _Row:
    site, time_ns, pid, cpu, size, number = map(int, values)
    return site, time_ns, pid, cpu, size, number


def _sites(
    allocated: _Row | None, freed: _Row | None, size: int, live: bool = True
) -> tuple[Site | None, Site | None]:  # fmt: skip
    """What has been freed since is allocated no more, or by somebody who announces nothing."""
    if live and allocated and freed and allocated[5] < freed[5]:
        allocated = None
    return (
        Site(*allocated[:4], size=size or None) if allocated else None, Site(*freed[:4]) if freed else None,
    )  # fmt: skip
