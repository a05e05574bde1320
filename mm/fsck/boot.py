"""What the boot-time allocator gave out, worked out again from the memory map alone (mm/bootmem.c, mm/init.py)."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

from mm.fsck.memory import pages_up
from mm.fsck.params import Kernel
from mm.layout import MAX_NR_ZONES, MAX_ORDER, PAGE_OFFSET, PAGE_SHIFT, PAGE_SIZE, TEXT_START

_GOAL = 16 << 20 >> PAGE_SHIFT
_MAX_DMA_PFN = 4096
_PAGES_PER_WAITQUEUE = 256


@dataclass(slots=True)
class BootMap:
    """Frame ranges are [first, last). `reserved` are RAM frames that were never given to the buddy system: what
    they hold is said with them. page_owner_times: 0 where there are none. The last two are what struct bootmem_data
    must have been left with.
    """

    page_tables: list[int] = field(default_factory=list)  # addresses: of pkmap, of the fixmap, of PAE's pmds
    mem_map: int = 0
    mem_map_bytes: int = 0
    wait_tables: list[int] = field(default_factory=list)  # a zone each; 0: the zone is empty
    wait_entries: list[int] = field(default_factory=list)
    page_owner_times: int = 0
    reserved: list[tuple[int, int, str]] = field(default_factory=list)
    last_offset: int = 0
    last_pos: int = 0


def zone_bounds(kernel: Kernel) -> list[tuple[int, int]]:
    """[first, last) frames of the zones."""
    low, end = kernel.limits.max_low_pfn, kernel.limits.max_pfn
    dma = min(_MAX_DMA_PFN, low)
    return [(0, dma), (dma, low), (low, end)]


class _Room:
    """Free frames as sorted [first, last) runs."""

    def __init__(self, low: int) -> None:
        self._low = low
        self.runs: list[tuple[int, int]] = []

    def free(self, first: int, last: int) -> None:
        last = min(last, self._low)
        if first < last:
            self.runs.append((first, last))
            self.runs.sort()

    def take(self, first: int, last: int) -> None:
        kept = []
        for start, end in self.runs:
            kept += [(a, b) for a, b in ((start, min(end, first)), (max(start, last), end)) if a < b]
        self.runs = kept

    def find(self, goal: int, pages: int, step: int) -> int | None:
        at = bisect_right(self.runs, (goal, 1 << 40))
        for start, end in self.runs[max(0, at - 1) :]:
            first = max(start, goal)
            first = (first + step - 1) // step * step
            if first + pages <= end:
                return first
        return None


def replay(kernel: Kernel) -> BootMap | None:
    """Allocate again what the boot allocated. None where this memory map leaves no room for it."""
    layout, low = kernel.layout, kernel.limits.max_low_pfn
    boot, room = BootMap(), _Room(low)
    image = pages_up(layout.va("_end") - PAGE_OFFSET)
    bitmap = pages_up((low + 7) // 8 + 3 & ~3)
    for first, last in kernel.usable:
        room.free(first, last)
    taken = [(TEXT_START - PAGE_OFFSET >> PAGE_SHIFT, image, "the kernel image"), (0, 1, "BIOS data"),
             (0x9F, 0xA0, "the EBDA")]  # fmt: skip
    if layout.smp:
        taken.append((1, 2, "the trampoline"))
    for first, last, _ in taken:
        room.take(first, last)
    room.take(image, image + bitmap)

    def alloc(size: int, align: int, wanted: int = _GOAL) -> int:
        pages = pages_up(size)
        start = None
        for goal in (wanted, 0):
            if start is None:
                start = room.find(goal, pages, max(1, align >> PAGE_SHIFT))
        if start is None:
            raise MemoryError
        pa = start << PAGE_SHIFT
        offset = (boot.last_offset + align - 1) & -align
        if align < PAGE_SIZE and 0 < offset < PAGE_SIZE and boot.last_pos + 1 == start:
            pa = (boot.last_pos << PAGE_SHIFT) + offset
        end = pa + size
        boot.last_pos, boot.last_offset = (end - 1) >> PAGE_SHIFT, end & (PAGE_SIZE - 1)
        room.take(pa >> PAGE_SHIFT, pages_up(end))
        return PAGE_OFFSET + pa

    try:
        pmds = [alloc(PAGE_SIZE, PAGE_SIZE, 0) for _ in range(int(layout.pae))]
        fixmap, pkmap = (alloc(PAGE_SIZE, PAGE_SIZE, 0) for _ in range(2))
        boot.page_tables = [pkmap, fixmap, *pmds]
        block = (1 << (MAX_ORDER - 1)) - 1
        boot.mem_map_bytes = (kernel.limits.max_pfn + block & ~block) * layout["page"].size
        boot.mem_map = alloc(boot.mem_map_bytes, layout.l1)
        for i in range(MAX_NR_ZONES):
            first, last = zone_bounds(kernel)[i]
            entries = 1
            while entries < (last - first) // _PAGES_PER_WAITQUEUE:
                entries <<= 1
            entries = max(4, min(entries, 4096))
            boot.wait_entries.append(entries if last > first else 0)
            boot.wait_tables.append(alloc(entries * layout["wait_queue_head"].size, layout.l1) if last > first else 0)
        if layout.page_owner:
            boot.page_owner_times = alloc(8 * kernel.limits.max_pfn, PAGE_SIZE)
    except MemoryError:
        return None
    _describe(kernel, boot, taken)
    return boot


def _describe(kernel: Kernel, boot: BootMap, taken: list[tuple[int, int, str]]) -> None:
    """Put together the frames that stay reserved; only what is RAM."""
    size = kernel.layout["wait_queue_head"].size
    for va, entries in zip(boot.wait_tables, boot.wait_entries):
        if va:
            pa = va - PAGE_OFFSET
            taken.append((pa >> PAGE_SHIFT, pages_up(pa + size * entries), "the wait tables"))
    if times := boot.page_owner_times:
        pa = times - PAGE_OFFSET
        taken.append((pa >> PAGE_SHIFT, pages_up(pa + 8 * kernel.limits.max_pfn), "the times of page owners"))
    pa = boot.mem_map - PAGE_OFFSET
    mem_map = range(pa >> PAGE_SHIFT, pages_up(pa + boot.mem_map_bytes))
    done: set[int] = set()
    for first, last, who in taken:
        for start, end in kernel.usable:
            for pfn in range(max(first, start), min(last, end)):
                if pfn not in done and pfn not in mem_map:
                    done.add(pfn)
                    boot.reserved.append((pfn, pfn + 1, who))
