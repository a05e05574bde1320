"""How much of every zone is kept free, and for whom (mm/page_alloc.c, 2.6.20)."""

from __future__ import annotations

from math import isqrt

from mm.layout import MAX_NR_ZONES, PAGE_SHIFT, Layout
from mm.list import Words
from mm.page_alloc import ZONE_HIGHMEM

_INT_MAX = (1 << 31) - 1


def _zones(layout: Layout) -> list[int]:
    base = (layout.va("contig_page_data") ^ 0xC0000000) >> 2
    return [base + i * layout["zone"].words for i in range(MAX_NR_ZONES)]


def setup_watermarks(w: Words, layout: Layout) -> None:
    """init_per_zone_pages_min: min_free_kbytes from the size of lowmem, then what depends on it."""
    zone, zones = layout["zone"], _zones(layout)
    present = [w[z + zone.word("present_pages")] for z in zones]
    high = [w[z + zone.word("pages_high")] for z in zones]
    lowmem_kbytes = sum(max(0, p - h) for p, h in zip(present[:2], high[:2], strict=True)) << 2
    kbytes = max(128, min(isqrt(lowmem_kbytes * 16), 65536))
    w[(layout.va("min_free_kbytes") ^ 0xC0000000) >> 2] = kbytes
    setup_per_zone_pages_min(w, layout)
    ratios = (layout.va("sysctl_lowmem_reserve_ratio") ^ 0xC0000000) >> 2
    w[ratios], w[ratios + 1] = 256, 32
    setup_per_zone_lowmem_reserve(w, layout)


def setup_per_zone_pages_min(w: Words, layout: Layout) -> None:
    """Spread min_free_kbytes over the zones; pages_low and pages_high follow from pages_min."""
    zone, zones = layout["zone"], _zones(layout)
    present = [w[z + zone.word("present_pages")] for z in zones]
    pages_min = w[(layout.va("min_free_kbytes") ^ 0xC0000000) >> 2] >> (PAGE_SHIFT - 10)
    lowmem_pages = sum(present[:2])
    for i, z in enumerate(zones):
        share = pages_min * present[i] // lowmem_pages
        least = share
        if i == ZONE_HIGHMEM:
            least = max(32, min(present[i] // 1024, 128))
        w[z + zone.word("pages_min")] = least
        w[z + zone.word("pages_low")] = least + (share >> 2)
        w[z + zone.word("pages_high")] = least + (share >> 1)


def setup_per_zone_lowmem_reserve(w: Words, layout: Layout) -> None:
    """What every zone keeps back from requests that a higher zone could serve. A ratio below 1 becomes 1."""
    zone, zones = layout["zone"], _zones(layout)
    ratios = (layout.va("sysctl_lowmem_reserve_ratio") ^ 0xC0000000) >> 2
    for j, upper in enumerate(zones):
        above = w[upper + zone.word("present_pages")]
        w[upper + zone.word("lowmem_reserve") + j] = 0
        for i in range(j - 1, -1, -1):
            if not 1 <= w[ratios + i] <= _INT_MAX:
                w[ratios + i] = 1
            w[zones[i] + zone.word("lowmem_reserve") + j] = above // w[ratios + i]
            above += w[zones[i] + zone.word("present_pages")]
