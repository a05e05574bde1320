"""Owners in physical memory: of every byte of every frame, and of what is no frame of the kernel's."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import replace

from hw.e820 import PHYSICAL_LIMIT, VIDEO_MEMORY, E820Map, E820Type
from mm.area_owner import AreaOwners, Names
from mm.frame_map import FrameMap
from mm.known_objects import Known, KnownObjects
from mm.layout import (
    PAGE_OFFSET,
    PAGE_SHIFT,
    PAGE_SIZE,
    TEXT_SIZE,
    TEXT_START,
    THREAD_SIZE,
    ZONE_NAMES,
    Layout,
)
from mm.list import Words
from mm.owner import Neighbour, Owner, Site, Sites
from mm.page_alloc import PageAllocator
from mm.page_info import FrameInfo, PageInspector
from mm.pgtable import PageTables
from mm.setup import MemoryLimits
from mm.slab import SlabAllocator
from mm.slab_info import SlabInspector, SlabPlace

_E820_WORDS = {int(E820Type.ACPI): "ACPI tables", int(E820Type.NVS): "ACPI NVS"}
_PARTS = {
    "management": "the descriptor and the chain", "colour gap": "the colour gap", "left over": "what is left over"
}  # fmt: skip


class FrameOwners:
    """Finds owners of physical addresses. frame_map(): what all frames are, as of now; devices: who answers where.

    What a moment needs is kept until `forget`: the frames' kinds, and what slab objects are known to be.
    """

    def __init__(
        self, w: Words, layout: Layout, e820: E820Map, limits: MemoryLimits, pages: PageAllocator, slab: SlabAllocator,
        tables: PageTables, info: PageInspector, known: KnownObjects, frame_map: Callable[[], FrameMap],
        areas: AreaOwners, names: Names, sites: Sites, devices: Iterable[tuple[int, int, str]],
    ) -> None:  # fmt: skip
        self._w = w
        self._layout = layout
        self._e820 = e820
        self._limits = limits
        self._pages = pages
        self._slab = slab
        self._tables = tables
        self._info = info
        self._slabs = SlabInspector(w, layout, pages, slab)
        self._known = known
        self._frame_map = frame_map
        self._areas = areas
        self._names = names
        self._sites = sites
        self._devices = list(devices)
        self._symbols = sorted(
            (s for s in layout.symbols.values() if s.size and s.section != ".text"), key=lambda s: s.va
        )
        self._frames: FrameMap | None = None
        self._objects: dict[int, Known] | None = None

    def forget(self) -> None:
        """What follows is about another moment."""
        self._frames = self._objects = None

    def owner(self, pa: int) -> Owner:
        """Whose a physical address is."""
        pfn = pa >> PAGE_SHIFT
        if pfn >= self._limits.max_pfn:
            return self._outside(pa)
        if self._frames is None:
            self._frames = self._frame_map()
        address = PAGE_OFFSET + pa if pfn < self._limits.max_low_pfn else None
        f = self._info.frame(pfn, self._frames, address)
        owner = self._outside(pa) if f.kind == "hole" else self._of_frame(pa, f)
        return replace(owner, pfn=pfn, zone=f.zone, accounted=f.kind)

    # what is no frame of the kernel's

    def _outside(self, pa: int) -> Owner:
        for start, end, what in self._devices:
            if start <= pa < end:
                return Owner("device", start, end, what, what, linear=False)
        page = pa & -PAGE_SIZE
        for entry in self._e820.entries:
            if not entry.start <= pa < entry.end:
                continue
            if entry.type == E820Type.RAM:
                unused = pa >> PAGE_SHIFT >= self._limits.max_pfn
                note = "RAM that the kernel does not use" if unused else "the RAM of a page that is not all RAM"
                start = max(entry.start, self._limits.max_pfn << PAGE_SHIFT) if unused else page
                return Owner("unused RAM", start, entry.end, note, linear=False)
            note = f"the firmware's: {_E820_WORDS.get(entry.type, 'reserved')}"
            return Owner("firmware", entry.start, entry.end, note, linear=False)
            note = f"the firmware's: {_E820_WORDS.get(entry.type, 'reserved')}"
            return Owner("firmware", entry.start, entry.end, note, linear=False)
        if VIDEO_MEMORY[0] <= pa < VIDEO_MEMORY[1]:
            return Owner("video memory", *VIDEO_MEMORY, "the memory of the VGA", linear=False)
        used = [(e.start, e.end) for e in self._e820.entries] + [(start, end) for start, end, _ in self._devices]
        start = max((end for _, end in (*used, VIDEO_MEMORY) if end <= pa), default=0)
        end = min((start for start, _ in (*used, VIDEO_MEMORY) if start > pa), default=PHYSICAL_LIMIT)
        return Owner("open bus", start, end, "a hole in the memory map: neither RAM nor a device", linear=False)

    # frames

    def _of_frame(self, pa: int, f: FrameInfo) -> Owner:
        match f.kind:
            case "slab":
                return self._slab_owner(PAGE_OFFSET + pa, f)
            case "vmalloc" if f.area:
                return self._areas.owner(f.area.address + pa % PAGE_SIZE)
            case "page table" if f.table_of is not None:
                return self._page_table(pa, *f.table_of)
            case "mem_map":
                return self._mem_map(PAGE_OFFSET + pa)
            case "reserved":
                return self._reserved(PAGE_OFFSET + pa, f)
        return self._block(f)

    def _block(self, f: FrameInfo) -> Owner:
        """Pages from the buddy allocator, free or in use."""
        pfn, count = f.struct.pfn, 1 << f.order
        start, end, linear = self._extent(f.head, count)
        allocated, freed = self._sites.pages(pfn)
        where = f"block of order {f.order} at frame {f.head:x}"
        if f.order:
            where = f"page {pfn - f.head} of {count} of the {where}"
        match f.kind:
            case "buddy":
                kind, state, note = "free pages", "free", f"free: {where}, zone {f.zone}"
            case "per-cpu":
                kind, state = "per-cpu list", "free"
                note = f"free: on the {'cold' if f.cold else 'hot'} list of CPU {f.cpu}, zone {f.zone}"
            case "page cache" if f.cache:
                kind, state = "page cache", f.lru
                note = f"page {f.cache.index:#x} in the page cache of inode {f.cache.ino}"
                note += f", on the {f.lru} list" if f.lru else ""
            case "in use":
                kind, state = "pages", "in use"
                note = f"in use: {'compound ' if f.compound else ''}{where}, zone {f.zone}"
                note += f", on the {f.lru} list" if f.lru else ""
            case _:
                kind, state, note = "lost", "", "lost: nobody holds it and it is on no list"
        return Owner(
            kind, start, end, note, f"inode {f.cache.ino}" if f.cache else "", linear, number=pfn - f.head, state=state,
            size=count << PAGE_SHIFT, allocated=None if state == "free" else allocated, freed=freed,
        )  # fmt: skip

    def _extent(self, pfn: int, count: int) -> tuple[int, int, bool]:
        """First address, end and whether these are linear, of frames."""
        low = pfn + count <= self._limits.max_low_pfn
        start = (PAGE_OFFSET if low else 0) + (pfn << PAGE_SHIFT)
        return start, start + (count << PAGE_SHIFT), low

    def _page_table(self, pa: int, first: int, last: int) -> Owner:
        """A page table of init_mm, or with PAE its page of pmds, of the linear addresses from `first` to `last`."""
        page = PAGE_OFFSET + (pa & -PAGE_SIZE)
        number, count = pa % PAGE_SIZE // self._tables.pte_size, PAGE_SIZE // self._tables.pte_size
        each = (last + 1 - first) // count
        level = "page table" if each == PAGE_SIZE else "page directory"
        note = f"the {level} of {first:08x}-{last:08x} of swapper_pg_dir, the entry of "
        allocated, _ = self._sites.pages(pa >> PAGE_SHIFT)
        return Owner(
            "page table", page, page + PAGE_SIZE, note + f"{first + number * each:08x}", "swapper_pg_dir",
            number=number, size=PAGE_SIZE, allocated=allocated,
        )  # fmt: skip

    def _mem_map(self, va: int) -> Owner:
        page = self._layout["page"]
        pfn, offset = divmod(va - self._pages.mem_map, page.size)
        if pfn >= self._limits.max_pfn or pfn < 0:
            start = self._pages.mem_map + self._limits.max_pfn * page.size if pfn >= 0 else va & -PAGE_SIZE
            end = (va & -PAGE_SIZE) + PAGE_SIZE if pfn >= 0 else self._pages.mem_map
            return Owner("mem_map", start, end, f"{'behind' if pfn >= 0 else 'before'} the page structs of mem_map")
        field = next(f.name for f in reversed(page.fields.values()) if f.offset <= offset)
        start = va - offset
        note = f"{field} of the struct page of frame {pfn:x}"
        return Owner("mem_map", start, start + page.size, note, f"mem_map[{pfn:#x}]", number=pfn, size=page.size)

    # the kernel image, and what was never free

    def _reserved(self, va: int, f: FrameInfo) -> Owner:
        page = va & -PAGE_SIZE
        if TEXT_START <= va < TEXT_START + TEXT_SIZE:
            if found := self._names.symbol(va):
                name, offset, size = found
                note = f"{name}{f'+{offset:#x}' if offset else ''} in the kernel's text"
                return Owner("kernel text", va - offset, va - offset + size, note, name, size=size)
            return Owner("kernel text", page, page + PAGE_SIZE, "the kernel's text, in no function")
        if TEXT_START + TEXT_SIZE <= va < self._layout.va("_end"):
            return self._data(va)
        what = f.reserved_for or "since the boot"
        return Owner("reserved", page, page + PAGE_SIZE, f"reserved: {what}", what)

    def _data(self, va: int) -> Owner:
        """A byte of the kernel's data."""
        at = bisect_right(self._symbols, va, key=lambda s: s.va) - 1
        symbol = self._symbols[at]
        offset = va - symbol.va
        if offset >= symbol.size:
            end = self._symbols[at + 1].va if at + 1 < len(self._symbols) else self._layout.va("_end")
            return Owner("kernel data", symbol.va + symbol.size, end, f"behind {symbol.name} in the kernel's data")
        note = f"{symbol.name}{f'+{offset:#x}' if offset else ''} in the kernel's {symbol.section}"
        owner = Owner(
            "kernel data", symbol.va, symbol.va + symbol.size, note, symbol.name, size=symbol.size
        )  # fmt: skip
        if symbol.name == "init_thread_union":
            return self._stack(va, symbol.va, "swapper (pid 0, CPU 0)", owner)
        if symbol.name == "swapper_pg_dir":
            number, size = offset // self._tables.pte_size, self._tables.pmd_size
            linear = (number << 30 if self._layout.pae else number * size) & 0xFFFFFFFF
            words = f"the page directory of init_mm, the entry of {linear:08x}"
            words = words if offset < self._tables.pgd_size else "behind the entries of the page directory of init_mm"
            return replace(owner, kind="page table", number=number, note=words, within=owner)
        if symbol.name == "contig_page_data":
            for zone, name in zip(self._pages.zones, ZONE_NAMES, strict=True):
                if zone <= va < zone + self._layout["zone"].size:
                    return replace(owner, note=f"the struct zone of {name}, {note}")
        return owner

    def _stack(self, va: int, bottom: int, name: str, within: Owner) -> Owner:
        info = va - bottom < self._layout["thread_info"].size
        where = "its thread_info" if info else f"{bottom + THREAD_SIZE - va} bytes below its top"
        return Owner(
            "task stack", bottom, bottom + THREAD_SIZE, f"the stack of {name}, {where}", name, size=THREAD_SIZE,
            allocated=within.allocated, freed=within.freed, within=within,
        )  # fmt: skip

    # slabs

    def _slab_owner(self, va: int, f: FrameInfo) -> Owner:
        place = self._slabs.place(va)
        assert place is not None and f.slab is not None
        slab = self._slab_pages(f, place)
        if place.object is None:
            start, end = self._part(place, slab, f.slab.objsize)
            return Owner(
                "slab management" if place.part == "management" else "slab padding", start, end,
                f"{_PARTS[place.part]} of a slab of {place.name}", place.name, state=place.part, size=end - start,
                within=slab,
            )  # fmt: skip
        return self._object(va, place, f.slab.objsize, slab)

    def _slab_pages(self, f: FrameInfo, place: SlabPlace) -> Owner:
        """The pages of the slab that a place is in."""
        assert f.slab is not None
        order = self._w[((place.cache ^ 0xC0000000) >> 2) + self._layout["kmem_cache"].word("gfporder")]
        start = f.slab.s_mem - self._w[((place.slab ^ 0xC0000000) >> 2) + self._layout["slab"].word("colouroff")]
        start &= -PAGE_SIZE
        pfn = start - PAGE_OFFSET >> PAGE_SHIFT
        allocated, freed = self._sites.pages(pfn)
        note = f"the slab of {place.name} at {start:08x}, {place.inuse} of {place.num} objects in use or in arrays"
        return Owner(
            "slab", start, start + (PAGE_SIZE << order), note, place.name, size=PAGE_SIZE << order, pfn=pfn,
            zone=f.zone, accounted="slab", number=f.struct.pfn - pfn, allocated=allocated, freed=freed,
        )  # fmt: skip

    def _part(self, place: SlabPlace, slab: Owner, size: int) -> tuple[int, int]:
        """Where a part of a slab begins and ends that is no object's."""
        s_mem = self._w[((place.slab ^ 0xC0000000) >> 2) + self._layout["slab"].word("s_mem")]
        on_slab = slab.start <= place.slab < slab.end
        match place.part:
            case "left over":
                return s_mem + place.num * size, slab.end
            case "management":
                return place.slab, s_mem
        return slab.start, place.slab if on_slab else s_mem

    def _object(self, va: int, place: SlabPlace, step: int, slab: Owner) -> Owner:
        obj = place.object
        assert obj is not None
        in_use = obj.state == "allocated"
        allocated, freed = self._sites.pointer(obj.address, in_use)
        if (user := self._slab.last_user(place.cache, obj.address)) is not None:
            allocated, freed = (allocated or Site(user), freed) if in_use else (allocated, freed or Site(user))
        note = f"object {obj.number} of {place.num} of a slab of {place.name}, {obj}"
        if place.part != "object":
            past = place.offset - place.objsize
            side = f"{-place.offset} bytes before it" if place.offset < 0 else f"{past} bytes behind its end"
            note = f"the {place.part} of {note}, {side}"
        elif va > obj.address:
            note += f", byte {place.offset}"
        owner = Owner(
            "slab object", obj.address, obj.address + place.objsize, note, place.name, number=obj.number,
            state=str(obj), size=place.objsize, previous=self._neighbour(obj.address - step, obj.number - 1, place),
            next=self._neighbour(obj.address + step, obj.number + 1, place), allocated=allocated, freed=freed,
            within=slab,
        )  # fmt: skip
        return self._known_object(va, owner, place) if in_use and place.part == "object" else owner

    def _neighbour(self, address: int, number: int, place: SlabPlace) -> Neighbour | None:
        if not 0 <= number < place.num:
            return None
        beside = self._slabs.place(address)
        return Neighbour(number, address, str(beside.object)) if beside else None

    def _known_object(self, va: int, owner: Owner, place: SlabPlace) -> Owner:
        """The same, if it is known what the object is."""
        if self._objects is None:
            self._objects = {known.address: known for known in self._known.each()}
        known = self._objects.get(owner.start)
        if known is None:
            return owner
        if known.kind == "task stack":
            return self._stack(va, owner.start, known.name, owner)
        if not known.kind:
            return replace(owner, note=f"{known.what}, {owner.note}")
        if known.kind != "page table":
            return replace(owner, kind=known.kind, name=known.name, note=known.what, within=owner)
        number = (va - owner.start) // self._tables.pte_size
        note = f"{known.what}, the entry of {known.first + number * known.each:08x}"
        return replace(owner, kind=known.kind, name=known.name, note=note, number=number, within=owner)
