"""mem_map: every `struct page` against what its frame is, and what the frames are that no structure claims."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mm.fsck.boot import BootMap, zone_bounds
from mm.fsck.caches import Objects
from mm.fsck.memory import MOST, Frames, Memory, Words, pages_up, shown
from mm.fsck.params import Kernel
from mm.fsck.report import (
    BUDDY,
    HOLE,
    IN_USE,
    MEM_MAP,
    PAGE_CACHE,
    PAGE_TABLE,
    RESERVED,
    SLAB,
    UNCLAIMED,
    VMALLOC,
)
from mm.layout import MAX_ORDER, PAGE_OFFSET, PAGE_SHIFT
from mm.page_flags import (
    CLEAR_AT_PREP,
    ZONES_SHIFT,
    PG_active,
    PG_buddy,
    PG_compound,
    PG_lru,
    PG_reserved,
    PG_slab,
    decode,
)  # fmt: skip

_DEFINED = (1 << 20) - 1
_STALE = CLEAR_AT_PREP | 1 << 13 | 1 << 18  # bits that neither freeing nor (on a tail) allocating takes away
_FREE_MAPCOUNT = 0xFFFFFFFF
_MOST_USERS = 1 << 24  # a count from here on is no count

Mask = NDArray[np.bool_]


def claim_boot(memory: Memory, kernel: Kernel, boot: BootMap) -> None:
    """Claim what was never free: holes, the kernel, the boot-time tables."""
    end = kernel.limits.max_pfn
    at = 0
    for first, last in [*kernel.usable, (end, end)]:
        memory.claim_run(at, first, HOLE, "a hole in the memory map")
        at = last
    for first, last, who in boot.reserved:
        memory.claim_run(first, last, RESERVED, who)
    start = boot.mem_map - PAGE_OFFSET
    memory.claim_run(start >> PAGE_SHIFT, pages_up(start + boot.mem_map_bytes), MEM_MAP, "mem_map")
    for va, what in zip(boot.page_tables, ("the kmap window", "the fixmap", "the kernel's GB")):
        pfn = va - PAGE_OFFSET >> PAGE_SHIFT
        memory.claim_run(pfn, pfn + 1, PAGE_TABLE, f"the page table of {what}")


class MemMap:
    """The last check: it classifies what is left, and compares all of mem_map."""

    def __init__(
        self, memory: Memory, kernel: Kernel, boot: BootMap, objects: Objects, from_boot: Mask, lru: Words, holds: Words
    ) -> None:
        """from_boot: the frames that were never free. lru: by frame, the flags that say on which of reclaim's lists it
        is. holds: by frame, the references that the kernel itself is known to hold.
        """
        self._memory = memory
        self._kernel = kernel
        self._boot = boot
        self._objects = objects
        self._from_boot = from_boot
        self._lru = lru
        self._holds = holds
        self._kinds = memory.kinds
        self._flags: Words = np.ascontiguousarray(memory.column("flags"))
        self._count: Words = np.ascontiguousarray(memory.column("_count"))
        self._zone: Words = np.zeros(kernel.limits.max_pfn, dtype=np.uint32)
        for number, (first, last) in enumerate(zone_bounds(kernel)):
            self._zone[first:last] = number << ZONES_SHIFT
        self._base: Words = self._flags ^ self._zone

    def check(self) -> None:
        """Compare every column of mem_map with what each frame's kind asks for."""
        self._in_use()
        self._check_flags()
        self._check_counts()
        self._check_words()
        self._check_boot()
        self._check_padding()

    def _report(self, field: str, wrong: Mask, actual: Words, why: Callable[[int], str]) -> None:
        found = np.flatnonzero(wrong)
        for pfn in found[:MOST].tolist():
            value = int(actual[pfn])
            text = f"is {value:#x}" if field in ("flags", "_mapcount", "mapping") else f"is {shown(value)}"
            self._memory.page_damage(pfn, field, f"{text}, {why(pfn)}")
        if len(found) > MOST:
            self._memory.damage("mem_map", self._memory.mem_map, field, f"is wrong in {len(found) - MOST} more pages")

    def _what(self, pfn: int) -> str:
        return self._memory.claimant(pfn) or "no one"

    # what nobody claimed

    def _in_use(self) -> None:
        """Frames that nobody claims are in use where someone holds a reference to their block."""
        end = self._kernel.limits.max_pfn
        nobody = self._kinds == UNCLAIMED
        tail = nobody & (self._count == 0)
        border = np.append(np.flatnonzero(~tail), end)
        heads, lengths = border[:-1], np.diff(border)
        used = nobody[heads]
        if len(border) and border[0] > 0:
            self._lost(0, int(border[0]))
        for i in np.flatnonzero(~used & (lengths > 1)).tolist():
            self._lost(int(heads[i]) + 1, int(heads[i] + lengths[i]))
        heads, lengths = heads[used], lengths[used]
        compound = (self._flags[heads] & PG_compound) != 0
        whole = ((lengths & (lengths - 1)) == 0) & (heads & (lengths - 1) == 0) & (lengths <= 1 << (MAX_ORDER - 1))
        for i in np.flatnonzero(~whole).tolist():
            size = 1 << (int(lengths[i]).bit_length() - 1)
            while heads[i] & (size - 1) or size > 1 << (MAX_ORDER - 1):
                size >>= 1
            self._lost(int(heads[i]) + size, int(heads[i] + lengths[i]))
            lengths[i] = size
        ends = heads + lengths
        for size in np.unique(lengths).tolist():
            some = heads[lengths == size]
            self._kinds[(some[:, None] + np.arange(size)).ravel()] = IN_USE
        if compound.any() or bool((nobody & ((self._flags & np.uint32(PG_compound)) != 0)).any()):
            self._compound(heads, ends, compound)

    def _lost(self, first: int, last: int) -> None:
        """Frames that no one claims and no one holds."""
        frames = f"frame {first:#x}" if last - first == 1 else f"frames {first:#x}-{last - 1:#x}"
        self._memory.page_damage(first, "_count", f"is 0, and no one claims {frames}: neither free nor in use")
        for pfn in range(first + 1, min(last, first + MOST)):
            self._memory.page_damage(pfn, "_count", "is 0, and no one claims the frame: neither free nor in use")

    def _compound(self, heads: Frames, ends: Frames, compound: Mask) -> None:
        memory = self._memory
        private, lru_next, lru_prev = memory.column("private"), memory.column("lru"), memory.column("lru.prev")
        symbol = memory.layout.symbols.get("free_compound_page")
        done = np.zeros(len(self._kinds), dtype=bool)
        for head, end in zip(heads[compound].tolist(), ends[compound].tolist()):
            done[head:end] = True
            for pfn in range(head, end):
                if not self._flags[pfn] & PG_compound:
                    text = f"is {int(self._flags[pfn]):#x} without PG_compound, in the compound page of frame {head:#x}"
                    memory.page_damage(pfn, "flags", text)
                if private[pfn] != memory.page(head):
                    memory.page_damage(pfn, "private", f"is {int(private[pfn]):08x}, the compound page begins at "
                                       f"{memory.page(head):08x}")  # fmt: skip
            if end - head == 1:
                memory.page_damage(head, "flags", f"is {int(self._flags[head]):#x} with PG_compound on a single page")
                continue
            order = (end - head).bit_length() - 1
            if lru_prev[head + 1] != order:
                text = f"is {shown(int(lru_prev[head + 1]))}, the compound page has order {order}"
                memory.page_damage(head + 1, "lru.prev", text)
            if symbol is not None and lru_next[head + 1] != symbol.va:
                text = f"is {int(lru_next[head + 1]):08x}, should be free_compound_page"
                memory.page_damage(head + 1, "lru.next", text)
        stray = (self._kinds == IN_USE) & ~done & ((self._flags & np.uint32(PG_compound)) != 0)
        self._report("flags", stray, self._flags, lambda pfn: "PG_compound is set outside of a compound page")

    # columns

    def _check_flags(self) -> None:
        kinds, base = self._kinds, self._base
        expected = np.zeros(len(kinds), dtype=np.uint32)
        ignored = np.full(len(kinds), _STALE, dtype=np.uint32)
        owned = self._owned() | (kinds == UNCLAIMED)
        ignored[owned] = _DEFINED & ~(PG_slab | PG_buddy | PG_lru)
        ignored[(kinds == VMALLOC) | (kinds == PAGE_CACHE)] &= ~np.uint32(PG_compound)
        ignored[self._lru != 0] &= ~np.uint32(PG_active)
        expected |= self._lru
        ignored[kinds >= BUDDY] |= PG_buddy  # compared with the free lists
        ignored[self._from_boot] = 0
        expected[kinds == SLAB] = PG_slab
        expected[self._from_boot] = PG_reserved
        wrong = ((base ^ expected) & ~ignored) != 0
        self._report("flags", wrong, self._flags, self._explain_flags)

    def _owned(self) -> Mask:
        """The frames that someone besides the memory manager has, or may have."""
        kinds = self._kinds
        owned: Mask = (kinds == VMALLOC) | (kinds == PAGE_CACHE) | (kinds == IN_USE)
        return owned

    def _explain_flags(self, pfn: int) -> str:
        flags = int(self._flags[pfn])
        zone = int(self._zone[pfn]) >> ZONES_SHIFT
        if flags >> ZONES_SHIFT != zone:
            return f"zone {flags >> ZONES_SHIFT}, the frame is in zone {zone}"
        return f"{decode(flags)}, the frame belongs to {self._what(pfn)}"

    def _check_counts(self) -> None:
        kinds, count = self._kinds, self._count
        exact = np.zeros(len(kinds), dtype=np.uint32)
        exact[self._from_boot | (kinds == PAGE_TABLE)] = 1
        for cache in self._objects.caches:
            starts = np.array([start for start in cache.starts if start >= 0], dtype=np.int64)
            exact[starts] = 1
        held = self._owned() | (kinds == UNCLAIMED)
        wrong = np.where(held, (count >= _MOST_USERS) | (count < self._holds), count != exact)
        wrong |= (kinds == VMALLOC) & (count == 0)
        self._report("_count", wrong, count, lambda pfn: f"the frame belongs to {self._what(pfn)}"
                     + (f", {holds} references are known" if (holds := int(self._holds[pfn])) else ""))  # fmt: skip

    def _check_words(self) -> None:
        """_mapcount and mapping of what no one maps; virtual of lowmem."""
        mapcount: Words = np.ascontiguousarray(self._memory.column("_mapcount"))
        held = self._owned()
        wrong = np.where(held, (mapcount >= _MOST_USERS) & (mapcount != _FREE_MAPCOUNT), mapcount != _FREE_MAPCOUNT)
        self._report("_mapcount", wrong, mapcount, lambda pfn: "should be -1")
        mapping: Words = np.ascontiguousarray(self._memory.column("mapping"))
        self._report("mapping", (mapping != 0) & ~held, mapping, lambda pfn: "should be 0")
        if self._memory.layout.page_owner:
            low = self._kernel.limits.max_low_pfn
            virtual = self._memory.column("virtual")[:low]
            right = (PAGE_OFFSET + (np.arange(low, dtype=np.int64) << PAGE_SHIFT)).astype(np.uint32)
            self._report("virtual", virtual != right, virtual, lambda pfn: f"should be {int(right[pfn]):#x}")

    def _check_boot(self) -> None:
        """Pages that were never free are as memmap_init_zone left them."""
        names = ["private", "index"] + (["owner"] if self._memory.layout.page_owner else [])
        for name in names:
            column = self._memory.column(name)
            self._report(name, (column != 0) & self._from_boot, column, lambda pfn: "should be 0")
        first = self._memory.mem_map + self._memory.offset("page", "lru")
        pfns = np.arange(len(self._kinds), dtype=np.int64)
        heads = (first + pfns * self._memory.page_size).astype(np.uint32)
        for name in ("lru.next", "lru.prev"):
            column = self._memory.column(name)
            self._report(name, (column != heads) & self._from_boot, column, lambda pfn: "should be an empty list")

    def _check_padding(self) -> None:
        used = self._kernel.limits.max_pfn * self._memory.page_size
        rest = self._memory.block(self._boot.mem_map + used, self._boot.mem_map_bytes - used >> 2)
        for i in np.flatnonzero(rest)[:MOST].tolist():
            self._memory.damage("mem_map", self._boot.mem_map, f"word at {used + 4 * i:#x}",
                                f"is {shown(int(rest[i]))}, should be 0 behind the last page")  # fmt: skip
