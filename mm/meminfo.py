"""/proc/meminfo (fs/proc/proc_misc.c and fs/proc/mmu.c, 2.6.20, without swap and without huge pages)."""

from __future__ import annotations

from mm.layout import PAGE_SHIFT, Layout
from mm.list import Words
from mm.page_alloc import ZONE_HIGHMEM, PageAllocator
from mm.vmalloc import Vmalloc
from mm.vmalloc_info import vmalloc_usage
from mm.vmstat import vmstat

OVERCOMMIT_RATIO = 50  # vm.overcommit_ratio, in percent


def meminfo(w: Words, layout: Layout, pages: PageAllocator, vmalloc: Vmalloc) -> dict[str, int]:
    """/proc/meminfo's rows in their order, in kB.

    Buffers, swap and what user programs committed are 0: this machine has no block device, no swap and no user
    programs. CommitLimit is half of the memory, since vm.overcommit_ratio is 50.
    """

    def variable(name: str) -> int:
        return int(w[(layout.va(name) ^ 0xC0000000) >> 2])

    zone = layout["zone"]
    active, inactive = (
        sum(w[((va ^ 0xC0000000) >> 2) + zone.word(name)] for va in pages.zones)
        for name in ("nr_active", "nr_inactive")
    )
    total, high = variable("totalram_pages"), variable("totalhigh_pages")
    free, free_high = pages.nr_free_pages(), w[(pages.zones[ZONE_HIGHMEM] ^ 0xC0000000) >> 2]
    count = vmstat(w, layout)
    slab = count["nr_slab_reclaimable"] + count["nr_slab_unreclaimable"]
    in_pages = {
        "MemTotal": total, "MemFree": free, "Buffers": 0, "Cached": count["nr_file_pages"], "SwapCached": 0,
        "Active": active, "Inactive": inactive,
        "HighTotal": high, "HighFree": free_high, "LowTotal": total - high, "LowFree": free - free_high,
        "SwapTotal": 0, "SwapFree": 0,
        "Dirty": count["nr_dirty"], "Writeback": count["nr_writeback"], "AnonPages": count["nr_anon_pages"],
        "Mapped": count["nr_mapped"], "Slab": slab, "SReclaimable": count["nr_slab_reclaimable"],
        "SUnreclaim": count["nr_slab_unreclaimable"], "PageTables": count["nr_page_table_pages"],
        "NFS_Unstable": count["nr_unstable"], "Bounce": count["nr_bounce"],
        "CommitLimit": total * OVERCOMMIT_RATIO // 100, "Committed_AS": 0,
    }  # fmt: skip
    rows = {name: value << (PAGE_SHIFT - 10) for name, value in in_pages.items()}
    names = ("VmallocTotal", "VmallocUsed", "VmallocChunk")
    for name, size in zip(names, vmalloc_usage(w, layout, vmalloc), strict=True):
        rows[name] = size >> 10
    return rows


def meminfo_text(rows: dict[str, int]) -> str:
    """/proc/meminfo."""
    return "".join(f"{name + ':':<14}{value:8d} kB\n" for name, value in rows.items())
