"""Taking pages out of the page cache (mm/truncate.c, 2.6.20)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mm.filemap import FileMap
from mm.layout import PAGE_SHIFT, PAGE_SIZE, PAGEVEC_SIZE, Layout
from mm.list import Words
from mm.maccess import KernelMemory
from mm.page_alloc import PageAllocator
from mm.page_flags import PG_dirty, PG_locked, PG_mappedtodisk, PG_private, PG_uptodate, PG_writeback
from mm.swap import Swap

_COUNT, _MAPCOUNT, _MAPPING, _INDEX = 1, 2, 4, 5  # words of struct page
_NOT_MAPPED = 0xFFFFFFFF
# Byte offsets in struct address_space_operations.
_INVALIDATEPAGE, _RELEASEPAGE = 36, 40


class Truncate:
    """Truncating and invalidating mappings. memory: all physical memory in bytes.

    call_guest(function, *arguments) runs what a mapping's operations name for pages with PG_private.
    """

    def __init__(
        self, w: Words, memory: memoryview, layout: Layout, vm: KernelMemory, pages: PageAllocator, filemap: FileMap,
        swap: Swap, call_guest: Callable[..., int],
    ) -> None:  # fmt: skip
        self._w = w
        self._memory = memory
        self._vm = vm
        self._pages = pages
        self._filemap = filemap
        self._swap = swap
        self._call_guest = call_guest
        self._nrpages = layout["address_space"].word("nrpages")
        self._a_ops = layout["address_space"].word("a_ops")

    @contextmanager
    def _pagevec(self, mapping: int, start: int) -> Iterator[list[tuple[int, int]]]:
        """The next 14 pages from index `start` on, held meanwhile (pagevec_lookup and pagevec_release)."""
        found = self._filemap.lookup_pages(mapping, start, PAGEVEC_SIZE)
        for _, page in found:
            self._w[((page ^ 0xC0000000) >> 2) + _COUNT] += 1
        try:
            yield found
        finally:
            self._swap.lru_add_drain()
            self._swap.release_pages([page for _, page in found])

    def _operation(self, page: int, offset: int, argument: int) -> int:
        """Call an operation of a page's mapping; 0 where it has none."""
        mapping = self._w[((page ^ 0xC0000000) >> 2) + _MAPPING]
        a_ops = self._w[((mapping ^ 0xC0000000) >> 2) + self._a_ops]
        function = self._vm.word(a_ops + offset) if a_ops else 0
        return self._call_guest(function, page, argument) if function else 0

    # truncating

    def truncate_inode_pages_from(self, mapping: int, start: int, partial: int) -> None:
        """Take all pages from index `start` on out of a mapping. partial: bytes of the page before it that stay, the
        rest of it is cleared; 0: all of it stays. Sleeps where a page is locked or being written.
        """
        following = start
        while self._w[((mapping ^ 0xC0000000) >> 2) + self._nrpages] and following <= 0xFFFFFFFF:
            with self._pagevec(mapping, following) as found:
                for index, page in found:
                    following = index + 1
                    if self._filemap.trylock_page(page):
                        if not self._w[(page ^ 0xC0000000) >> 2] & PG_writeback:
                            self._truncate_page(mapping, page)
                        self._filemap.unlock_page(page)
            if not found:
                break
        if partial:
            self._truncate_partial(mapping, start - 1 & 0xFFFFFFFF, partial)
        while self._filemap.lookup_pages(mapping, start, 1):
            with self._pagevec(mapping, start) as found:
                for _, page in found:
                    self._lock_idle(page)
                    self._truncate_page(mapping, page)
                    self._filemap.unlock_page(page)

    def _lock_idle(self, page: int) -> None:
        """Lock a page that nobody writes; the caller sleeps until that can be."""
        self._filemap.wait_on_page_bit(page, PG_writeback.bit_length() - 1)
        self._filemap._lock_page(page)

    def _truncate_page(self, mapping: int, page: int) -> None:
        """truncate_complete_page: for a page that is locked and held."""
        w, p = self._w, (page ^ 0xC0000000) >> 2
        if w[p + _MAPPING] != mapping:
            return
        w[p] &= ~PG_dirty
        if w[p] & PG_private:
            self._operation(page, _INVALIDATEPAGE, 0)
        w[p] &= ~(PG_uptodate | PG_mappedtodisk)
        self._filemap.remove_from_page_cache(page)
        self._pages.put_page(page)

    def _truncate_partial(self, mapping: int, index: int, partial: int) -> None:
        page = next((page for at, page in self._filemap.lookup_pages(mapping, index, 1) if at == index), 0)
        if not page:
            return
        self._lock_idle(page)
        start = self._pages.page_to_pfn(page) << PAGE_SHIFT
        self._memory[start + partial : start + PAGE_SIZE] = bytes(PAGE_SIZE - partial)
        if self._w[(page ^ 0xC0000000) >> 2] & PG_private:
            self._operation(page, _INVALIDATEPAGE, partial)
        self._filemap.unlock_page(page)

    # invalidating

    def invalidate_mapping_pages(self, mapping: int, start: int, end: int) -> int:
        """Take the pages of the indexes start..end out of a mapping that nobody uses: none that is locked, dirty,
        being written, mapped or held by anyone but the page cache. How many went.
        """
        gone, following = 0, start
        while following <= end:
            with self._pagevec(mapping, following) as found:
                for index, page in found:
                    following = index + 1
                    if index <= end and self._filemap.trylock_page(page):
                        gone += self._invalidate_page(mapping, page)
                        self._filemap.unlock_page(page)
            if not found:
                break
        return gone

    def try_to_release_page(self, page: int) -> bool:
        """Have the owner of a locked page's private part give that up; whether it did."""
        return self._operation(page, _RELEASEPAGE, 0) != 0

    def evict(self, mapping: int) -> None:
        """Take all pages out of a mapping that nobody will use again, whatever state they are in."""
        w = self._w
        self._swap.lru_add_drain()
        while found := self._filemap.lookup_pages(mapping, 0, PAGEVEC_SIZE):
            for _, page in found:
                p = (page ^ 0xC0000000) >> 2
                self._filemap.test_clear_page_writeback(page)
                w[p] &= ~(PG_dirty | PG_private | PG_locked | PG_uptodate | PG_mappedtodisk)
                self._filemap._remove_from_page_cache(page)
                w[p + _COUNT] = 1
                self._pages.put_page(page)

    def _invalidate_page(self, mapping: int, page: int) -> bool:
        """invalidate_complete_page for a page that is locked and held once more."""
        w, p = self._w, (page ^ 0xC0000000) >> 2
        if w[p] & (PG_dirty | PG_writeback) or w[p + _MAPCOUNT] != _NOT_MAPPED or w[p + _MAPPING] != mapping:
            return False
        if w[p] & PG_private and not self.try_to_release_page(page):
            return False
        if w[p + _COUNT] != 2 or w[p] & PG_dirty:
            return False
        self._filemap._remove_from_page_cache(page)
        self._pages.put_page(page)
        w[p] &= ~PG_uptodate
        return True
