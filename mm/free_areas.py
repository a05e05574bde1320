"""The free lists counted, and the counters compared with them (what crash's `kmem -f` does)."""

from __future__ import annotations

from dataclasses import dataclass

from mm.errors import KernelFault, ListCycle
from mm.layout import MAX_ORDER, PAGE_SHIFT, ZONE_NAMES, Layout
from mm.list import Words, list_for_each
from mm.page_alloc import PageAllocator
from mm.vmstat import zoneinfo


@dataclass(frozen=True, slots=True)
class FreeArea:
    """One `struct free_area`: its address, the blocks on its list, what nr_free says of them, where the list breaks."""

    order: int
    address: int
    blocks: int
    nr_free: int
    error: str


@dataclass(frozen=True, slots=True)
class FreeZone:
    """A zone: `size` frames from `start_mapnr` on, `free` as its counter says, `found` pages on its free lists.

    mem_map: the `struct page` of its first frame.
    """

    number: int
    name: str
    size: int
    free: int
    found: int
    mem_map: int
    start_paddr: int
    start_mapnr: int
    areas: tuple[FreeArea, ...]


@dataclass(frozen=True, slots=True)
class FreePages:
    """All zones, nr_free_pages() as the counters have it, and the pages that were found."""

    zones: list[FreeZone]
    nr_free_pages: int
    found: int

    @property
    def verified(self) -> bool:
        """Whether every counter is what its list holds."""
        return all(
            zone.free == zone.found and all(a.blocks == a.nr_free and not a.error for a in zone.areas)
            for zone in self.zones
        )


class FreeCounters:
    """What nr_free of every order says now, for each zone that has pages: its name and the numbers. Walks nothing."""

    def __init__(self, w: Words, layout: Layout, pages: PageAllocator) -> None:
        self._w = w
        area, present = layout["free_area"], layout["zone"].word("present_pages")
        first = layout["zone"].word("free_area") + area.word("nr_free")
        step = area.size >> 2
        indexes = ((name, (zone ^ 0xC0000000) >> 2) for name, zone in zip(ZONE_NAMES, pages.zones, strict=True))
        self._slices = [
            (name, slice(z + first, z + first + step * MAX_ORDER, step)) for name, z in indexes if w[z + present]
        ]

    def __call__(self) -> list[tuple[str, list[int]]]:
        return [(name, self._w[words].tolist()) for name, words in self._slices]


def free_pages(w: Words, layout: Layout, pages: PageAllocator) -> FreePages:
    """Walk every free list. A list that cannot be walked to its end is counted up to there."""
    zones = []
    for info in zoneinfo(w, layout, pages):
        areas = tuple(_free_area(w, layout, info.address, order) for order in range(MAX_ORDER))
        found = sum(area.blocks << area.order for area in areas)
        zones.append(FreeZone(
            pages.zones.index(info.address), info.zone, info.spanned, info.free, found,
            pages.pfn_to_page(info.start_pfn), info.start_pfn << PAGE_SHIFT, info.start_pfn, areas,
        ))  # fmt: skip
    return FreePages(zones, pages.nr_free_pages(), sum(zone.found for zone in zones))


def _free_area(w: Words, layout: Layout, zone: int, order: int) -> FreeArea:
    struct = layout["free_area"]
    address = zone + layout["zone"].offset("free_area") + order * struct.size
    nr_free = w[((address ^ 0xC0000000) >> 2) + struct.word("nr_free")]
    blocks, error = 0, ""
    try:
        for _ in list_for_each(w, address + struct.offset("free_list")):
            blocks += 1
    except (KernelFault, ListCycle) as broken:
        error = str(broken)
    return FreeArea(order, address, blocks, nr_free, error)
