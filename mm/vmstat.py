"""What /proc tells of memory, as data and in the kernel's own text (mm/vmstat.c and mm/slab.c, 2.6.20).

`mm.meminfo` has /proc/meminfo, `mm.vmalloc_info` /proc/vmallocinfo, `mm.show_mem` what sysrq-m prints.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields

from mm import vm_event
from mm.errors import KernelFault
from mm.layout import MAX_NR_ZONES, MAX_ORDER, NR_VM_EVENT_ITEMS, ZONE_NAMES, Layout
from mm.list import Words, list_for_each
from mm.page_alloc import PageAllocator
from mm.slab import SlabAllocator

# enum zone_stat_item in the words of /proc (vmstat_text).
VM_STAT_ITEMS = (
    "nr_anon_pages", "nr_mapped", "nr_file_pages", "nr_slab_reclaimable", "nr_slab_unreclaimable",
    "nr_page_table_pages", "nr_dirty", "nr_writeback", "nr_unstable", "nr_bounce", "nr_vmscan_write",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class BuddyInfo:
    """Free blocks of a zone by order, 0 to 10."""

    node: int
    zone: str
    nr_free: tuple[int, ...]


def buddyinfo(w: Words, layout: Layout, pages: PageAllocator) -> list[BuddyInfo]:
    """Every zone that has pages."""
    zone, rows = layout["zone"], []
    for va, name in zip(pages.zones, ZONE_NAMES, strict=True):
        z = (va ^ 0xC0000000) >> 2
        if w[z + zone.word("present_pages")]:
            area = z + zone.word("free_area") + 2
            rows.append(BuddyInfo(0, name, tuple(w[area + 3 * order] for order in range(MAX_ORDER))))
    return rows


def buddyinfo_text(rows: Iterable[BuddyInfo]) -> str:
    """/proc/buddyinfo."""
    return "".join(
        f"Node {row.node}, zone {row.zone:>8} " + "".join(f"{count:6d} " for count in row.nr_free) + "\n"
        for row in rows
    )


def _page_states(w: Words, layout: Layout, i: int) -> dict[str, int]:
    """The counters from word `i` on (zone_page_state); on SMP a negative one reads as 0, as there."""
    counters = w[i : i + len(VM_STAT_ITEMS)].tolist()
    return {
        name: 0 if layout.smp and value >> 31 else value
        for name, value in zip(VM_STAT_ITEMS, counters, strict=True)
    }


def vmstat(w: Words, layout: Layout) -> dict[str, int]:
    """The counters of /proc/vmstat by their names: pages now, then the events of all CPUs since the boot."""
    events = {}
    for name in vm_event.NAMES:
        first = vm_event.event_word(layout, name)
        events[name] = sum(w[first + cpu * NR_VM_EVENT_ITEMS] for cpu in range(layout.nr_cpus)) & 0xFFFFFFFF
    return _page_states(w, layout, (layout.va("vm_stat") ^ 0xC0000000) >> 2) | events


def vmstat_text(counters: dict[str, int]) -> str:
    """/proc/vmstat."""
    return "".join(f"{name} {value}\n" for name, value in counters.items())


@dataclass(frozen=True, slots=True)
class PerCpuPages:
    """A `struct per_cpu_pages`: pages on the list, from how many on a batch goes back, pages of a batch."""

    count: int
    high: int
    batch: int


@dataclass(frozen=True, slots=True)
class Pageset:
    """A zone's lists on one CPU. stat_threshold: None on a UP kernel."""

    cpu: int
    hot: PerCpuPages
    cold: PerCpuPages
    stat_threshold: int | None


@dataclass(frozen=True, slots=True)
class ZoneInfo:
    """A zone, in pages. address: of its `struct zone`; free..present: /proc/zoneinfo's words; stats: its vm_stat."""

    address: int
    node: int
    zone: str
    free: int
    min: int
    low: int
    high: int
    active: int
    inactive: int
    scanned: int
    scan_active: int
    scan_inactive: int
    spanned: int
    present: int
    stats: dict[str, int]
    protection: tuple[int, ...]
    pagesets: tuple[Pageset, ...]
    all_unreclaimable: int
    prev_priority: int
    start_pfn: int


_ZONE_FIELDS = {
    "free": "free_pages", "min": "pages_min", "low": "pages_low", "high": "pages_high", "active": "nr_active",
    "inactive": "nr_inactive", "scanned": "pages_scanned", "scan_active": "nr_scan_active",
    "scan_inactive": "nr_scan_inactive", "spanned": "spanned_pages", "present": "present_pages",
    "all_unreclaimable": "all_unreclaimable", "start_pfn": "zone_start_pfn",
}  # fmt: skip


def zoneinfo(w: Words, layout: Layout, pages: PageAllocator) -> list[ZoneInfo]:
    """Every zone that has pages, with the lists of the CPUs that are online."""
    zone, rows = layout["zone"], []
    online = min(w[(layout.va("nr_cpus_online") ^ 0xC0000000) >> 2], layout.nr_cpus)
    for va, name in zip(pages.zones, ZONE_NAMES, strict=True):
        z = (va ^ 0xC0000000) >> 2
        values = {key: w[z + zone.word(field)] for key, field in _ZONE_FIELDS.items()}
        if not values["present"]:
            continue
        priority, reserve = w[z + zone.word("prev_priority")], z + zone.word("lowmem_reserve")
        rows.append(
            ZoneInfo(
                address=va,
                node=0,
                zone=name,
                stats=_page_states(w, layout, z + zone.word("vm_stat")),
                protection=tuple(w[reserve : reserve + MAX_NR_ZONES].tolist()),
                pagesets=tuple(_pageset(w, layout, pages, va, cpu) for cpu in range(online)),
                prev_priority=_signed(priority),
                **values,
            )
        )
    return rows


def _pageset(w: Words, layout: Layout, pages: PageAllocator, zone: int, cpu: int) -> Pageset:
    hot, cold = (PerCpuPages(*w[i : i + 3].tolist()) for i in (
        (pages.pcp(zone, cpu, temperature) ^ 0xC0000000) >> 2 for temperature in (0, 1)
    ))  # fmt: skip
    if not layout.smp:
        return Pageset(cpu, hot, cold, None)
    at = pages.pcp(zone, cpu, 0) + layout["per_cpu_pageset"].offset("stat_threshold")
    byte = w[(at ^ 0xC0000000) >> 2] >> 8 * (at & 3) & 0xFF
    return Pageset(cpu, hot, cold, byte - 256 if byte >> 7 else byte)


def zoneinfo_text(rows: Iterable[ZoneInfo]) -> str:
    """/proc/zoneinfo. 2.6.20 leaves out a CPU whose two lists are empty."""
    return "".join("\n".join(_zoneinfo_lines(row)) + "\n" for row in rows)


def _zoneinfo_lines(r: ZoneInfo) -> Iterator[str]:
    yield f"Node {r.node}, zone {r.zone:>8}"
    yield f"  pages free     {r.free}"
    for name in ("min", "low", "high", "active", "inactive"):
        yield f"        {name:<8} {getattr(r, name)}"
    yield f"        scanned  {r.scanned} (a: {r.scan_active} i: {r.scan_inactive})"
    yield f"        spanned  {r.spanned}"
    yield f"        present  {r.present}"
    for name, value in r.stats.items():
        yield f"    {name:<12} {value}"
    yield f"        protection: ({', '.join(map(str, r.protection))})"
    yield "  pagesets"
    for pageset in r.pagesets:
        if not pageset.hot.count and not pageset.cold.count:
            continue
        for number, pcp in enumerate((pageset.hot, pageset.cold)):
            yield f"    cpu: {pageset.cpu} pcp: {number}"
            yield f"              count: {_signed(pcp.count)}"
            yield f"              high:  {_signed(pcp.high)}"
            yield f"              batch: {_signed(pcp.batch)}"
        if pageset.stat_threshold is not None:
            yield f"  vm stats threshold: {pageset.stat_threshold}"
    yield f"  all_unreclaimable: {r.all_unreclaimable}"
    yield f"  prev_priority:     {r.prev_priority}"
    yield f"  start_pfn:         {r.start_pfn}"


def _signed(word: int) -> int:
    return word - (1 << 32) if word >> 31 else word


@dataclass(frozen=True, slots=True)
class SlabInfo:
    """A row of /proc/slabinfo. active_objs counts what is out of the slabs, resting in arrays included."""

    name: str
    active_objs: int
    num_objs: int
    objsize: int
    objperslab: int
    pagesperslab: int
    limit: int
    batchcount: int
    sharedfactor: int
    active_slabs: int
    num_slabs: int
    sharedavail: int
    error: str = ""


@dataclass(frozen=True, slots=True)
class SlabStatistics(SlabInfo):
    """The same with what the kernel counts with CONFIG_DEBUG_SLAB, since the cache was made.

    num_allocations: objects taken out of slabs; high_mark: most that were out at a time; grown: slabs made; reaped:
    those that cache_reap gave back; max_freeable: most slabs that were free when an array was flushed; allochit,
    freehit: what an array alone answered. The rest stays 0 on one node.
    """

    num_allocations: int = 0
    high_mark: int = 0
    grown: int = 0
    reaped: int = 0
    errors: int = 0
    max_freeable: int = 0
    node_allocs: int = 0
    node_frees: int = 0
    node_overflow: int = 0
    allochit: int = 0
    allocmiss: int = 0
    freehit: int = 0
    freemiss: int = 0


def slab_statistics(w: Words, layout: Layout, slab: SlabAllocator) -> list[SlabStatistics]:
    """slabinfo of a machine with --slab-debug."""
    cache = layout["kmem_cache"]
    names = [field.name for field in fields(SlabStatistics)[len(fields(SlabInfo)) :]]

    def row(cachep: int) -> SlabStatistics:
        counts = {name: w[((cachep ^ 0xC0000000) >> 2) + cache.word(name)] for name in names}
        return SlabStatistics(**asdict(_slabinfo_row(w, layout, slab, cachep)) | counts)

    return [row(cachep) for cachep in slab.caches()]


def slabinfo(w: Words, layout: Layout, slab: SlabAllocator) -> list[SlabInfo]:
    """Every cache, the newest first. `error` says where the lists contradict the counters (s_show)."""
    return [_slabinfo_row(w, layout, slab, cachep) for cachep in slab.caches()]


def _slabinfo_row(w: Words, layout: Layout, slab: SlabAllocator, cachep: int) -> SlabInfo:
    cache, l3_fields, ac = layout["kmem_cache"], layout["kmem_list3"], layout["array_cache"]
    c = (cachep ^ 0xC0000000) >> 2
    num = w[c + cache.word("num")]
    l3 = w[c + cache.word("nodelists")]
    inuse_word = layout["slab"].word("inuse")

    def in_use(which: str) -> list[int]:
        head = l3 + l3_fields.offset(f"slabs_{which}")
        return [w[((va ^ 0xC0000000) >> 2) + inuse_word] for va in list_for_each(w, head)]

    full, partial, free = in_use("full"), in_use("partial"), in_use("free")
    error = ""
    if any(count != num for count in full):
        error = "slabs_full accounting error"
    elif any(count in (0, num) for count in partial):
        error = "slabs_partial accounting error" if num in partial else "slabs_partial/inuse accounting error"
    elif any(free):
        error = "slabs_free/inuse accounting error"
    active_objs = len(full) * num + sum(partial)
    num_slabs = len(full) + len(partial) + len(free)
    free_objects = w[((l3 ^ 0xC0000000) >> 2) + l3_fields.word("free_objects")]
    if num_slabs * num - active_objs != free_objects and not error:
        error = "free_objects accounting error"
    shared = w[((l3 ^ 0xC0000000) >> 2) + l3_fields.word("shared")]
    return SlabInfo(
        name=cache_name(slab, cachep),
        active_objs=active_objs,
        num_objs=num_slabs * num,
        objsize=w[c + cache.word("buffer_size")],
        objperslab=num,
        pagesperslab=1 << (w[c + cache.word("gfporder")] & 31),
        limit=w[c + cache.word("limit")],
        batchcount=w[c + cache.word("batchcount")],
        sharedfactor=w[c + cache.word("shared")],
        active_slabs=len(full) + len(partial),
        num_slabs=num_slabs,
        sharedavail=w[((shared ^ 0xC0000000) >> 2) + ac.word("avail")] if shared else 0,
        error=error,
    )


def cache_name(slab: SlabAllocator, cachep: int) -> str:
    """The name of a cache; its address in brackets where the program that had the name is gone."""
    try:
        return slab.name(cachep)
    except KernelFault:  # its program is gone
        return f"<{slab.kmem_cache_name(cachep):08x}>"


def slabinfo_text(rows: Sequence[SlabInfo]) -> str:
    """/proc/slabinfo, version 2.1. A cache whose lists contradict its counters is followed by a line on that.

    The tabs in the middle of the statistics are the kernel's.
    """
    counted = any(isinstance(row, SlabStatistics) for row in rows)
    lines = [
        f"slabinfo - version: 2.1{' (statistics)' * counted}\n"
        "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>"
        " : tunables <limit> <batchcount> <sharedfactor>"
        " : slabdata <active_slabs> <num_slabs> <sharedavail>"
        + " : globalstat <listallocs> <maxobjs> <grown> <reaped> <error> <maxfreeable> <nodeallocs> <remotefrees>"
        " <alienoverflow> : cpustat <allochit> <allocmiss> <freehit> <freemiss>" * counted
        + "\n"
    ]
    for r in rows:
        lines.append(
            f"{r.name:<17} {r.active_objs:6d} {r.num_objs:6d} {r.objsize:6d} {r.objperslab:4d} {r.pagesperslab:4d}"
            f" : tunables {r.limit:4d} {r.batchcount:4d} {r.sharedfactor:4d}"
            f" : slabdata {r.active_slabs:6d} {r.num_slabs:6d} {r.sharedavail:6d}"
            + (_statistics_text(r) if isinstance(r, SlabStatistics) else "")
            + "\n"
        )
        if r.error:
            lines.append(f"slab: cache {r.name} error: {r.error}\n")
    return "".join(lines)


def _statistics_text(r: SlabStatistics) -> str:
    return (
        f" : globalstat {r.num_allocations:7d} {r.high_mark:6d} {r.grown:5d} {r.reaped:4d} \t\t\t\t{r.errors:4d}"
        f" {r.max_freeable:4d} {r.node_allocs:4d} {r.node_frees:4d} {r.node_overflow:4d}"
        f" : cpustat {r.allochit:6d} {r.allocmiss:6d} {r.freehit:6d} {r.freemiss:6d}"
    )
