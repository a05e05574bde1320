"""What the report shows, as data: plain numbers and phrases, in the order in which they are drawn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mm.fsck.report import BUDDY, KINDS, VMALLOC
from mm.layout import PAGE_OFFSET, PAGE_SHIFT, PAGE_SIZE
from tools.trace.model import EVENT_FIELDS, EVENTS, FREE_AREA, Names, Row, Site, place_of
from tools.trace.summary import Summary

if TYPE_CHECKING:
    from guest.faults import FaultLog
    from guest.kernel import Kernel

MOST_EVENTS = 30_000
_MOST_STORIES = 20_000
_HEADS = 1 << 32  # a group is named by the first frame of a block above this, below it by the number of a story
_PLAIN = ("hole", "reserved", "mem_map", "unclaimed")
_LANES = {
    "page_fault_kernel": "faults", "page_fault_user": "faults", "vmalloc_fault": "faults",
    "kmalloc": "kmalloc", "kfree": "kmalloc", "kmem_cache_alloc": "kmem_cache", "kmem_cache_free": "kmem_cache",
    "mm_page_alloc": "pages", "mm_page_free": "pages", "vmalloc": "vmalloc", "vfree": "vmalloc",
    "kmap": "kmap", "kunmap": "kmap", "kmap_atomic": "kmap", "kunmap_atomic": "kmap",
}  # fmt: skip
LANES = ("faults", "kmalloc", "kmem_cache", "pages", "vmalloc", "kmap", "other")


@dataclass
class Zone:
    """A zone in pages: where it begins and what it spans; watermarks."""

    name: str
    start: int
    spanned: int
    present: int
    free: int
    min: int
    low: int
    high: int


@dataclass
class Frames:
    """Runs of frames: `kind` an index into KINDS, `story` one into `stories`, -1 for none."""

    count: list[int]
    kind: list[int]
    story: list[int]


@dataclass
class Piece:
    """Linear addresses of one use, `end` exclusive."""

    start: int
    end: int
    kind: str
    story: str


@dataclass
class Region:
    """A part of the linear address space, and what is in it."""

    name: str
    start: int
    end: int
    pieces: list[Piece]


@dataclass
class Cache:
    """A slab cache. Bytes: of an object, of all slabs, and of the objects in use."""

    name: str
    objsize: int
    allocated: int
    total: int
    slabs: int
    bytes: int
    used: int


@dataclass
class Timeline:
    """Events, perhaps one in `stride` of them; a fault is never left out. Times in virtual ns.

    events: [time, number in `names`, CPU, pid, number in `sites` or -1, the fields that `names` gives, and for a fault
    its number in `stories`]. free: time, zone and the free blocks of each order, where they were looked at.
    """

    start: int
    end: int
    total: int
    stride: int
    lanes: list[str]
    names: list[tuple[str, int, list[str]]]  # event, lane, fields
    sites: list[str]
    tasks: dict[int, str]
    stories: list[str]
    events: list[list[int | str]]
    zones: list[str]
    free: list[tuple[int, int, list[int]]]


@dataclass
class Report:
    """Everything on the page. kinds: what frames can be; status: how the program ended."""

    title: str
    facts: list[tuple[str, str]]
    zones: list[Zone]
    kinds: list[str]
    frames: Frames
    stories: list[str]
    regions: list[Region]
    caches: list[Cache]
    timeline: Timeline | None
    summary: Summary | None


def collect(kernel: Kernel, title: str, facts: list[tuple[str, str]], timeline: Timeline | None,
            summary: Summary | None) -> Report:  # fmt: skip
    """The report of a kernel as it is now. Raises DamagedMemory where its structures cannot be walked."""
    zones = [
        Zone(z.zone, z.start_pfn, z.spanned, z.present, z.free, z.min, z.low, z.high) for z in kernel.zoneinfo()
        if z.spanned
    ]  # fmt: skip
    stories: list[str] = []
    frames = _frames(kernel, stories)
    return Report(
        title, facts, zones, list(KINDS), frames, stories, list(_regions(kernel)), _caches(kernel), timeline, summary
    )


def place(kernel: Kernel, address: int) -> str:
    """The words for a return address: 'main+0x23 (tour.c:34)'."""
    line = kernel.symbols.line(address - 1)
    return kernel.oops.name(address) + (f" ({line[0]}:{line[1]})" if line else "")


# memory


def _frames(kernel: Kernel, stories: list[str]) -> Frames:
    """All frames as runs; slabs, areas, tables and blocks in use each with their story."""
    frame_map = kernel.frame_map()
    kinds = frame_map.kinds
    group: NDArray[np.int64] = np.full(len(kinds), -1, dtype=np.int64)
    in_use = np.flatnonzero((kinds < BUDDY) & ~np.isin(kinds, [KINDS.index(name) for name in _PLAIN]))
    group[in_use] = frame_map.heads[in_use].astype(np.int64) + _HEADS
    told: dict[int, str] = {}
    for pfn, count, story in _slabs(kernel):
        group[pfn : pfn + count] = len(told)
        told[len(told)] = story
    for vm_struct, frames in frame_map.areas:
        mine = frames[(frames >= 0) & (frames < len(kinds))]
        mine = mine[kinds[mine] == VMALLOC]
        group[mine] = len(told)
        told[len(told)] = _area_story(kernel, vm_struct)
    breaks = np.flatnonzero((np.diff(group) != 0) | (np.diff(kinds.astype(np.int16)) != 0)) + 1
    first = np.concatenate((np.zeros(1, np.int64), breaks))
    counts = np.diff(np.append(first, len(kinds)))
    known: dict[str, int] = {}

    def number(story: str) -> int:
        if story not in known:
            known[story] = len(stories)
            stories.append(story)
        return known[story]

    run_groups, story_of = group[first], np.full(len(first), -1, dtype=np.int64)
    asked = np.flatnonzero(run_groups >= _HEADS)[:_MOST_STORIES]
    for run, owner in zip(asked, kernel.owners.each(int(pfn) << PAGE_SHIFT for pfn in first[asked])):
        by = ""
        if owner.allocated and owner.allocated.address:
            by = f", allocated by {place(kernel, owner.allocated.address)}"
        story_of[run] = number(owner.note + by)
    for run in np.flatnonzero((run_groups >= 0) & (run_groups < _HEADS)):
        story_of[run] = number(told[int(run_groups[run])])
    return Frames(counts.tolist(), kinds[first].tolist(), story_of.tolist())


def _slabs(kernel: Kernel) -> Iterator[tuple[int, int, str]]:
    """(first frame, frames, story) of every slab."""
    for cachep, name in kernel.slab_caches().items():
        info = kernel.slab_cache(cachep)
        for slab in kernel.slabs(cachep):
            first = slab.start - PAGE_OFFSET >> PAGE_SHIFT
            words = f"slab of {name}: {slab.allocated} of {len(slab.objects)} objects of {info.objsize} bytes in use"
            yield first, info.slab_size >> PAGE_SHIFT, words


def _area_story(kernel: Kernel, vm_struct: int) -> str:
    start = kernel.vm.word(vm_struct + kernel.layout["vm_struct"].offset("addr"))
    return _linear_story(kernel, start)


def _linear_story(kernel: Kernel, address: int) -> str:
    owner = kernel.owners.linear(address, behind=False)
    by = ""
    if owner.allocated and owner.allocated.address:
        by = f", allocated by {place(kernel, owner.allocated.address)}"
    return f"{owner.note}{by}"


def _regions(kernel: Kernel) -> Iterator[Region]:
    """The linear address space, region by region."""
    low_end = PAGE_OFFSET + (kernel.limits.max_low_pfn << PAGE_SHIFT)
    runs = [run for run in kernel.kernel_page_tables() if run.flags]
    direct = [
        Piece(run.start, min(run.end, low_end), "mapped", f"{run.attributes.strip()} {run.level}".strip())
        for run in runs if run.start < low_end
    ]  # fmt: skip
    yield Region("user", 0, PAGE_OFFSET, [])
    yield Region("direct map", PAGE_OFFSET, low_end, direct)
    space = kernel.vmalloc_space()
    yield Region("vmalloc", space.start, space.end, [
        Piece(s.start, s.end, s.kind, _linear_story(kernel, s.start)) for s in space.stretches if s.kind != "free"
    ])  # fmt: skip
    kmap = kernel.kmap_state()
    yield Region("kmap", kmap.base, kmap.base + len(kmap.slots) * PAGE_SIZE, [
        Piece(slot.address, slot.address + PAGE_SIZE, slot.state, _slot_story(kernel, slot.address))
        for slot in kmap.slots if slot.count
    ])  # fmt: skip
    slots = sorted(kernel.fixmap_slots(), key=lambda slot: slot.address)
    yield Region("fixmap", slots[0].address, slots[-1].address + PAGE_SIZE, [
        Piece(slot.address, slot.address + PAGE_SIZE, "mapped", _slot_story(kernel, slot.address))
        for slot in slots if slot.pte
    ])  # fmt: skip


def _slot_story(kernel: Kernel, address: int) -> str:
    owner = kernel.owners.linear(address)
    shown = f"; behind it {owner.behind.note}" if owner.behind else ""
    return owner.note + shown


def _caches(kernel: Kernel) -> list[Cache]:
    rows = [kernel.slab_cache(cachep) for cachep in kernel.slab_caches()]
    caches = [
        Cache(r.name, r.objsize, r.allocated, r.total, r.slabs, r.slabs * r.slab_size, r.allocated * r.objsize)
        for r in rows
    ]  # fmt: skip
    return sorted((cache for cache in caches if cache.slabs), key=lambda cache: -cache.bytes)


# what happened


def timeline(rows: Iterable[Row], names: Names, faults: FaultLog | None) -> Timeline:
    """The timeline of a trace. names are complete when the last row has come."""
    total, stride, first, last = 0, 1, None, 0
    kept: list[tuple[int, Row]] = []
    free: list[tuple[int, int, list[int]]] = []
    zones: list[str] = []
    for row in rows:
        event, ts, _, _, _, values = row
        first, last = ts if first is None else first, ts
        if event == FREE_AREA:
            if values[0] not in zones:
                zones.append(str(values[0]))
            free.append((ts, zones.index(str(values[0])), [int(value) for value in values[1:]]))
            continue
        total += 1
        if total % stride == 0 or _LANES.get(event) == "faults":
            kept.append((total, row))
        if len(kept) > 2 * MOST_EVENTS:
            stride *= 2
            kept = [(n, r) for n, r in kept if n % stride == 0 or _LANES.get(r[0]) == "faults"]
    while len(free) > MOST_EVENTS:
        free = free[::2]
    told = {(fault.time_ns, fault.record.cr2 or 0): number for number, fault in enumerate(faults or ())}
    stories = ["\n".join(fault.lines()) for fault in faults or ()]
    kinds, sites = {name: number for number, name in enumerate(EVENTS)}, dict[str, int]()
    events = [_event(row, kinds, names, sites, told) for _, row in kept]
    declared = [(name, LANES.index(_LANES.get(name, "other")), list(EVENT_FIELDS[name])) for name in EVENTS]
    return Timeline(
        first or 0, last, total, stride, list(LANES), declared, list(sites), names.tasks, stories, events, zones, free
    )


def of_faults(faults: FaultLog) -> Timeline | None:
    """The timeline of what a saved machine still knows: its faults. None where there was none."""
    rows: list[Row] = [
        ("page_fault_kernel", fault.time_ns, fault.cpu, fault.pid, 0,
         (fault.record.cr2 or 0, fault.place.address, fault.record.error_code or 0))
        for fault in faults
    ]  # fmt: skip
    names = Names({fault.pid: fault.comm for fault in faults})
    for fault in faults:
        place = fault.place
        names.add(Site(place.address, False, place.name, 0, place.file, place.line))
    return timeline(rows, names, faults) if rows else None


def _event(
    row: Row, kinds: dict[str, int], names: Names, sites: dict[str, int], faults: dict[tuple[int, int], int]
) -> list[int | str]:  # fmt: skip
    event, ts, cpu, pid, _, values = row
    address, call = place_of(row)
    site = -1
    if address:
        found = names.site(address, call)
        site = sites.setdefault(f"{found.name} {found.place}".strip(), len(sites))
    story = faults.get((ts, int(values[0]))) if _LANES.get(event) == "faults" else None
    return [ts, kinds[event], cpu, pid, site, *values, *([] if story is None else [story])]
