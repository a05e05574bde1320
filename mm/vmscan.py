"""Reclaim (mm/vmscan.c, 2.6.20): shrinkers, the scan of the page lists, direct reclaim and kswapd.

What can be given back are pages of the page cache that nobody holds, what the shrinkers of guest programs give up,
and the slab's free slabs, which 2.6.20 leaves to a timer. There is no swap, and no page is ever written back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mm.events import Events
from mm.filemap import FileMap
from mm.fork import PF_KSWAPD, TASK_INTERRUPTIBLE, Tasks
from mm.gfp import GFP_KERNEL
from mm.kthread import Kthreads
from mm.layout import MAX_NR_ZONES, NR_VM_EVENT_ITEMS, Layout
from mm.list import Words, init_list_head, list_add, list_add_tail, list_del, list_for_each
from mm.page_alloc import PageAllocator
from mm.page_flags import PG_active, PG_dirty, PG_lru, PG_private, PG_writeback
from mm.rmap import PageReferences
from mm.sched import Scheduler
from mm.slab import SlabAllocator
from mm.swap import Swap
from mm.time import HZ
from mm.traps import PF_MEMALLOC, Traps
from mm.truncate import Truncate
from mm.vm_event import event_word

DEF_PRIORITY = 12
SWAP_CLUSTER_MAX = 32
SHRINK_BATCH = 128
PF_SWAPWRITE = 0x00800000

_NR_ANON_PAGES, _NR_FILE_MAPPED = 0, 1  # enum zone_stat_item
_LRU = 0x18  # byte offset of page->lru
# kswapd's local variables, words that its code has pushed as zeros. Passes: those of balance_pgdat that are left, 0
# between two runs; then the pages of this run, and the priority that each zone was scanned at.
_ORDER, _SLEPT, _PASSES, _FREED, _SCANNED, _TEMP_PRIORITY = range(6)
KSWAPD_LOCALS = _TEMP_PRIORITY + MAX_NR_ZONES


@dataclass(slots=True)
class ScanControl:
    """What one pass over the lists has seen: struct scan_control."""

    nr_scanned: int = 0
    all_unreclaimable: bool = True


class Vmscan:
    """Reclaim over the page cache, the slab and the shrinkers. call_guest(function, nr, gfp_mask) runs a shrinker."""

    def __init__(
        self, w: Words, layout: Layout, traps: Traps, events: Events, pages: PageAllocator, slab: SlabAllocator,
        swap: Swap, filemap: FileMap, truncate: Truncate, references: PageReferences, sched: Scheduler,
        call_guest: Callable[..., int],
    ) -> None:  # fmt: skip
        self._w = w
        self._layout = layout
        self._traps = traps
        self._events = events
        self._pages = pages
        self._slab = slab
        self._swap = swap
        self._filemap = filemap
        self._truncate = truncate
        self._references = references
        self._sched = sched
        self._call_guest = call_guest
        zone, pgdat, shrinker = layout["zone"], layout["pglist_data"], layout["shrinker"]
        self._active_list, self._inactive_list = zone.offset("active_list"), zone.offset("inactive_list")
        self._nr_active, self._nr_inactive = zone.word("nr_active"), zone.word("nr_inactive")
        self._nr_scan_active, self._nr_scan_inactive = zone.word("nr_scan_active"), zone.word("nr_scan_inactive")
        self._pages_scanned = zone.word("pages_scanned")
        self._all_unreclaimable = zone.word("all_unreclaimable")
        self._prev_priority = zone.word("prev_priority")
        self._pages_low, self._pages_high = zone.word("pages_low"), zone.word("pages_high")
        self._present = zone.word("present_pages")
        self._pgdat = pages.pgdat
        self._kswapd_wait = pages.pgdat + pgdat.offset("kswapd_wait")
        self._kswapd = (pages.pgdat + pgdat.offset("kswapd") ^ 0xC0000000) >> 2
        self._max_order = (pages.pgdat + pgdat.offset("kswapd_max_order") ^ 0xC0000000) >> 2
        self._swappiness = (layout.va("vm_swappiness") ^ 0xC0000000) >> 2
        self._total = (layout.va("totalram_pages") ^ 0xC0000000) >> 2
        self._vm_stat = (layout.va("vm_stat") ^ 0xC0000000) >> 2
        self._shrinkers = layout.va("shrinker_list")
        self._readers = (layout.va("shrinker_readers") ^ 0xC0000000) >> 2
        self._shrinker_size, self._shrinker_list = shrinker.size, shrinker.offset("list")
        self._shrinker_seeks, self._shrinker_nr = shrinker.word("seeks"), shrinker.word("nr")

    # shrinkers

    def init(self) -> None:
        """No shrinkers yet."""
        init_list_head(self._w, self._shrinkers)

    def set_shrinker(self, seeks: int, theshrinker: int) -> int:
        """Register a guest function (nr_to_scan, gfp_mask) that gives up objects; a `struct shrinker`, or 0.

        Called with 0 it only counts what it could give up; -1 means not now. seeks: what making an object anew
        costs, 2 by default.
        """
        w = self._w
        self._down_write()
        shrinker = self._slab.kmalloc(self._shrinker_size, GFP_KERNEL)
        if shrinker:
            i = (shrinker ^ 0xC0000000) >> 2
            w[i] = theshrinker
            w[i + self._shrinker_seeks], w[i + self._shrinker_nr] = seeks, 0
            list_add_tail(w, shrinker + self._shrinker_list, self._shrinkers)
        return shrinker

    def remove_shrinker(self, shrinker: int) -> None:
        """Undo set_shrinker."""
        self._down_write()
        list_del(self._w, shrinker + self._shrinker_list)
        self._slab.kfree(shrinker)

    def _down_write(self) -> None:
        """shrinker_rwsem: the list changes only while no shrinker is at work. A shrinker that wants to is a BUG."""
        if self._w[self._readers]:
            if not self._sched.can_sleep():
                self._traps.bug()
            self._sched.try_later()

    def drop_shrinkers(self, start: int, end: int) -> None:
        """Remove every shrinker whose function lies in [start, end), which is about to go."""
        for entry in list(list_for_each(self._w, self._shrinkers)):
            shrinker = entry - self._shrinker_list
            if start <= self._w[(shrinker ^ 0xC0000000) >> 2] < end:
                self.remove_shrinker(shrinker)

    def shrink_slab(self, scanned: int, gfp_mask: int, lru_pages: int) -> int:
        """Ask every shrinker for as large a part of its objects as was scanned of the pages; how many went."""
        self._w[self._readers] += 1
        try:
            return self._shrink_all(scanned, gfp_mask, lru_pages)
        finally:
            self._w[self._readers] -= 1

    def _shrink_all(self, scanned: int, gfp_mask: int, lru_pages: int) -> int:
        w, freed = self._w, 0
        scanned = scanned or SWAP_CLUSTER_MAX
        for entry in list(list_for_each(w, self._shrinkers)):
            i = (entry - self._shrinker_list ^ 0xC0000000) >> 2
            function = w[i]
            most = self._ask(function, 0, gfp_mask)
            if most <= 0:
                continue
            seeks = w[i + self._shrinker_seeks] or 1  # 2.6.20 divides by zero
            total = w[i + self._shrinker_nr] + 4 * scanned // seeks * most // (lru_pages + 1)
            total = min(total, 2 * most)
            while total >= SHRINK_BATCH:
                before = self._ask(function, 0, gfp_mask)
                left = self._ask(function, SHRINK_BATCH, gfp_mask)
                if left == -1:
                    break
                freed += max(0, before - left)
                self._count("slabs_scanned", SHRINK_BATCH)
                total -= SHRINK_BATCH
            w[i + self._shrinker_nr] = total
        return freed

    def _ask(self, function: int, nr_to_scan: int, gfp_mask: int) -> int:
        return _signed(self._call_guest(function, nr_to_scan, gfp_mask))

    # the page lists

    def _isolate(self, most: int, head: int) -> tuple[list[int], int]:
        """isolate_lru_pages: up to `most` pages off the end of a list, each held; and how many were looked at."""
        w, taken, scanned = self._w, [], 0
        while scanned < most and (entry := w[(head + 4 ^ 0xC0000000) >> 2]) != head:
            scanned += 1
            p = (entry - _LRU ^ 0xC0000000) >> 2
            if not w[p] & PG_lru:
                self._traps.bug()
            list_del(w, entry)
            if w[p + 1]:
                w[p + 1] += 1
                w[p] &= ~PG_lru
                taken.append(entry - _LRU)
            else:  # it is being freed
                list_add(w, entry, head)
        return taken, scanned

    def _put_back(self, page: int, zone: int) -> None:
        """Onto the list that PG_active names; the hold of `_isolate` ends."""
        w = self._w
        w[(page ^ 0xC0000000) >> 2] |= PG_lru
        if w[(page ^ 0xC0000000) >> 2] & PG_active:
            self._swap.add_page_to_active_list(zone, page)
        else:
            self._swap.add_page_to_inactive_list(zone, page)
        self._pages.put_page(page)

    def _count(self, name: str, by: int, zone: int = 0) -> None:
        """Count an event; with a zone, that of the zone."""
        i = event_word(self._layout, f"{name}_dma" if zone else name) + self._traps.cpu * NR_VM_EVENT_ITEMS
        i += self._pages.zones.index(zone) if zone else 0
        self._w[i] = self._w[i] + by & 0xFFFFFFFF

    def _reclaim_mapped(self, z: int, priority: int) -> bool:
        """Whether mapped pages are to go too: with vm.swappiness, how many there are, and how hard it has become."""
        w = self._w
        if w[z + self._pages_scanned] >= 3 * (w[z + self._nr_active] + w[z + self._nr_inactive]):
            return True  # zone_is_near_oom
        distress = 100 >> min(w[z + self._prev_priority], priority)
        mapped = (w[self._vm_stat + _NR_FILE_MAPPED] + w[self._vm_stat + _NR_ANON_PAGES]) * 100 // w[self._total]
        return mapped // 2 + distress + w[self._swappiness] >= 100

    def _shrink_active_list(self, nr_pages: int, zone: int, priority: int) -> None:
        """Move pages from the end of the active list to the inactive one; a mapped page only if mapped ones are to go,
        and it was not accessed.
        """
        w, z = self._w, (zone ^ 0xC0000000) >> 2
        self._swap.lru_add_drain()
        taken, scanned = self._isolate(nr_pages, zone + self._active_list)
        w[z + self._pages_scanned] += scanned
        reclaim_mapped = self._reclaim_mapped(z, priority)
        w[z + self._nr_active] -= len(taken)
        moved = 0
        for page in taken:
            mapped = self._references.in_use(page)
            if not mapped or reclaim_mapped and not self._references.page_referenced(page):
                w[(page ^ 0xC0000000) >> 2] &= ~PG_active
                moved += 1
            self._put_back(page, zone)
        self._count("pgrefill", scanned, zone)
        self._count("pgdeactivate", moved)

    def _shrink_inactive_list(self, most: int, zone: int, control: ScanControl) -> int:
        """Free pages at the end of the inactive list; how many."""
        w, z, freed, seen = self._w, (zone ^ 0xC0000000) >> 2, 0, 0
        self._swap.lru_add_drain()
        while seen < most:
            taken, scanned = self._isolate(SWAP_CLUSTER_MAX, zone + self._inactive_list)
            w[z + self._nr_inactive] -= len(taken)
            w[z + self._pages_scanned] += scanned
            seen += scanned
            gone = 0
            for page in taken:
                if self._shrink_page(page, control):
                    gone += 1
                else:
                    self._put_back(page, zone)
            freed += gone
            kswapd = w[self._traps.current_flags()] & PF_KSWAPD
            self._count("pgscan_kswapd" if kswapd else "pgscan_direct", scanned, zone)
            self._count("kswapd_steal", gone if kswapd else 0)
            self._count("pgsteal", gone, zone)
            if not taken:
                break
        return freed

    def _shrink_page(self, page: int, control: ScanControl) -> bool:
        """shrink_page_list for one page that is held: whether it is gone."""
        w, filemap = self._w, self._filemap
        p = (page ^ 0xC0000000) >> 2
        if not filemap.trylock_page(page):
            return False
        control.nr_scanned += 1
        if w[p] & PG_writeback:
            filemap.unlock_page(page)
            return False
        if self._references.page_referenced(page) and self._references.in_use(page):
            w[p] |= PG_active
            self._count("pgactivate", 1)
            filemap.unlock_page(page)
            return False
        if w[p] & PG_private and w[p + 4] and not self._truncate.try_to_release_page(page):
            w[p] |= PG_active
            self._count("pgactivate", 1)
            filemap.unlock_page(page)
            return False
        # Two hold it, the page cache and this scan; a dirty one would have to be written somewhere.
        if not w[p + 4] or w[p + 4] & 1 or w[p + 1] != 2 or w[p] & PG_dirty:
            filemap.unlock_page(page)
            return False
        filemap._remove_from_page_cache(page)
        w[p + 1] -= 1
        filemap.unlock_page(page)
        self._pages.free_cold_page(page)
        return True

    def _shrink_zone(self, priority: int, zone: int, control: ScanControl) -> int:
        """Scan a part of both lists, the larger the lower the priority; how many pages went."""
        active = self._share(zone, self._nr_active, self._nr_scan_active, priority)
        inactive = self._share(zone, self._nr_inactive, self._nr_scan_inactive, priority)
        freed = 0
        while active or inactive:
            if active:
                now = min(active, SWAP_CLUSTER_MAX)
                active -= now
                self._shrink_active_list(now, zone, priority)
            if inactive:
                now = min(inactive, SWAP_CLUSTER_MAX)
                inactive -= now
                freed += self._shrink_inactive_list(now, zone, control)
        return freed

    def _share(self, zone: int, nr: int, nr_scan: int, priority: int) -> int:
        """What is to be scanned; small parts add up until they are worth a scan."""
        w, z = self._w, (zone ^ 0xC0000000) >> 2
        share = w[z + nr_scan] + (w[z + nr] >> priority) + 1
        w[z + nr_scan] = 0 if share >= SWAP_CLUSTER_MAX else share
        return share if share >= SWAP_CLUSTER_MAX else 0

    def _populated(self, zones: list[int]) -> Iterator[tuple[int, int]]:
        """Each zone that has pages, and its word index."""
        for zone in zones:
            z = (zone ^ 0xC0000000) >> 2
            if self._w[z + self._present]:
                yield zone, z

    def _lru_pages(self, zones: list[int]) -> int:
        w = self._w
        return sum(w[z + self._nr_active] + w[z + self._nr_inactive] for _, z in self._populated(zones))

    # direct reclaim

    def try_to_free_pages(self, zones: list[int], order: int, gfp_mask: int) -> int:
        """Scan harder and harder until 32 pages came free: 1. 0 where nothing did and no zone can give more."""
        w, freed = self._w, 0
        self._count("allocstall", 1)
        if (emit := self._events.mm_vmscan_direct_reclaim_begin) is not None:
            emit(order, 1, gfp_mask)
        lru_pages = self._lru_pages(zones)
        for priority in range(DEF_PRIORITY, -1, -1):
            control = ScanControl()
            for zone, z in self._populated(zones):
                self._note_priority(z, priority)
                if w[z + self._all_unreclaimable] and priority != DEF_PRIORITY:
                    continue
                control.all_unreclaimable = False
                freed += self._shrink_zone(priority, zone, control)
            freed += self._shrink_slabs(control.nr_scanned, gfp_mask, lru_pages)[1]
            if freed >= SWAP_CLUSTER_MAX:
                break
        for _, z in self._populated(zones):
            w[z + self._prev_priority] = priority
        if (emit := self._events.mm_vmscan_direct_reclaim_end) is not None:
            emit(freed)
        return int(freed >= SWAP_CLUSTER_MAX or not control.all_unreclaimable)

    def _shrink_slabs(self, scanned: int, gfp_mask: int, lru_pages: int) -> tuple[int, int]:
        """The shrinkers, then the free slabs: how many objects went, and how many pages of slabs."""
        before = self._slab.nr_freed
        objects = self.shrink_slab(scanned, gfp_mask, lru_pages)
        self._slab.reap_free_slabs()
        return objects, self._slab.nr_freed - before

    # kswapd

    def kswapd_run(self, tasks: Tasks, kthreads: Kthreads) -> None:
        """Start the node's kswapd."""
        task = tasks.create("kswapd0")
        kthreads.start(task, self._layout.va("kswapd"), (self._pgdat,))
        t = (task ^ 0xC0000000) >> 2
        self._w[t + self._layout["task_struct"].word("flags")] = PF_MEMALLOC | PF_SWAPWRITE | PF_KSWAPD
        self._w[self._kswapd] = task
        self._sched.wake_up_process(task)

    def wakeup_kswapd(self, zone: int, order: int) -> None:
        """Wake kswapd if a zone is below its low watermark."""
        w, z = self._w, (zone ^ 0xC0000000) >> 2
        if not w[z + self._present] or self._pages.zone_watermark_ok(zone, order, w[z + self._pages_low], 0, 0):
            return
        if w[self._max_order] < order:
            w[self._max_order] = order
        if (emit := self._events.mm_vmscan_wakeup_kswapd) is not None:
            emit(0, self._pages.zones.index(zone), order)
        self._sched.wake_up(self._kswapd_wait)

    def kswapd_work(self, pgdat: int, frame: int) -> None:
        """One pass of kswapd, or its sleep. frame: its local variables, on its stack."""
        w, f = self._w, (frame ^ 0xC0000000) >> 2
        if not w[f + _PASSES]:
            wanted = w[self._max_order]
            w[self._max_order] = 0
            if not w[f + _SLEPT] and w[f + _ORDER] >= wanted:
                w[f + _SLEPT] = 1
                if (emit := self._events.mm_vmscan_kswapd_sleep) is not None:
                    emit(0)
                self._sched.sleep_on(self._kswapd_wait, TASK_INTERRUPTIBLE)
            w[f + _ORDER], w[f + _SLEPT] = wanted, 0
            if (emit := self._events.mm_vmscan_kswapd_wake) is not None:
                emit(0, wanted)
            self._begin(f)
        self._balance(f)

    def _begin(self, f: int) -> None:
        """A run of balance_pgdat begins."""
        self._count("pageoutrun", 1)
        self._w[f + _PASSES], self._w[f + _FREED], self._w[f + _SCANNED] = DEF_PRIORITY + 1, 0, 0
        for i in range(MAX_NR_ZONES):
            self._w[f + _TEMP_PRIORITY + i] = DEF_PRIORITY

    def _balance(self, f: int) -> None:
        """The next pass of balance_pgdat. Behind the last one `_PASSES` is 0."""
        w, zones, order, priority = self._w, self._pages.zones, self._w[f + _ORDER], self._w[f + _PASSES] - 1
        end_zone = max((i for i, zone in enumerate(zones) if self._is_short(zone, order, priority)), default=-1)
        lru_pages = self._lru_pages(zones[: end_zone + 1])
        well = True
        for i, (zone, z) in enumerate(list(self._populated(zones[: end_zone + 1]))):
            if w[z + self._all_unreclaimable] and priority != DEF_PRIORITY:
                continue
            if not self._pages.zone_watermark_ok(zone, order, w[z + self._pages_high], end_zone, 0):
                well = False
            w[f + _TEMP_PRIORITY + i] = priority
            self._note_priority(z, priority)
            control = ScanControl()
            freed = self._shrink_zone(priority, zone, control)
            objects, slab_pages = self._shrink_slabs(control.nr_scanned, GFP_KERNEL, lru_pages)
            w[f + _FREED] += freed + slab_pages
            w[f + _SCANNED] += control.nr_scanned
            lists = w[z + self._nr_active] + w[z + self._nr_inactive]
            if not objects and not slab_pages and w[z + self._pages_scanned] >= 4 * lists:
                w[z + self._all_unreclaimable] = 1
        w[f + _PASSES] = priority
        if well or not priority or w[f + _FREED] >= SWAP_CLUSTER_MAX:
            for i, (_, z) in enumerate(self._populated(zones)):
                w[z + self._prev_priority] = w[f + _TEMP_PRIORITY + i]
            w[f + _PASSES] = 0
            if not well:
                self._begin(f)
                self._sched.give_way()
        elif w[f + _SCANNED] and priority < DEF_PRIORITY - 2:
            self._sched.pause(HZ // 10)  # congestion_wait

    def _note_priority(self, z: int, priority: int) -> None:
        """note_zone_scanning_priority: somebody scans the zone this hard."""
        self._w[z + self._prev_priority] = min(priority, self._w[z + self._prev_priority])

    def _is_short(self, zone: int, order: int, priority: int) -> bool:
        w, z = self._w, (zone ^ 0xC0000000) >> 2
        if not w[z + self._present] or w[z + self._all_unreclaimable] and priority != DEF_PRIORITY:
            return False
        return not self._pages.zone_watermark_ok(zone, order, w[z + self._pages_high], 0, 0)


def _signed(word: int) -> int:
    return word - (1 << 32) if word >> 31 else word
