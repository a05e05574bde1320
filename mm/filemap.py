"""The page cache (mm/filemap.c and mm/page-writeback.c, 2.6.20): the pages of a mapping by index, and page locks.

A mapping is a `struct address_space`. The cache holds one reference to each of its pages. There is no device behind
any mapping: a dirty page is marked and tagged, not counted, and nothing writes it, as in ramfs.
"""

from __future__ import annotations

from itertools import islice

from mm.gfp import GFP_HIGHMEM
from mm.layout import Layout
from mm.list import Words
from mm.maccess import KernelMemory
from mm.page_alloc import PageAllocator
from mm.page_flags import PG_dirty, PG_locked, PG_reclaim, PG_writeback
from mm.radix_tree import EEXIST, PAGECACHE_TAG_DIRTY, PAGECACHE_TAG_WRITEBACK, RadixTree
from mm.sched import Scheduler
from mm.swap import Swap
from mm.traps import Traps

NR_FILE_PAGES, NR_WRITEBACK = 2, 7  # enum zone_stat_item
GOLDEN_RATIO_PRIME = 0x9E370001

_COUNT, _MAPPING, _INDEX = 1, 4, 5  # words of struct page
_PAGE_MAPPING_ANON = 1


class FileMap:
    """The page cache over trees of pages, the page allocator and the scheduler."""

    def __init__(
        self, w: Words, layout: Layout, traps: Traps, sched: Scheduler, vm: KernelMemory, pages: PageAllocator,
        radix: RadixTree, swap: Swap,
    ) -> None:  # fmt: skip
        self._w = w
        self._vm = vm
        self._traps = traps
        self._sched = sched
        self._pages = pages
        self._radix = radix
        self._swap = swap
        self._tree = layout["address_space"].offset("page_tree")
        self._nrpages = layout["address_space"].word("nrpages")
        zone = layout["zone"]
        self._zone_stat = zone.word("vm_stat")
        self._vm_stat = (layout.va("vm_stat") ^ 0xC0000000) >> 2
        self._wait_table, self._wait_table_bits = zone.word("wait_table"), zone.word("wait_table_bits")
        self._queue_size = layout["wait_queue_head"].size

    def _count(self, page: int, item: int, pages: int) -> None:
        """Add to a counter of the page's zone and of all (mod_zone_page_state)."""
        w = self._w
        for i in (((self._pages.page_zone(page) ^ 0xC0000000) >> 2) + self._zone_stat + item, self._vm_stat + item):
            w[i] = w[i] + pages & 0xFFFFFFFF

    # waiting for a page

    def page_waitqueue(self, page: int) -> int:
        """The `struct wait_queue_head` of the page's zone on which is waited for the page."""
        z = (self._pages.page_zone(page) ^ 0xC0000000) >> 2
        hashed = (page * GOLDEN_RATIO_PRIME & 0xFFFFFFFF) >> 32 - self._w[z + self._wait_table_bits]
        return self._w[z + self._wait_table] + hashed * self._queue_size

    def trylock_page(self, page: int) -> bool:
        """Lock a page that is not locked; whether it was not."""
        p = (page ^ 0xC0000000) >> 2
        if self._w[p] & PG_locked:
            return False
        self._w[p] |= PG_locked
        return True

    def _lock_page(self, page: int) -> None:
        """__lock_page: lock a page. While another has it locked the call sleeps (mm.sched.Switch), and runs again."""
        if not self.trylock_page(page):
            self._sched.sleep_on(self.page_waitqueue(page))

    def unlock_page(self, page: int) -> None:
        """Give the lock of a page back and wake who waits; a BUG where it is not locked."""
        p = (page ^ 0xC0000000) >> 2
        if not self._w[p] & PG_locked:
            self._traps.bug()
        self._w[p] &= ~PG_locked
        self._sched.wake_up(self.page_waitqueue(page))

    def wait_on_page_bit(self, page: int, bit_nr: int) -> None:
        """Sleep until a bit of page->flags is clear; whoever clears it wakes (unlock_page, end_page_writeback)."""
        if self._w[(page ^ 0xC0000000) >> 2] >> (bit_nr & 31) & 1:
            self._sched.sleep_on(self.page_waitqueue(page))

    # finding

    def find_get_page(self, mapping: int, index: int) -> int:
        """The page at `index` with a reference for the caller, or 0."""
        page = self._radix.lookup(mapping + self._tree, index)
        if page:
            self._w[((page ^ 0xC0000000) >> 2) + _COUNT] += 1
        return page

    def find_lock_page(self, mapping: int, index: int) -> int:
        """The page at `index`, locked and with a reference for the caller, or 0. May sleep."""
        page = self._radix.lookup(mapping + self._tree, index)
        if page:
            self._lock_page(page)
            self._w[((page ^ 0xC0000000) >> 2) + _COUNT] += 1
        return page

    def find_or_create_page(self, mapping: int, index: int, gfp_mask: int) -> int:
        """find_lock_page, with a new page of `gfp_mask` where there is none; 0 without memory. May sleep."""
        while True:
            page = self.find_lock_page(mapping, index)
            if page:
                return page
            page = self._pages.alloc_pages(gfp_mask, 0)
            if not page:
                return 0
            try:
                error = self.add_to_page_cache_lru(page, mapping, index, gfp_mask)
            except BaseException:
                self._pages.put_page(page)
                raise
            if not error:
                return page
            self._pages.put_page(page)
            if error != EEXIST:
                return 0

    def lookup_pages(self, mapping: int, start: int, most: int, tag: int | None = None) -> list[tuple[int, int]]:
        """(index, page) of up to `most` pages from index `start` on; no reference is taken."""
        return list(islice(self._radix.items(mapping + self._tree, start, tag), most))

    def _get_pages(self, found: list[tuple[int, int]], pages: int) -> int:
        """Give the caller's array references to pages."""
        w = self._w
        self._vm.write(pages, b"".join(page.to_bytes(4, "little") for _, page in found))
        for _, page in found:
            w[((page ^ 0xC0000000) >> 2) + _COUNT] += 1
        return len(found)

    def find_get_pages(self, mapping: int, start: int, nr_pages: int, pages: int) -> int:
        """Up to `nr_pages` pages from index `start` on, each with a reference, into an array; how many."""
        return self._get_pages(self.lookup_pages(mapping, start, nr_pages), pages)

    def find_get_pages_contig(self, mapping: int, start: int, nr_pages: int, pages: int) -> int:
        """find_get_pages up to the first index that has no page."""
        found = self.lookup_pages(mapping, start, nr_pages)
        run = next((n for n, (index, _) in enumerate(found) if index != start + n), len(found))
        return self._get_pages(found[:run], pages)

    def find_get_pages_tag(self, mapping: int, index_ptr: int, tag: int, nr_pages: int, pages: int) -> int:
        """find_get_pages of those with a tag; *index_ptr is where to begin, and afterwards where to go on."""
        found = self.lookup_pages(mapping, self._vm.word(index_ptr), nr_pages, tag)
        if found:
            self._vm.set_word(index_ptr, found[-1][0] + 1 & 0xFFFFFFFF)
        return self._get_pages(found, pages)

    # adding and removing

    def add_to_page_cache(self, page: int, mapping: int, index: int, gfp_mask: int) -> int:
        """Put a new page at `index` and lock it: 0, -EEXIST or -ENOMEM. May sleep, as `gfp_mask` says."""
        w, p = self._w, (page ^ 0xC0000000) >> 2
        error = self._radix.preload(gfp_mask & ~GFP_HIGHMEM)
        if not error:
            error = self._radix.insert(mapping + self._tree, index, page)
        if not error:
            w[p + _COUNT] += 1
            w[p] |= PG_locked
            w[p + _MAPPING], w[p + _INDEX] = mapping, index
            w[((mapping ^ 0xC0000000) >> 2) + self._nrpages] += 1
            self._count(page, NR_FILE_PAGES, 1)
        return error

    def add_to_page_cache_lru(self, page: int, mapping: int, index: int, gfp_mask: int) -> int:
        """add_to_page_cache, then onto the inactive list."""
        error = self.add_to_page_cache(page, mapping, index, gfp_mask)
        if not error:
            self._swap.lru_cache_add(page)
        return error

    def _remove_from_page_cache(self, page: int) -> None:
        """__remove_from_page_cache: take a page out of its mapping. The cache's reference becomes the caller's."""
        w, p = self._w, (page ^ 0xC0000000) >> 2
        mapping = w[p + _MAPPING]
        self._radix.delete(mapping + self._tree, w[p + _INDEX])
        w[p + _MAPPING] = 0
        w[((mapping ^ 0xC0000000) >> 2) + self._nrpages] -= 1
        self._count(page, NR_FILE_PAGES, -1)

    def remove_from_page_cache(self, page: int) -> None:
        """The same for a page that the caller has locked; else a BUG."""
        if not self._w[(page ^ 0xC0000000) >> 2] & PG_locked:
            self._traps.bug()
        self._remove_from_page_cache(page)

    # dirty pages and those being written

    def _mapping(self, page: int) -> int:
        """The mapping of a page of the page cache, 0 of any other (page_mapping)."""
        mapping = self._w[((page ^ 0xC0000000) >> 2) + _MAPPING]
        return 0 if mapping & _PAGE_MAPPING_ANON else mapping

    def set_page_dirty(self, page: int) -> int:
        """Mark a page as dirty (__set_page_dirty_nobuffers); 1 where it was clean."""
        w, p = self._w, (page ^ 0xC0000000) >> 2
        if w[p] & PG_dirty:
            return 0
        w[p] |= PG_dirty
        if mapping := self._mapping(page):
            self._radix.tag_set(mapping + self._tree, w[p + _INDEX], PAGECACHE_TAG_DIRTY)
        return 1

    def clear_page_dirty_for_io(self, page: int) -> int:
        """Take the mark off a locked page that is about to be written; 1 where it was dirty. The tag stays until
        the writing begins.
        """
        p = (page ^ 0xC0000000) >> 2
        was = self._w[p] & PG_dirty
        self._w[p] &= ~PG_dirty
        return int(was != 0)

    def test_set_page_writeback(self, page: int) -> int:
        """Writing a page begins; 1 where it had begun before."""
        w, p = self._w, (page ^ 0xC0000000) >> 2
        was = w[p] & PG_writeback
        w[p] |= PG_writeback
        if not was:
            self._count(page, NR_WRITEBACK, 1)
        if mapping := self._mapping(page):
            tree, index = mapping + self._tree, w[p + _INDEX]
            if not was:
                self._radix.tag_set(tree, index, PAGECACHE_TAG_WRITEBACK)
            if not w[p] & PG_dirty:
                self._radix.tag_clear(tree, index, PAGECACHE_TAG_DIRTY)
        return int(was != 0)

    def test_clear_page_writeback(self, page: int) -> int:
        """Writing a page is over; 0 where it had not begun."""
        w, p = self._w, (page ^ 0xC0000000) >> 2
        if not w[p] & PG_writeback:
            return 0
        w[p] &= ~PG_writeback
        self._count(page, NR_WRITEBACK, -1)
        if mapping := self._mapping(page):
            self._radix.tag_clear(mapping + self._tree, w[p + _INDEX], PAGECACHE_TAG_WRITEBACK)
        return 1

    def end_page_writeback(self, page: int) -> None:
        """Writing a page is over: wake who waits; a BUG where it had not begun."""
        p = (page ^ 0xC0000000) >> 2
        if self._w[p] & PG_reclaim:
            self._w[p] &= ~PG_reclaim
            self._swap.rotate_reclaimable_page(page)
        if not self.test_clear_page_writeback(page):
            self._traps.bug()
        self._sched.wake_up(self.page_waitqueue(page))
