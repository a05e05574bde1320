"""The lists of pages that reclaim scans (mm/swap.c, include/linux/mm_inline.h, 2.6.20).

A page that is new on the lists waits in a pagevec of its CPU, a vector of 14 that holds a reference to each; PG_lru
says that a page is on a zone's list, PG_active on which.
"""

from __future__ import annotations

from mm.layout import NR_VM_EVENT_ITEMS, PAGEVEC_SIZE, Layout
from mm.list import Words, list_add, list_add_tail, list_del
from mm.page_alloc import PageAllocator
from mm.page_flags import PG_active, PG_dirty, PG_locked, PG_lru, PG_referenced
from mm.traps import Traps
from mm.vm_event import event_word

_LRU = 0x18  # byte offset of page->lru
_PAGES = 2  # word of pagevec.pages


class Swap:
    """The active and the inactive list of every zone, over the page allocator."""

    def __init__(self, w: Words, layout: Layout, traps: Traps, pages: PageAllocator) -> None:
        self._w = w
        self._traps = traps
        self._pages = pages
        zone = layout["zone"]
        self._active_list, self._inactive_list = zone.offset("active_list"), zone.offset("inactive_list")
        self._nr_active, self._nr_inactive = zone.word("nr_active"), zone.word("nr_inactive")
        self._pvec_size = layout["pagevec"].size
        self._pvecs = layout.va("lru_add_pvecs")
        self._active_pvecs = layout.va("lru_add_active_pvecs")
        self._pgactivate = event_word(layout, "pgactivate")

    # the lists of a zone; PG_lru is the caller's

    def add_page_to_active_list(self, zone: int, page: int) -> None:
        """To the head of the active list."""
        list_add(self._w, page + _LRU, zone + self._active_list)
        self._w[((zone ^ 0xC0000000) >> 2) + self._nr_active] += 1

    def add_page_to_inactive_list(self, zone: int, page: int) -> None:
        """To the head of the inactive list."""
        list_add(self._w, page + _LRU, zone + self._inactive_list)
        self._w[((zone ^ 0xC0000000) >> 2) + self._nr_inactive] += 1

    def del_page_from_active_list(self, zone: int, page: int) -> None:
        """Off the active list."""
        list_del(self._w, page + _LRU)
        self._w[((zone ^ 0xC0000000) >> 2) + self._nr_active] -= 1

    def del_page_from_inactive_list(self, zone: int, page: int) -> None:
        """Off the inactive list."""
        list_del(self._w, page + _LRU)
        self._w[((zone ^ 0xC0000000) >> 2) + self._nr_inactive] -= 1

    def del_page_from_lru(self, zone: int, page: int) -> None:
        """Off the list that PG_active names; PG_active goes too."""
        p = (page ^ 0xC0000000) >> 2
        if self._w[p] & PG_active:
            self._w[p] &= ~PG_active
            self.del_page_from_active_list(zone, page)
        else:
            self.del_page_from_inactive_list(zone, page)

    def leave_lru(self, page: int) -> None:
        """The last reference to a page on the lists is gone (__page_cache_release)."""
        self._w[(page ^ 0xC0000000) >> 2] &= ~PG_lru
        self.del_page_from_lru(self._pages.page_zone(page), page)

    # pagevecs

    def lru_cache_add(self, page: int) -> None:
        """Put a page on the inactive list, by way of this CPU's pagevec."""
        self._add(self._pvecs, page, 0)

    def lru_cache_add_active(self, page: int) -> None:
        """Put a page on the active list, by way of this CPU's pagevec."""
        self._add(self._active_pvecs, page, PG_active)

    def lru_add_drain(self) -> None:
        """Move the pages of this CPU's pagevecs to the lists."""
        cpu = self._traps.cpu
        self._drain(self._pvecs + cpu * self._pvec_size, 0)
        self._drain(self._active_pvecs + cpu * self._pvec_size, PG_active)

    def _add(self, pvecs: int, page: int, active: int) -> None:
        w, pvec = self._w, pvecs + self._traps.cpu * self._pvec_size
        v = (pvec ^ 0xC0000000) >> 2
        w[((page ^ 0xC0000000) >> 2) + 1] += 1
        nr = w[v]
        w[v + _PAGES + nr] = page
        w[v] = nr + 1
        if nr + 1 == PAGEVEC_SIZE:
            self._drain(pvec, active)

    def _drain(self, pvec: int, active: int) -> None:
        """__pagevec_lru_add, or with PG_active in `active` __pagevec_lru_add_active."""
        w, v = self._w, (pvec ^ 0xC0000000) >> 2
        pages = w[v + _PAGES : v + _PAGES + w[v]].tolist()
        for page in pages:
            p = (page ^ 0xC0000000) >> 2
            if w[p] & PG_lru or w[p] & active:
                self._traps.bug()
            w[p] |= PG_lru | active
            if active:
                self.add_page_to_active_list(self._pages.page_zone(page), page)
            else:
                self.add_page_to_inactive_list(self._pages.page_zone(page), page)
        w[v] = 0
        self.release_pages(pages)

    def release_pages(self, pages: list[int]) -> None:
        """Drop a reference to each page. Backwards, as the pages that go are freed in 2.6.20."""
        for page in reversed(pages):
            self._pages.put_page(page)

    # ageing

    def activate_page(self, page: int) -> None:
        """Move a page from the inactive to the active list."""
        p = (page ^ 0xC0000000) >> 2
        if self._w[p] & (PG_lru | PG_active) == PG_lru:
            zone = self._pages.page_zone(page)
            self.del_page_from_inactive_list(zone, page)
            self._w[p] |= PG_active
            self.add_page_to_active_list(zone, page)
            event = self._pgactivate + self._traps.cpu * NR_VM_EVENT_ITEMS
            self._w[event] = self._w[event] + 1 & 0xFFFFFFFF

    def mark_page_accessed(self, page: int) -> None:
        """A page was used: at the first time it is marked, at the second an inactive one is activated."""
        w, p = self._w, (page ^ 0xC0000000) >> 2
        if not w[p] & PG_referenced:
            w[p] |= PG_referenced
        elif w[p] & (PG_lru | PG_active) == PG_lru:
            self.activate_page(page)
            w[p] &= ~PG_referenced

    def rotate_reclaimable_page(self, page: int) -> None:
        """Writing a page that is to be reclaimed is done: reclaim finds it first, at the end of the inactive list."""
        if self._w[(page ^ 0xC0000000) >> 2] & (PG_locked | PG_dirty | PG_active | PG_lru) == PG_lru:
            list_del(self._w, page + _LRU)
            list_add_tail(self._w, page + _LRU, self._pages.page_zone(page) + self._inactive_list)
