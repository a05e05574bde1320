"""One frame, explained: its `struct page` and what the structure that it belongs to says of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mm.fixmap import FIX_KMAP_BEGIN, KM_TYPES, fix_to_virt
from mm.frame_map import FrameMap
from mm.highmem import Highmem
from mm.layout import (
    KM_TYPE_NR,
    MAX_NR_ZONES,
    MAX_ORDER,
    PAGE_OFFSET,
    PAGE_SHIFT,
    PAGE_SIZE,
    TEXT_SIZE,
    TEXT_START,
    ZONE_NAMES,
    Layout,
)
from mm.list import Words
from mm.page_alloc import PageAllocator
from mm.page_flags import ZONES_SHIFT, PG_active, PG_compound, PG_lru, decode
from mm.pgtable import PAGE_PRESENT, page_tables
from mm.slab import SlabAllocator
from mm.slab_info import SlabInspector
from mm.vmstat import cache_name


@dataclass(frozen=True, slots=True)
class PageStruct:
    """A `struct page` as it is stored, but `mapcount` (1 more, as page_mapcount() gives it).

    page: its address. owner: the word with who allocated the page, None in a 32-byte `struct page`.
    """

    pfn: int
    page: int
    physical: int
    flags: int
    flag_names: list[str]
    count: int
    mapcount: int
    private: int
    mapping: int
    index: int
    lru_next: int
    lru_prev: int
    owner: int | None


@dataclass(frozen=True, slots=True)
class Mapping:
    """A window of the kernel onto a HighMem page: its address, and `kmap` or a slot of kmap_atomic.

    users: of a kmap, how many hold it; 0 where it only has not been flushed yet. None for kmap_atomic.
    """

    address: int
    window: str
    users: int | None


@dataclass(frozen=True, slots=True)
class Link:
    """Where page->lru leads: the list head (`frame` None) or the page of another frame."""

    address: int
    frame: int | None
    what: str


@dataclass(frozen=True, slots=True)
class SlabUse:
    """The slab that a frame belongs to; `object` is the number of the object at the address asked for, and `state`
    what it is: allocated, free, in the array of CPU n, ...; or what of the slab is there where no object is.
    """

    cache: int
    name: str
    slab: int
    s_mem: int
    inuse: int
    num: int
    objsize: int
    object: int | None
    object_address: int | None
    state: str


@dataclass(frozen=True, slots=True)
class AreaUse:
    """The vmalloc area that a frame is page `number` of, and where it is mapped."""

    vm_struct: int
    addr: int
    size: int
    number: int
    nr_pages: int
    address: int


@dataclass(frozen=True, slots=True)
class CacheUse:
    """The inode in whose page cache a page is, and the page's index there."""

    inode: int
    ino: int
    index: int


@dataclass(frozen=True, slots=True)
class FrameInfo:
    """Everything about one frame.

    kind: "buddy", "per-cpu", "slab", ... (FrameMap.kind). head, order: of the block that it is in, for a free block
    or one in use. virtual: where the direct map has it, None in HighMem. links: of a page on a list. cpu, cold: of the
    per-CPU list. lru: "active" or "inactive" for a page on that list of its zone, else "". table_of: the first
    and the last linear address that a page table maps. mem_map_of: the frames whose page structs lie here.
    reserved_for: what of the kernel or the firmware has a page that was never free, "" where unknown.
    """

    struct: PageStruct
    zone: str
    kind: str
    head: int
    order: int
    compound: bool
    virtual: int | None
    mappings: list[Mapping]
    links: list[Link]
    cpu: int | None
    cold: bool
    lru: str
    slab: SlabUse | None
    area: AreaUse | None
    cache: CacheUse | None
    table_of: tuple[int, int] | None
    mem_map_of: tuple[int, int] | None
    reserved_for: str


class PageInspector:
    """Looks at frames over the structures in RAM; changes nothing.

    w: lowmem in words. frames: what all frames are, as of now.
    """

    def __init__(
        self, w: Words, layout: Layout, pages: PageAllocator, slab: SlabAllocator, highmem: Highmem, max_pfn: int
    ) -> None:
        self._w = w
        self._layout = layout
        self._pages = pages
        self._slab = slab
        self._slabs = SlabInspector(w, layout, pages, slab)
        self._highmem = highmem
        self._max_pfn = max_pfn

    def struct(self, pfn: int) -> PageStruct:
        """The `struct page` of a frame below max_pfn."""
        page, fields = self._pages.pfn_to_page(pfn), self._layout["page"]
        i = (page ^ 0xC0000000) >> 2
        words = self._w[i : i + fields.words].tolist()

        def field(name: str) -> int:
            return int(words[fields.word(name)])

        names = decode(field("flags"))
        return PageStruct(
            pfn, page, pfn << PAGE_SHIFT, field("flags"), names.split("|") if names != "-" else [],
            _signed(field("_count")), _signed(field("_mapcount")) + 1, field("private"), field("mapping"),
            field("index"), field("lru.next"), field("lru.prev"),
            field("owner") if self._layout.page_owner else None,
        )  # fmt: skip

    def frame(self, pfn: int, frames: FrameMap, address: int | None = None) -> FrameInfo:
        """Everything about a frame below max_pfn. address: a direct-map one in it, to name the slab object there."""
        struct, kind = self.struct(pfn), frames.kind(pfn)
        low = pfn << PAGE_SHIFT < 4 * len(self._w)
        pcp = frames.pcp.get(pfn) if kind == "per-cpu" else None
        head, order = int(frames.heads[pfn]), int(frames.orders[pfn])
        lru = ("active" if struct.flags & PG_active else "inactive") if struct.flags & PG_lru else ""
        on_list = kind == "per-cpu" or (kind == "buddy" and head == pfn) or lru != ""
        compound = bool(struct.flags & PG_compound)
        return FrameInfo(
            struct=struct,
            zone=ZONE_NAMES[min(struct.flags >> ZONES_SHIFT, MAX_NR_ZONES - 1)],
            kind=kind,
            head=head,
            order=order,
            compound=compound,
            virtual=PAGE_OFFSET + (pfn << PAGE_SHIFT) if low else None,
            mappings=[] if low else list(self._mappings(pfn, struct.page)),
            links=[self._link(to) for to in (struct.lru_next, struct.lru_prev)] if on_list else [],
            cpu=pcp.cpu if pcp else None,
            cold=bool(pcp and pcp.cold),
            lru=lru,
            slab=self._slab_use(struct, address) if kind == "slab" else None,
            area=self._area_use(pfn, frames) if kind == "vmalloc" else None,
            cache=self._cache_use(struct) if kind == "page cache" else None,
            table_of=frames.tables.get(pfn) if kind == "page table" else None,
            mem_map_of=self._mem_map_part(pfn) if kind == "mem_map" else None,
            reserved_for=self._reserved_for(pfn) if kind == "reserved" else "",
        )

    def _mem_map_part(self, pfn: int) -> tuple[int, int]:
        """First and last frame whose `struct page` lies in this frame of mem_map."""
        start = PAGE_OFFSET + (pfn << PAGE_SHIFT) - self._pages.mem_map
        first, last = start // self._pages.page_size, (start + PAGE_SIZE - 1) // self._pages.page_size
        return max(0, first), min(last, self._max_pfn - 1)

    def _reserved_for(self, pfn: int) -> str:
        """What lies in a reserved page: parts of the kernel image by their symbols, wait tables, the firmware's."""
        layout, w = self._layout, self._w
        start = PAGE_OFFSET + (pfn << PAGE_SHIFT)
        if TEXT_START <= start < TEXT_START + TEXT_SIZE:
            return "the kernel's text"
        symbols = layout.symbols.values()
        names = [s.name for s in symbols if s.size and s.va < start + PAGE_SIZE and s.va + s.size > start]
        if names:
            return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
        zone, head = layout["zone"], layout["wait_queue_head"]
        for va, name in zip(self._pages.zones, ZONE_NAMES, strict=True):
            z = (va ^ 0xC0000000) >> 2
            table, entries = w[z + zone.word("wait_table")], w[z + zone.word("wait_table_hash_nr_entries")]
            if table < start + PAGE_SIZE and table + entries * head.size > start:
                return f"the wait table of zone {name}"
        if layout.page_owner:
            times = w[(layout.va("page_owner_times") ^ 0xC0000000) >> 2]
            if times < start + PAGE_SIZE and times + 8 * self._max_pfn > start:
                return "the times of page owners"
        return {0: "BIOS data", 1: "the trampoline of the other CPUs", 0x9F: "the EBDA"}.get(pfn, "")

    # lists

    def _link(self, entry: int) -> Link:
        lru = self._layout["page"].offset("lru")
        pfn, rest = divmod(entry - lru - self._pages.mem_map, self._pages.page_size)
        if not rest and 0 <= pfn < self._max_pfn:
            return Link(entry, pfn, f"frame {pfn:x}")
        return Link(entry, None, self._list_head(entry) or "no list head and no page")

    def _list_head(self, va: int) -> str:
        """The name of a list head of a zone."""
        layout, pages = self._layout, self._pages
        pcp_list = layout["per_cpu_pages"].offset("list")
        for zone, name in zip(pages.zones, ZONE_NAMES, strict=True):
            order, rest = divmod(va - zone - layout["zone"].offset("free_area"), layout["free_area"].size)
            if not rest and 0 <= order < MAX_ORDER:
                return f"free_area[{order}] of zone {name}"
            for field in ("active_list", "inactive_list"):
                if va == zone + layout["zone"].offset(field):
                    return f"{field} of zone {name}"
            for cpu in range(layout.nr_cpus):
                for cold, word in enumerate(("hot", "cold")):
                    if va == pages.pcp(zone, cpu, cold) + pcp_list:
                        return f"{word} list of CPU {cpu} of zone {name}"
        return ""

    # windows

    def _mappings(self, pfn: int, page: int) -> Iterator[Mapping]:
        """The kmap slots that show a HighMem page: the one of kmap, then those of kmap_atomic."""
        w, layout = self._w, self._layout
        va = self._highmem.page_address(page)
        slot, rest = divmod(va - self._highmem.pkmap_base, PAGE_SIZE)
        if va and not rest and 0 <= slot < layout.last_pkmap:
            count = w[((layout.va("pkmap_count") ^ 0xC0000000) >> 2) + slot]
            yield Mapping(va, "kmap", max(0, _signed(count) - 1))
        tables = page_tables(w, layout)
        for index in range(KM_TYPE_NR * layout.nr_cpus):
            pte = tables.get_pte(fix_to_virt(FIX_KMAP_BEGIN + index))
            if pte & PAGE_PRESENT and tables.pte_pfn(pte) == pfn:
                cpu, km_type = divmod(index, KM_TYPE_NR)
                window = f"kmap_atomic {KM_TYPES[km_type]}, CPU {cpu}"
                yield Mapping(fix_to_virt(FIX_KMAP_BEGIN + index), window, None)

    # slabs

    def _slab_use(self, struct: PageStruct, address: int | None) -> SlabUse:
        w = self._w
        cache_fields, slab_fields = self._layout["kmem_cache"], self._layout["slab"]
        cachep, slabp = struct.lru_next, struct.lru_prev
        c, s = (cachep ^ 0xC0000000) >> 2, (slabp ^ 0xC0000000) >> 2
        size, num = w[c + cache_fields.word("buffer_size")], w[c + cache_fields.word("num")]
        s_mem, inuse = w[s + slab_fields.word("s_mem")], w[s + slab_fields.word("inuse")]
        place = self._slabs.place(address) if address is not None else None
        obj = place.object if place else None
        state = str(obj) if obj else place.part if place else ""
        return SlabUse(
            cachep, cache_name(self._slab, cachep), slabp, s_mem, inuse, num, size, obj.number if obj else None,
            obj.address if obj else None, state,
        )  # fmt: skip

    # vmalloc

    def _area_use(self, pfn: int, frames: FrameMap) -> AreaUse | None:
        fields = self._layout["vm_struct"]
        for area, pfns in frames.areas:
            found = (pfns == pfn).nonzero()[0]
            if len(found):
                i, number = (area ^ 0xC0000000) >> 2, int(found[0])
                addr, size, nr_pages = (self._w[i + fields.word(name)] for name in ("addr", "size", "nr_pages"))
                return AreaUse(area, addr, size, number, nr_pages, addr + (number << PAGE_SHIFT))
        return None

    # the page cache

    def _cache_use(self, struct: PageStruct) -> CacheUse:
        inode = self._w[((struct.mapping ^ 0xC0000000) >> 2) + self._layout["address_space"].word("host")]
        ino = self._w[((inode ^ 0xC0000000) >> 2) + self._layout["inode"].word("i_ino")]
        return CacheUse(inode, ino, struct.index)


def _signed(word: int) -> int:
    return word - (1 << 32) if word >> 31 else word
