"""Who has used a page (mm/rmap.c, 2.6.20).

Kernel programs map pages with kmap alone; so, unlike in 2.6.20, that counts here as a mapping: its PTE's Accessed bit
says whether the page was touched.
"""

from __future__ import annotations

from collections.abc import Callable

from mm.highmem import Highmem
from mm.list import Words
from mm.page_alloc import ZONE_HIGHMEM
from mm.page_flags import ZONES_SHIFT, PG_referenced
from mm.pgtable import PAGE_ACCESSED


class PageReferences:
    """References to pages. flush_tlb() drops every translation on every CPU."""

    def __init__(self, w: Words, highmem: Highmem, flush_tlb: Callable[[], None]) -> None:
        self._w = w
        self._highmem = highmem
        self._flush_tlb = flush_tlb

    def _kmap_pte(self, page: int) -> int:
        """Address of the PTE that maps a HighMem page, 0 where none does."""
        if self._w[(page ^ 0xC0000000) >> 2] >> ZONES_SHIFT != ZONE_HIGHMEM:
            return 0
        return self._highmem.pkmap_pte(page)

    def page_referenced(self, page: int) -> bool:
        """Whether a page was used since this was asked last: by mark_page_accessed, or by an access."""
        w, p = self._w, (page ^ 0xC0000000) >> 2
        referenced = w[p] & PG_referenced != 0
        w[p] &= ~PG_referenced
        pte = self._kmap_pte(page)
        if pte and (low := w[(pte ^ 0xC0000000) >> 2]) & PAGE_ACCESSED:
            w[(pte ^ 0xC0000000) >> 2] = low & ~PAGE_ACCESSED
            self._flush_tlb()
            referenced = True
        return referenced

    def in_use(self, page: int) -> bool:
        """page_mapping_inuse: whether a page is mapped, and so to be kept where it was referenced."""
        return self._w[((page ^ 0xC0000000) >> 2) + 2] >> 31 == 0 or self._kmap_pte(page) != 0
