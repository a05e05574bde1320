"""Zones, the buddy system and the per-CPU page lists (mm/page_alloc.c, 2.6.20).

All state is in guest RAM: `contig_page_data` with its zones, their free areas and per-CPU lists, and `mem_map`.
A page is named by the virtual address of its `struct page`, a zone by that of its `struct zone`; 0 is NULL.
"""

from __future__ import annotations

from collections.abc import Callable

from mm.errors import KernelFault
from mm.events import Events
from mm.gfp import (
    GFP_COLD,
    GFP_COMP,
    GFP_DMA,
    GFP_FS,
    GFP_HIGH,
    GFP_HIGHMEM,
    GFP_NOFAIL,
    GFP_NOMEMALLOC,
    GFP_NORETRY,
    GFP_NOWARN,
    GFP_REPEAT,
    GFP_WAIT,
    GFP_ZERO,
)  # fmt: skip
from mm.layout import MAX_NR_ZONES, MAX_ORDER, NR_VM_EVENT_ITEMS, PAGE_OFFSET, PAGE_SHIFT, PAGE_SIZE, Layout
from mm.list import Words, list_add, list_add_tail, list_del, list_empty
from mm.page_address import PageAddresses
from mm.page_flags import (
    CHECK_AT_FREE,
    CHECK_AT_PREP,
    CLEAR_AT_PREP,
    ZONES_SHIFT,
    PG_active,
    PG_buddy,
    PG_compound,
    PG_dirty,
    PG_locked,
    PG_lru,
    PG_private,
    PG_reclaim,
    PG_reserved,
    PG_slab,
    PG_swapcache,
    PG_writeback,
)  # fmt: skip
from mm.page_owner import PageOwners
from mm.time import HZ
from mm.traps import PF_MEMALLOC, TIF_MEMDIE, Traps
from mm.vm_event import event_word

ZONE_DMA, ZONE_NORMAL, ZONE_HIGHMEM = range(MAX_NR_ZONES)

ALLOC_NO_WATERMARKS = 0x01
ALLOC_WMARK_MIN = 0x02
ALLOC_WMARK_LOW = 0x04
ALLOC_WMARK_HIGH = 0x08
ALLOC_HARDER = 0x10
ALLOC_HIGH = 0x20

MOST_PAUSES = 32

_MAPCOUNT_FREE = 0xFFFFFFFF
_NO_PAGES = b"\0" * PAGE_SIZE
_LRU = 0x18  # byte offset of page->lru


class PageAllocator:
    """The page allocator over one node.

    w: lowmem in words. memory: all physical memory in bytes. layout, events, traps: see their modules. owners: None
    where a `struct page` has no owner word.
    """

    def __init__(
        self, w: Words, memory: memoryview, layout: Layout, events: Events, traps: Traps, addresses: PageAddresses,
        owners: PageOwners | None,
    ) -> None:  # fmt: skip
        self.w = w
        self._memory = memory
        self._events = events
        self._traps = traps
        self._layout = layout
        self._page_address = addresses.page_address
        self.mem_map = w[(layout.va("mem_map") ^ PAGE_OFFSET) >> 2]
        self.page_size = layout["page"].size
        self._owners = owners
        zone, pgdat = layout["zone"], layout["pglist_data"]
        self.pgdat = layout.va("contig_page_data")
        self.zones = [self.pgdat + i * zone.size for i in range(MAX_NR_ZONES)]
        self._zonelists = [
            self.pgdat + pgdat.offset("node_zonelists") + i * layout["zonelist"].size for i in range(MAX_NR_ZONES)
        ]
        self._zone_size = zone.size
        self._pgalloc, self._pgfree = event_word(layout, "pgalloc_dma"), event_word(layout, "pgfree")
        self._pageset = zone.offset("pageset")
        self._pageset_size = layout["per_cpu_pageset"].size
        self._pcp_size = layout["per_cpu_pages"].size
        self._free_area = zone.word("free_area")
        self._free_area_bytes = zone.offset("free_area")
        self._low = zone.word("pages_low")
        self._min = zone.word("pages_min")
        self._high = zone.word("pages_high")
        self._reserve = zone.word("lowmem_reserve")
        self._pages_scanned = zone.word("pages_scanned")
        self._all_unreclaimable = zone.word("all_unreclaimable")
        self._present = zone.word("present_pages")
        self._start_pfn = zone.word("zone_start_pfn")
        # What is asked for where memory is short; put in where the kernel is wired.
        self.wakeup_kswapd: Callable[[int, int], None] = lambda zone, order: None
        self.try_to_free_pages: Callable[[list[int], int, int], int] = lambda zones, order, gfp_mask: 0
        self.out_of_memory: Callable[[int, int], bool] = lambda gfp_mask, order: False
        self.leave_lru: Callable[[int], None] = lambda page: None  # takes a page off reclaim's lists
        self.give_way: Callable[[], None] = lambda: None
        self.pause: Callable[[int], bool] = lambda timeout: False
        self.tired: Callable[[], bool] = lambda: False

    # pages and frames

    def pfn_to_page(self, pfn: int) -> int:
        """The `struct page` of a frame number (no check that the frame exists)."""
        return self.mem_map + pfn * self.page_size & 0xFFFFFFFF

    def page_to_pfn(self, page: int) -> int:
        """The frame number of a `struct page`."""
        return ((page - self.mem_map) & 0xFFFFFFFF) // self.page_size

    def virt_to_page(self, va: int) -> int:
        """The `struct page` of a direct-map address."""
        return self.pfn_to_page(((va - PAGE_OFFSET) & 0xFFFFFFFF) >> PAGE_SHIFT)

    def page_zone(self, page: int) -> int:
        """The zone that a page lies in."""
        return self.zones[self.w[(page ^ 0xC0000000) >> 2] >> ZONES_SHIFT]

    def nr_free_pages(self) -> int:
        """Pages on the free areas of all zones; pages on per-CPU lists are not counted (2.6.20)."""
        return sum(self.w[(zone ^ 0xC0000000) >> 2] for zone in self.zones)

    # the buddy system

    def free_one_page(self, page: int, zone: int, order: int) -> None:
        """__free_one_page: give a block of 2^order pages back and merge it with its buddies."""
        w, size, mem_map = self.w, self.page_size, self.mem_map
        z = (zone ^ 0xC0000000) >> 2
        w[z] += 1 << order
        zone_id = self.zones.index(zone)
        pfn = (page - mem_map) // size
        area = z + self._free_area
        while order < MAX_ORDER - 1:
            buddy_pfn = pfn ^ (1 << order)
            buddy = mem_map + buddy_pfn * size
            b = (buddy ^ 0xC0000000) >> 2
            flags = w[b]
            if flags >> ZONES_SHIFT != zone_id or not flags & PG_buddy or w[b + 3] != order:
                break
            if w[b + 1]:  # page_count of a free page
                self._traps.bug()
            list_del(w, buddy + _LRU)
            w[area + 3 * order + 2] -= 1
            w[b] = flags & ~PG_buddy
            w[b + 3] = 0
            pfn &= buddy_pfn
            order += 1
        page = mem_map + pfn * size
        p = (page ^ 0xC0000000) >> 2
        w[p] |= PG_buddy
        w[p + 3] = order
        list_add(w, page + _LRU, zone + self._free_area_bytes + 12 * order)
        w[area + 3 * order + 2] += 1

    def _rmqueue(self, zone: int, order: int) -> int:
        """__rmqueue: the first block of the smallest order that serves, split down to `order`; 0 where none is."""
        w = self.w
        z = (zone ^ 0xC0000000) >> 2
        heads = zone + self._free_area_bytes
        area = z + self._free_area
        for current in range(order, MAX_ORDER):
            entry = w[area + 3 * current]
            if entry == heads + 12 * current:
                continue
            page = entry - _LRU
            list_del(w, entry)
            p = (page ^ 0xC0000000) >> 2
            w[p] &= ~PG_buddy
            w[p + 3] = 0
            w[area + 3 * current + 2] -= 1
            w[z] -= 1 << order
            while current > order:
                current -= 1
                upper = page + (self.page_size << current)
                list_add(w, upper + _LRU, heads + 12 * current)
                w[area + 3 * current + 2] += 1
                u = (upper ^ 0xC0000000) >> 2
                w[u] |= PG_buddy
                w[u + 3] = current
            return page
        return 0

    # the per-CPU lists

    def pcp(self, zone: int, cpu: int, cold: int) -> int:
        """Address of a zone's `struct per_cpu_pages`, hot (0) or cold (1)."""
        return zone + self._pageset + cpu * self._pageset_size + cold * self._pcp_size

    def _rmqueue_bulk(self, zone: int, count: int, head: int) -> int:
        w, emit = self.w, self._events.mm_page_alloc_zone_locked
        for taken in range(count):
            page = self._rmqueue(zone, 0)
            if not page:
                return taken
            list_add_tail(w, page + _LRU, head)
            if emit is not None:
                emit(page, self.page_to_pfn(page), 0, 0, 1)
        return count

    def _free_pages_bulk(self, zone: int, count: int, head: int) -> None:
        w, emit = self.w, self._events.mm_page_pcpu_drain
        z = (zone ^ 0xC0000000) >> 2
        w[z + self._all_unreclaimable] = 0
        w[z + self._pages_scanned] = 0
        for _ in range(count):
            if list_empty(w, head):
                self._traps.bug()
            entry = w[((head ^ 0xC0000000) >> 2) + 1]
            list_del(w, entry)
            if emit is not None:
                emit(entry - _LRU, self.page_to_pfn(entry - _LRU), 0, 0)
            self.free_one_page(entry - _LRU, zone, 0)

    def _free_hot_cold_page(self, page: int, cold: int) -> None:
        w = self.w
        p = (page ^ 0xC0000000) >> 2
        if w[p + 4] & 1:  # PageAnon
            w[p + 4] = 0
        if self._free_pages_check(page):
            return
        event = self._pgfree + self._traps.cpu * NR_VM_EVENT_ITEMS
        w[event] = w[event] + 1 & 0xFFFFFFFF
        if self._owners is not None:
            self._owners.reset(p)
        zone = self.zones[w[p] >> ZONES_SHIFT]
        pcp = self.pcp(zone, self._traps.cpu, cold)
        i = (pcp ^ 0xC0000000) >> 2
        list_add(w, page + _LRU, pcp + 12)
        count = w[i] + 1
        w[i] = count
        if count >= w[i + 1]:
            batch = w[i + 2]
            self._free_pages_bulk(zone, batch, pcp + 12)
            w[i] -= batch

    def drain_local_pages(self, cpu: int) -> None:
        """Give all pages on one CPU's lists back to the buddy system."""
        for zone in self.zones:
            if self.w[((zone ^ 0xC0000000) >> 2) + self._present]:
                for cold in (0, 1):
                    pcp = self.pcp(zone, cpu, cold)
                    i = (pcp ^ 0xC0000000) >> 2
                    self._free_pages_bulk(zone, self.w[i], pcp + 12)
                    self.w[i] = 0

    # checks

    def _bad_page(self, page: int) -> None:
        w, printk = self.w, self._traps.printk
        p = (page ^ 0xC0000000) >> 2
        flags, count, mapcount, mapping = w[p], w[p + 1], w[p + 2], w[p + 4]
        printk(
            f"<0>Bad page state in process '{self._traps.comm()}'\n"
            f"<0>page:{page:08x} flags:0x{flags:08x} mapping:{mapping:08x} "
            f"mapcount:{_signed(mapcount) + 1} count:{_signed(count)}\n"
            "<0>Trying to fix it up, but a reboot is needed\n<0>Backtrace:\n"
        )
        self._traps.dump_stack()
        w[p] = flags & ~(
            PG_lru | PG_private | PG_locked | PG_active | PG_dirty | PG_reclaim | PG_slab | PG_swapcache
            | PG_writeback | PG_buddy
        )  # fmt: skip
        w[p + 1] = 0
        w[p + 2] = _MAPCOUNT_FREE
        w[p + 4] = 0
        w[(self._layout.va("tainted") ^ 0xC0000000) >> 2] |= 1 << 5  # TAINT_BAD_PAGE

    def _free_pages_check(self, page: int) -> bool:
        """Whether the page must not be freed. The others lose their dirty bit, as in 2.6.20."""
        w = self.w
        p = (page ^ 0xC0000000) >> 2
        flags = w[p]
        if w[p + 2] != _MAPCOUNT_FREE or w[p + 4] or w[p + 1] or flags & CHECK_AT_FREE:
            self._bad_page(page)
        if flags & PG_dirty:
            w[p] &= ~PG_dirty
        return bool(flags & PG_reserved)

    def _prep_new_page(self, page: int, order: int, gfp_mask: int) -> bool:
        """Make a page that left the free lists ready for its user. False: it is bad and set aside."""
        w = self.w
        p = (page ^ 0xC0000000) >> 2
        flags = w[p]
        if w[p + 2] != _MAPCOUNT_FREE or w[p + 4] or w[p + 1] or flags & CHECK_AT_PREP:
            self._bad_page(page)
        if flags & PG_reserved:
            return False
        w[p] &= ~CLEAR_AT_PREP
        w[p + 3] = 0
        w[p + 1] = 1
        if self._owners is not None:
            self._owners.set(p, order, gfp_mask)
        if gfp_mask & GFP_ZERO:
            start = self.page_to_pfn(page) << PAGE_SHIFT
            for pa in range(start, start + (PAGE_SIZE << order), PAGE_SIZE):
                self._memory[pa : pa + PAGE_SIZE] = _NO_PAGES
        if order and gfp_mask & GFP_COMP:
            self._prep_compound_page(page, order)
        return True

    def _prep_compound_page(self, page: int, order: int) -> None:
        w, step = self.w, self.page_size >> 2
        p = (page ^ 0xC0000000) >> 2
        w[p + step + 6] = self._layout.va("free_compound_page")
        w[p + step + 7] = order
        for i in range(p, p + (step << order), step):
            w[i] |= PG_compound
            w[i + 3] = page

    def _destroy_compound_page(self, page: int, order: int) -> None:
        w, step = self.w, self.page_size >> 2
        p = (page ^ 0xC0000000) >> 2
        if w[p + step + 7] != order:
            self._bad_page(page)
        for i in range(p, p + (step << order), step):
            if not w[i] & PG_compound or w[i + 3] != page:
                self._bad_page(page)
            w[i] &= ~PG_compound
            w[i + 3] = 0  # left alone in 2.6.20, where it is private to the block's next owner

    # allocation

    def zone_watermark_ok(self, zone: int, order: int, mark: int, classzone_idx: int, alloc_flags: int) -> bool:
        """Whether 2^order pages may be taken and `mark` pages (with the classzone's reserve) stay free."""
        w = self.w
        z = (zone ^ 0xC0000000) >> 2
        least = mark
        if alloc_flags & ALLOC_HIGH:
            least -= least // 2
        if alloc_flags & ALLOC_HARDER:
            least -= least // 4
        free = w[z] - (1 << order) + 1
        if free <= least + w[z + self._reserve + classzone_idx]:
            return False
        area = z + self._free_area + 2
        for o in range(order):
            free -= w[area + 3 * o] << o
            least >>= 1
            if free <= least:
                return False
        return True

    def _get_page_from_freelist(self, gfp_mask: int, order: int, zonelist: int, alloc_flags: int) -> int:
        w = self.w
        i = (self._zonelists[zonelist] ^ 0xC0000000) >> 2
        classzone_idx = self.zones.index(w[i])
        mark = self._min if alloc_flags & ALLOC_WMARK_MIN else self._low
        if alloc_flags & ALLOC_WMARK_HIGH:
            mark = self._high
        while zone := w[i]:
            i += 1
            z = (zone ^ 0xC0000000) >> 2
            if not order and alloc_flags == ALLOC_WMARK_LOW:  # zone_watermark_ok in short: 5 %
                if w[z] <= w[z + mark] + w[z + self._reserve + classzone_idx]:
                    continue
            elif not alloc_flags & ALLOC_NO_WATERMARKS and not self.zone_watermark_ok(
                zone, order, w[z + mark], classzone_idx, alloc_flags
            ):
                continue
            if page := self._buffered_rmqueue(zone, order, gfp_mask):
                return page
        return 0

    def _buffered_rmqueue(self, zone: int, order: int, gfp_mask: int) -> int:
        w = self.w
        while True:
            if order:
                page = self._rmqueue(zone, order)
                if not page:
                    return 0
            else:
                pcp = self.pcp(zone, self._traps.cpu, 1 if gfp_mask & GFP_COLD else 0)
                i = (pcp ^ 0xC0000000) >> 2
                if not w[i]:
                    w[i] = self._rmqueue_bulk(zone, w[i + 2], pcp + 12)
                    if not w[i]:
                        return 0
                entry = w[i + 3]
                list_del(w, entry)
                w[i] -= 1
                page = entry - _LRU
            event = self._pgalloc + (zone - self.pgdat) // self._zone_size + self._traps.cpu * NR_VM_EVENT_ITEMS
            w[event] = w[event] + (1 << order) & 0xFFFFFFFF
            if self._prep_new_page(page, order, gfp_mask):
                return page

    def alloc_pages(self, gfp_mask: int, order: int) -> int:
        """__alloc_pages: 2^order contiguous frames: the `struct page` of the first, or 0. Order 11 and more: 0.

        With __GFP_WAIT the call may end in mm.sched.Switch: then it sleeps, and the guest's call runs once more. So
        whoever holds something half-made gives it back on every exception.
        """
        if order >= MAX_ORDER:
            return 0
        if gfp_mask & GFP_WAIT:
            self._traps.might_sleep()
        zonelist = ZONE_DMA if gfp_mask & GFP_DMA else ZONE_HIGHMEM if gfp_mask & GFP_HIGHMEM else ZONE_NORMAL
        page = self._get_page_from_freelist(gfp_mask, order, zonelist, ALLOC_WMARK_LOW)
        if not page:
            page = self._alloc_slowly(gfp_mask, order, zonelist)
        emit = self._events.mm_page_alloc
        if emit is not None:
            emit(page, self.page_to_pfn(page) if page else 0, order, 0, gfp_mask)
        return page

    def _alloc_slowly(self, gfp_mask: int, order: int, zonelist: int) -> int:
        """__alloc_pages where the free pages are below the low watermarks."""
        wait = gfp_mask & GFP_WAIT
        alloc_flags = ALLOC_WMARK_MIN
        if not wait:  # no task of ours is a real-time one
            alloc_flags |= ALLOC_HARDER
        if gfp_mask & GFP_HIGH:
            alloc_flags |= ALLOC_HIGH
        self._wakeup_kswapds(zonelist, order)
        page = self._get_page_from_freelist(gfp_mask, order, zonelist, alloc_flags)
        rounds = 0  # without a sleep between them: the caller cannot sleep
        while not page:
            if self._may_use_reserves():
                page = 0 if gfp_mask & GFP_NOMEMALLOC else self._take_reserves(gfp_mask, order, zonelist)
                break
            if not wait:
                break
            self.give_way()
            rounds += 1
            tired = self.tired() or rounds > MOST_PAUSES
            if self._reclaim(zonelist, order, gfp_mask) and not tired:
                if page := self._get_page_from_freelist(gfp_mask, order, zonelist, alloc_flags):
                    break
            elif gfp_mask & GFP_FS and not gfp_mask & GFP_NORETRY:
                # Somebody may have been killed meanwhile, and his memory be free.
                page = self._get_page_from_freelist(gfp_mask, order, zonelist, ALLOC_WMARK_HIGH)
                if page or rounds > 2 * MOST_PAUSES or not self.out_of_memory(gfp_mask, order):
                    break
                self._wakeup_kswapds(zonelist, order)
                page = self._get_page_from_freelist(gfp_mask, order, zonelist, alloc_flags)
                continue
            retry = not gfp_mask & GFP_NORETRY and (order <= 3 or gfp_mask & (GFP_REPEAT | GFP_NOFAIL))
            if not retry or rounds > 2 * MOST_PAUSES or not self.pause(HZ // 50):  # congestion_wait
                break
        if not page:
            self._complain(gfp_mask, order)
        return page

    def _may_use_reserves(self) -> bool:
        """Whether the caller is freeing memory, or is to end so that memory is freed."""
        w, traps = self.w, self._traps
        if not w[traps.current_flags()] & PF_MEMALLOC and not w[traps.thread_flags()] & TIF_MEMDIE:
            return False
        return not traps.in_interrupt()

    def _take_reserves(self, gfp_mask: int, order: int, zonelist: int) -> int:
        for _ in range(MOST_PAUSES):
            page = self._get_page_from_freelist(gfp_mask, order, zonelist, ALLOC_NO_WATERMARKS)
            if page or not gfp_mask & GFP_NOFAIL or not self.pause(HZ // 50):
                return page
        return 0

    def _wakeup_kswapds(self, zonelist: int, order: int) -> None:
        i = (self._zonelists[zonelist] ^ 0xC0000000) >> 2
        while zone := self.w[i]:
            self.wakeup_kswapd(zone, order)
            i += 1

    def _reclaim(self, zonelist: int, order: int, gfp_mask: int) -> int:
        """Direct reclaim. What it calls may use the reserves."""
        w, flags = self.w, self._traps.current_flags()
        w[flags] |= PF_MEMALLOC
        try:
            return self.try_to_free_pages(self.zonelist(zonelist), order, gfp_mask)
        finally:
            w[flags] &= ~PF_MEMALLOC

    def zonelist(self, highest: int) -> list[int]:
        """The zones that a request for zone `highest` may be served from, in the order in which they are tried."""
        i = (self._zonelists[highest] ^ 0xC0000000) >> 2
        return [zone for zone in self.w[i : i + MAX_NR_ZONES].tolist() if zone]

    def _complain(self, gfp_mask: int, order: int) -> None:
        traps = self._traps
        if not gfp_mask & GFP_NOWARN and traps.printk_ratelimit():
            traps.printk(f"<4>{traps.comm()}: page allocation failure. order:{order}, mode:0x{gfp_mask:x}\n")
            traps.dump_stack()
            traps.show_mem()

    def _get_free_pages(self, gfp_mask: int, order: int) -> int:
        """__get_free_pages: like alloc_pages, but the address. With __GFP_HIGHMEM that can be 0 of a page which is
        then lost, as in 2.6.20 without CONFIG_DEBUG_VM.
        """
        page = self.alloc_pages(gfp_mask, order)
        return self._page_address(page) if page else 0

    def get_zeroed_page(self, gfp_mask: int) -> int:
        """One page of zeros; its address, or 0."""
        return self._get_free_pages(gfp_mask | GFP_ZERO, 0)

    # freeing

    def _free_pages(self, page: int, order: int) -> None:
        """__free_pages: drop one reference; with the last one the block goes back."""
        p = (page ^ 0xC0000000) >> 2
        if p >= len(self.w) - self.page_size:
            raise KernelFault(page + 4, write=True)
        count = self.w[p + 1] - 1 & 0xFFFFFFFF
        self.w[p + 1] = count
        if not count:
            self._release(page, order)

    def _release(self, page: int, order: int) -> None:
        if order >= MAX_ORDER:
            self._traps.bug()
        emit = self._events.mm_page_free
        if emit is not None:
            emit(page, self.page_to_pfn(page), order)
        if order == 0:
            self._free_hot_cold_page(page, 0)
            return
        w = self.w
        p = (page ^ 0xC0000000) >> 2
        if w[p] & PG_compound:
            self._destroy_compound_page(page, order)
        reserved = False
        for i in range(1 << order):
            reserved |= self._free_pages_check(page + i * self.page_size)
        if reserved:
            return
        event = self._pgfree + self._traps.cpu * NR_VM_EVENT_ITEMS
        w[event] = w[event] + (1 << order) & 0xFFFFFFFF
        if self._owners is not None:
            self._owners.reset_block(p, order)
        zone = self.page_zone(page)
        z = (zone ^ 0xC0000000) >> 2
        w[z + self._all_unreclaimable] = 0
        w[z + self._pages_scanned] = 0
        self.free_one_page(page, zone, order)

    def free_pages(self, addr: int, order: int) -> None:
        """Like __free_pages, by direct-map address; 0 is ignored. No other address is caught (2.6.20)."""
        if addr:
            self._free_pages(self.virt_to_page(addr), order)

    def free_cold_page(self, page: int) -> None:
        """Drop the last reference to a single page that nobody will soon touch."""
        self.w[((page ^ 0xC0000000) >> 2) + 1] = 0
        emit = self._events.mm_page_free
        if emit is not None:
            emit(page, self.page_to_pfn(page), 0)
        self._free_hot_cold_page(page, 1)

    def put_page(self, page: int) -> None:
        """Drop one reference; the last one frees the page, or the compound page that it belongs to."""
        w = self.w
        p = (page ^ 0xC0000000) >> 2
        order = 0
        if w[p] & PG_compound:
            page = w[p + 3]
            p = (page ^ 0xC0000000) >> 2
            order = w[p + (self.page_size >> 2) + 7]
        count = w[p + 1] - 1 & 0xFFFFFFFF
        w[p + 1] = count
        if not count:
            if w[p] & PG_lru and not order:
                self.leave_lru(page)
            self._release(page, order)


def _signed(word: int) -> int:
    return word - (1 << 32) if word >> 31 else word
