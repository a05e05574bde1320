"""The page allocator of 2.6.20 written as plainly as possible, with Python lists, to compare mm.page_alloc with."""

from __future__ import annotations

from dataclasses import dataclass, field

MAX_ORDER = 11
GFP_DMA, GFP_HIGHMEM, GFP_WAIT, GFP_HIGH, GFP_COLD = 0x01, 0x02, 0x10, 0x20, 0x100


@dataclass
class Pcp:
    """A per-CPU list: frames, the next to be given first."""

    high: int
    batch: int
    frames: list[int] = field(default_factory=list)


@dataclass
class Zone:
    """Frames [start, end); free[n] lists the first frames of free blocks of order n, the next to be given first."""

    start: int
    end: int
    pages_min: int
    pages_low: int
    reserve: tuple[int, ...]
    hot: Pcp
    cold: Pcp
    free: list[list[int]] = field(default_factory=lambda: [[] for _ in range(MAX_ORDER)])

    def free_pages(self) -> int:
        return sum(len(blocks) << order for order, blocks in enumerate(self.free))

    def take_block(self, order: int) -> int | None:
        for larger in range(order, MAX_ORDER):
            if self.free[larger]:
                block = self.free[larger].pop(0)
                for half in range(larger - 1, order - 1, -1):
                    self.free[half].insert(0, block + (1 << half))
                return block
        return None

    def give_block(self, block: int, order: int) -> None:
        while order < MAX_ORDER - 1:
            buddy = block ^ (1 << order)
            if buddy not in self.free[order]:
                break
            self.free[order].remove(buddy)
            block = min(block, buddy)
            order += 1
        self.free[order].insert(0, block)

    def watermark_ok(self, order: int, mark: int, classzone: int, harder: bool, high: bool) -> bool:
        if high:
            mark -= mark // 2
        if harder:
            mark -= mark // 4
        free = self.free_pages() - (1 << order) + 1
        if free <= mark + self.reserve[classzone]:
            return False
        for smaller in range(order):
            free -= len(self.free[smaller]) << smaller
            mark >>= 1
            if free <= mark:
                return False
        return True


class Model:
    """Zones DMA, Normal, HighMem of one CPU."""

    def __init__(self, zones: list[Zone]) -> None:
        self.zones = zones

    def zone_of(self, frame: int) -> Zone:
        return next(zone for zone in self.zones if zone.start <= frame < zone.end)

    def alloc(self, gfp: int, order: int) -> int | None:
        """The first frame of a block, None where there is none to be had."""
        if order >= MAX_ORDER:
            return None
        highest = 0 if gfp & GFP_DMA else 2 if gfp & GFP_HIGHMEM else 1
        while highest and self.zones[highest].start == self.zones[highest].end:
            highest -= 1  # an empty zone is in no zonelist
        for use_min in (False, True):
            for zone in reversed(self.zones[: highest + 1]):
                harder, high = use_min and not gfp & GFP_WAIT, use_min and bool(gfp & GFP_HIGH)
                mark = zone.pages_min if use_min else zone.pages_low
                if not zone.watermark_ok(order, mark, highest, harder, high):
                    continue
                frame = self._from_zone(zone, gfp, order)
                if frame is not None:
                    return frame
        return None

    def _from_zone(self, zone: Zone, gfp: int, order: int) -> int | None:
        if order:
            return zone.take_block(order)
        pcp = zone.cold if gfp & GFP_COLD else zone.hot
        if not pcp.frames:
            for _ in range(pcp.batch):
                frame = zone.take_block(0)
                if frame is None:
                    break
                pcp.frames.append(frame)
        return pcp.frames.pop(0) if pcp.frames else None

    def free(self, frame: int, order: int) -> None:
        zone = self.zone_of(frame)
        if order:
            zone.give_block(frame, order)
            return
        zone.hot.frames.insert(0, frame)
        if len(zone.hot.frames) >= zone.hot.high:
            for _ in range(zone.hot.batch):
                zone.give_block(zone.hot.frames.pop(), 0)
