"""What an address is and whose: the object, page, area, table, stack, program or hole that a byte belongs to.

Everything is derived from the structures in RAM; nothing is changed. Who allocated and who freed is what those say who
keep records: the history (where the host keeps one), the records of page owners, the last user of a debugged slab
object, the holders of kmap slots.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from mm.aliases import Windows
from mm.errors import DamagedMemory, KernelFault, ListCycle
from mm.fixmap import (
    FIX_HYPERCALL,
    FIXADDR_TOP,
    end_of_fixed_addresses,
    fix_to_virt,
    pkmap_base,
    slot_names,
    virt_to_fix,
    vmalloc_end,
    vmalloc_start,
)
from mm.kmap_info import KmapInspector
from mm.layout import PAGE_OFFSET, PAGE_SHIFT, PAGE_SIZE, Layout
from mm.list import Words
from mm.page_owner import OwnerView
from mm.pgtable import PAGE_PRESENT, PageTables

if TYPE_CHECKING:
    from mm.area_owner import AreaOwners
    from mm.frame_owner import FrameOwners

_DAMAGE = (IndexError, ValueError, ListCycle, KernelFault, DamagedMemory)
_END = 1 << 32


@dataclass(frozen=True, slots=True)
class Site:
    """Who allocated or freed. address: the return address of the call, 0 of the kernel itself. trace: that and the ones
    above it, as far as they are known. time_ns: since the boot. size: bytes asked for. None: not known.
    """

    address: int
    time_ns: int | None = None
    pid: int | None = None
    cpu: int | None = None
    trace: tuple[int, ...] = ()
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An object beside another one in a slab."""

    number: int
    address: int
    state: str


@dataclass(frozen=True, slots=True)
class Owner:
    """What an address is.

    kind: "slab object", "guard page", "hole", ... start, end: of what it is, `end` exclusive; physical addresses where
    `linear` is False (of a frame that is not in the direct map, and where no frame is). note: what it is, in a phrase.
    name: of the cache, symbol, program, task, slot or area. pfn: the kernel's frame that the byte is in. accounted:
    what `FrameMap.kind` says of that, "" without one. number, state, size: of an object, a slot, a page in what it is
    a part of. previous, next: the neighbours of a slab object. allocated, freed: who did last, as far as that is known.
    within: what the memory of it is taken from: of a stack the slab object, of a program the area. behind: of a window,
    whose the frame is that shows there; None where that has been allocated for this address, as in vmalloc.
    """

    kind: str
    start: int
    end: int
    note: str
    name: str = ""
    linear: bool = True
    pfn: int | None = None
    zone: str = ""
    accounted: str = ""
    number: int | None = None
    state: str = ""
    size: int | None = None
    previous: Neighbour | None = None
    next: Neighbour | None = None
    allocated: Site | None = None
    freed: Site | None = None
    within: Owner | None = None
    behind: Owner | None = None

    def __str__(self) -> str:
        return self.note


class Records(Protocol):
    """A history of allocations. `pointer` and `pages` give who allocated last and who freed last."""

    def pointer(self, va: int, live: bool = True) -> tuple[Site | None, Site | None]:
        """Of a slab object, a vmalloc area or a window, by its first address. live: it is allocated now."""

    def pages(self, pfn: int) -> tuple[Site | None, Site | None]:
        """Of the block of pages that a frame is in, or was in."""

    def freed_area(self, va: int, lowest: int) -> tuple[int, Site, Site] | None:
        """The vmalloc area, not below `lowest`, that had `va` and was freed: its start, who allocated and freed it."""


class Sites:
    """Who allocated and freed. clock(): the time since boot in ns; records(): the history, None where none is kept."""

    def __init__(
        self, w: Words, layout: Layout, clock: Callable[[], int], records: Callable[[], Records | None]
    ) -> None:
        self._w = w
        self._layout = layout
        self._clock = clock
        self._records = records

    def pointer(self, va: int, live: bool = True) -> tuple[Site | None, Site | None]:
        """Who allocated and who freed the object or area at `va` last, where the history has it.

        live: it is allocated now; an allocation before the last free is none of it.
        """
        records = self._records()
        return records.pointer(va, live) if records else (None, None)

    def pages(self, pfn: int) -> tuple[Site | None, Site | None]:
        """The same of the block of pages that a frame is in, or was in when it was freed."""
        records = self._records()
        known, freed = records.pages(pfn) if records else (None, None)
        block = self.block(pfn)
        if known and block and (known.address, known.time_ns) == (block.address, block.time_ns):
            block = replace(block, cpu=known.cpu)
        return block or known, freed

    def freed_area(self, va: int, lowest: int) -> tuple[int, Site, Site] | None:
        """The vmalloc area in the hole from `lowest` on that had `va` last, where the history has it."""
        records = self._records()
        return records.freed_area(va, lowest) if records else None

    def block(self, pfn: int) -> Site | None:
        """Who has allocated the block that a frame is in, by the record of its owner."""
        if not self._layout.page_owner or pfn >= self._w[(self._layout.va("max_mapnr") ^ 0xC0000000) >> 2]:
            return None
        block = OwnerView(self._w, self._layout, self._clock).block(pfn)
        if block is None or block.owner is None:
            return None
        trace = block.owner.trace
        return Site(trace[0] if trace else 0, block.nsec, block.owner.pid, None, trace)


class Owners:
    """Finds owners. frames: of physical memory; areas: of vmalloc space."""

    def __init__(
        self, layout: Layout, max_low_pfn: int, tables: PageTables, kmaps: KmapInspector, sites: Sites,
        areas: AreaOwners, frames: FrameOwners,
    ) -> None:  # fmt: skip
        self._layout = layout
        self._tables = tables
        self._kmaps = kmaps
        self._sites = sites
        self._areas = areas
        self._frames = frames
        self._windows = Windows(layout, max_low_pfn)
        self._slots = slot_names(layout)
        high_memory = PAGE_OFFSET + (max_low_pfn << PAGE_SHIFT)
        pkmap = pkmap_base(layout)
        self._used = [
            (0, high_memory, "the direct map"),
            (vmalloc_start(high_memory), vmalloc_end(layout), "vmalloc space"),
            (pkmap, pkmap + layout.last_pkmap * PAGE_SIZE, "the kmap window"),
            (fix_to_virt(end_of_fixed_addresses(layout) - 1), FIXADDR_TOP + PAGE_SIZE, "the fixmap"),
        ]  # fmt: skip

    def region(self, va: int) -> str:
        """What the kernel uses a linear address for: "user", "direct map", "vmalloc", "kmap", "kmap_atomic", "fixmap",
        or "hole".
        """
        return self._windows.of(va & _END - 1)[0] or "hole"

    def linear(self, va: int, cr3: int | None = None, behind: bool = True) -> Owner:
        """Whose a linear address is. cr3: the page directory that counts below the kernel, by default init_mm's.

        behind: also whose the frame is that shows there. Damaged structures do not raise: the note tells of them.
        """
        va &= _END - 1
        try:
            if (owner := self._direct(va)) is not None:
                return owner
            owner, tables = self._window(va), self._tables
            if cr3 is not None and va < PAGE_OFFSET:
                tables = tables.of(PAGE_OFFSET + (cr3 & -tables.pgd_size))
            pa = tables.translate(va) if behind and owner.kind != "hypercall page" else None
            if pa is None:
                return owner
            shown = self._frames.owner(pa)
            owner = replace(owner, pfn=shown.pfn, zone=shown.zone, accounted=shown.accounted)
            return owner if shown == owner else replace(owner, behind=shown)
        except _DAMAGE as error:
            page = va & -PAGE_SIZE
            return Owner("unknown", page, page + PAGE_SIZE, _damaged(error), self.region(va))

    def physical(self, pa: int) -> Owner:
        """Whose a physical address is. Damaged structures do not raise: the note tells of them."""
        return next(self.each([pa]))

    def each(self, addresses: Iterable[int]) -> Iterator[Owner]:
        """Whose physical addresses are, all as of one moment: nothing may change before the last is answered."""
        self._frames.forget()
        for pa in addresses:
            try:
                yield self._frames.owner(pa)
            except _DAMAGE as error:
                page = pa & -PAGE_SIZE
                yield Owner("unknown", page, page + PAGE_SIZE, _damaged(error), linear=False)

    def _direct(self, va: int) -> Owner | None:
        self._frames.forget()
        return self._frames.owner(va - PAGE_OFFSET) if self.region(va) == "direct map" else None

    def _window(self, va: int) -> Owner:
        """The owner of an address outside of the direct map, without the frame behind it."""
        page = va & -PAGE_SIZE
        match self.region(va):
            case "user" if va < PAGE_SIZE:
                return Owner("null page", 0, PAGE_SIZE, "the page that null pointers lead to")
            case "user":
                return Owner("user", PAGE_SIZE, PAGE_OFFSET, "user space")
            case "vmalloc":
                return self._areas.owner(va)
            case "kmap":
                return self._kmap(page)
            case "kmap_atomic":
                return self._kmap_atomic(page)
            case "fixmap":
                return self._fixmap(page)
        return self._hole(va)

    def _hole(self, va: int) -> Owner:
        """Between the regions."""
        before = [row for row in self._used if row[1] <= va][-1]
        behind = next((row for row in self._used if row[0] > va), (_END, _END, "the end of memory"))
        return Owner("hole", before[1], behind[0], f"a hole between {before[2]} and {behind[2]}")

    # windows

    def _kmap(self, page: int) -> Owner:
        slot = self._kmaps.kmap().slots[page - pkmap_base(self._layout) >> PAGE_SHIFT]
        allocated, freed = self._sites.pointer(page)
        holder, count = slot.holder, self._layout.last_pkmap
        if holder is not None:
            site = Site(holder.caller, None, holder.pid)
            allocated = allocated if allocated and allocated.address == holder.caller else site
        note = f"slot {slot.nr} of {count} of the kmap window, {slot.state}"
        if slot.users:
            note += f", {slot.users} user{'s' * (slot.users != 1)}"
        return Owner(
            "kmap slot", page, page + PAGE_SIZE, note, f"slot {slot.nr}", number=slot.nr, state=slot.state,
            size=PAGE_SIZE, allocated=allocated if slot.count else None, freed=freed,
        )  # fmt: skip

    def _kmap_atomic(self, page: int) -> Owner:
        name = self._windows.of(page)[1]
        state = "in use" if self._tables.get_pte(page) & PAGE_PRESENT else "free"
        allocated, freed = self._sites.pointer(page)
        return Owner(
            "kmap_atomic slot", page, page + PAGE_SIZE, f"the kmap_atomic slot {name}, {state}", name,
            number=virt_to_fix(page), state=state, size=PAGE_SIZE,
            allocated=allocated if state == "in use" else None, freed=freed,
        )  # fmt: skip

    def _fixmap(self, page: int) -> Owner:
        index = virt_to_fix(page)
        name = self._slots[index]
        if index == FIX_HYPERCALL:
            return Owner("hypercall page", page, page + PAGE_SIZE, "the page that calls into the kernel store to", name)
        state = "in use" if self._tables.get_pte(page) & PAGE_PRESENT else "free"
        return Owner(
            "fixmap slot", page, page + PAGE_SIZE, f"the fixmap slot {name}, {state}", name, number=index, state=state,
            size=PAGE_SIZE,
        )  # fmt: skip


def _damaged(error: Exception) -> str:
    return f"the memory manager's structures are damaged ({error}); fsck names what is"
