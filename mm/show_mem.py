"""What sysrq-m and a failed allocation print (show_mem of arch/i386/mm/pgtable.c, show_free_areas of mm/page_alloc.c;
2.6.20, without swap).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mm.layout import PAGE_OFFSET, PAGE_SHIFT, Layout
from mm.list import Words
from mm.page_alloc import ZONE_HIGHMEM, PageAllocator
from mm.page_flags import ZONES_SHIFT, PG_compound, PG_reserved, PG_swapcache
from mm.vmstat import BuddyInfo, ZoneInfo, buddyinfo, vmstat, zoneinfo

_SWAP_PAGES = 0  # there is no swap


@dataclass(frozen=True, slots=True)
class MemoryState:
    """The zones, their free blocks, the counters of vm_stat, and what the walk over mem_map counts, in pages.

    shared: references to pages beyond their first.
    """

    zones: list[ZoneInfo]
    areas: list[BuddyInfo]
    stats: dict[str, int]
    total: int
    highmem: int
    reserved: int
    shared: int
    swap_cached: int


def memory_state(w: Words, layout: Layout, pages: PageAllocator) -> MemoryState:
    """Everything that show_mem prints."""
    import numpy as np  # not loaded where nothing fails

    page = layout["page"]
    spanned = (layout.va("contig_page_data") ^ 0xC0000000) >> 2
    end = w[spanned + layout["pglist_data"].word("node_spanned_pages")]
    first = (pages.mem_map - PAGE_OFFSET) >> 2
    table = np.frombuffer(w[first : first + end * page.words], dtype=np.uint32).reshape(end, page.words)
    flags, count = table[:, page.word("flags")], table[:, page.word("_count")]
    compound = np.flatnonzero(flags & np.uint32(PG_compound))
    if len(compound):  # page_count looks at the head
        heads = table[compound, page.word("private")].astype(np.int64) - pages.mem_map
        inside = (heads >= 0) & (heads < end * page.size)
        count = count.copy()
        count[compound[inside]] = count[heads[inside] // page.size]
    reserved = (flags & np.uint32(PG_reserved)) != 0
    cached = ~reserved & ((flags & np.uint32(PG_swapcache)) != 0)
    shared = count[~reserved & ~cached & (count != 0)].view(np.int32).astype(np.int64) - 1
    return MemoryState(
        zones=zoneinfo(w, layout, pages),
        areas=buddyinfo(w, layout, pages),
        stats=vmstat(w, layout),
        total=end,
        highmem=int((flags >> np.uint32(ZONES_SHIFT) == ZONE_HIGHMEM).sum()),
        reserved=int(reserved.sum()),
        shared=int(shared.sum()),
        swap_cached=int(cached.sum()),
    )


def _kb(pages: int) -> str:
    return f"{pages << (PAGE_SHIFT - 10)}kB"


def _free_areas(state: MemoryState) -> Iterator[str]:
    """The lines of show_free_areas."""
    for zone in state.zones:
        yield f"{zone.zone} per-cpu:"
        for pageset in zone.pagesets:
            hot, cold = pageset.hot, pageset.cold
            yield (
                f"CPU {pageset.cpu:4d}: Hot: hi:{hot.high:5d}, btch:{hot.batch:4d} usd:{hot.count:4d}   "
                f"Cold: hi:{cold.high:5d}, btch:{cold.batch:4d} usd:{cold.count:4d}"
            )
    stats, zones = state.stats, state.zones
    yield (
        f"Active:{sum(z.active for z in zones)} inactive:{sum(z.inactive for z in zones)} dirty:{stats['nr_dirty']} "
        f"writeback:{stats['nr_writeback']} unstable:{stats['nr_unstable']} free:{sum(z.free for z in zones)} "
        f"slab:{_slab(stats)} mapped:{stats['nr_mapped']} pagetables:{stats['nr_page_table_pages']}"
    )
    for zone in zones:
        yield (
            f"{zone.zone} free:{_kb(zone.free)} min:{_kb(zone.min)} low:{_kb(zone.low)} high:{_kb(zone.high)} "
            f"active:{_kb(zone.active)} inactive:{_kb(zone.inactive)} present:{_kb(zone.present)} "
            f"pages_scanned:{zone.scanned} all_unreclaimable? {'yes' if zone.all_unreclaimable else 'no'}"
        )
        yield "lowmem_reserve[]: " + " ".join(map(str, zone.protection))
    for area in state.areas:
        blocks = " ".join(f"{count}*{_kb(1 << order)}" for order, count in enumerate(area.nr_free))
        yield f"{area.zone}: {blocks} = {_kb(sum(count << order for order, count in enumerate(area.nr_free)))}"


def _slab(stats: dict[str, int]) -> int:
    return stats["nr_slab_reclaimable"] + stats["nr_slab_unreclaimable"]


def _lines(state: MemoryState) -> Iterator[tuple[int, str]]:
    """The lines of show_mem, each with its log level."""
    stats = state.stats
    yield 6, "Mem-info:"
    for line in _free_areas(state):
        yield 4, line
    yield 6, f"Free swap:       {_SWAP_PAGES << (PAGE_SHIFT - 10):6d}kB"
    yield 6, f"{state.total} pages of RAM"
    yield 6, f"{state.highmem} pages of HIGHMEM"
    yield 6, f"{state.reserved} reserved pages"
    yield 6, f"{state.shared} pages shared"
    yield 6, f"{state.swap_cached} pages swap cached"
    yield 6, f"{stats['nr_dirty']} pages dirty"
    yield 6, f"{stats['nr_writeback']} pages writeback"
    yield 6, f"{stats['nr_mapped']} pages mapped"
    yield 6, f"{_slab(stats)} pages slab"
    yield 6, f"{stats['nr_page_table_pages']} pages pagetables"


def show_mem_text(state: MemoryState) -> str:
    """The text as the console shows it."""
    return "".join(f"{line}\n" for _, line in _lines(state))


def show_mem(w: Words, layout: Layout, pages: PageAllocator) -> str:
    """The text for printk, each line with its level."""
    return "".join(f"<{level}>{line}\n" for level, line in _lines(memory_state(w, layout, pages)))
