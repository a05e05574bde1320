"""Where a page can be reached: page_address() and its hash (mm/highmem.c, 2.6.20).

With `virtual` in `struct page` that word is the truth; with the 32-byte struct the hash `page_address_htable` is, for
the HighMem pages that are mapped.
"""

from __future__ import annotations

from mm.errors import KernelBug
from mm.layout import MAX_NR_ZONES, PA_HASH_ORDER, PAGE_OFFSET, PAGE_SHIFT, Layout
from mm.list import Words, init_list_head, list_add, list_add_tail, list_del, list_empty, list_for_each
from mm.page_flags import ZONES_SHIFT

_GOLDEN_RATIO_PRIME_32 = 0x9E370001
_HIGHMEM = MAX_NR_ZONES - 1


class PageAddresses:
    """Virtual addresses of pages, by the address of their `struct page`."""

    def __init__(self, w: Words, layout: Layout) -> None:
        self._w = w
        self._layout = layout
        self._mem_map = w[(layout.va("mem_map") ^ 0xC0000000) >> 2]
        self._page_size = layout["page"].size
        self._virtual = layout["page"].word("virtual") if layout.page_owner else 0

    def init(self) -> None:
        """page_address_init: an empty hash and a full pool, where `struct page` has no `virtual`."""
        if self._virtual:
            return
        w, layout = self._w, self._layout
        pool, node = layout.va("page_address_pool"), layout["page_address_map"]
        init_list_head(w, pool)
        for i in range(layout.last_pkmap):
            list_add(w, layout.va("page_address_maps") + i * node.size + node.offset("list"), pool)
        for i in range(1 << PA_HASH_ORDER):
            init_list_head(w, layout.va("page_address_htable") + i * layout["page_address_slot"].size)

    def slot(self, page: int) -> int:
        """The hash bucket of a page (page_slot)."""
        hashed = (page * _GOLDEN_RATIO_PRIME_32 & 0xFFFFFFFF) >> (32 - PA_HASH_ORDER)
        return self._layout.va("page_address_htable") + hashed * self._layout["page_address_slot"].size

    def page_address(self, page: int) -> int:
        """Where a page can be reached: the direct map, its kmap slot, or 0."""
        w = self._w
        p = (page ^ 0xC0000000) >> 2
        if self._virtual:
            return w[p + self._virtual]
        if w[p] >> ZONES_SHIFT != _HIGHMEM:
            return PAGE_OFFSET + ((page - self._mem_map) // self._page_size << PAGE_SHIFT) & 0xFFFFFFFF
        for entry in list_for_each(w, self.slot(page)):  # page, virtual, list: the list head is third
            i = ((entry ^ 0xC0000000) >> 2) - 2
            if w[i] == page:
                return w[i + 1]
        return 0

    def set_page_address(self, page: int, va: int) -> None:
        """Note that a HighMem page is mapped at `va`, or with 0 that it is no longer."""
        w = self._w
        if self._virtual:
            w[((page ^ 0xC0000000) >> 2) + self._virtual] = va
            return
        slot, pool = self.slot(page), self._layout.va("page_address_pool")
        if va:
            if list_empty(w, pool):
                raise KernelBug("the pool of page_address_map is empty")
            entry = w[(pool ^ 0xC0000000) >> 2]
            list_del(w, entry)
            i = ((entry ^ 0xC0000000) >> 2) - 2
            w[i], w[i + 1] = page, va
            list_add_tail(w, entry, slot)
            return
        for entry in list_for_each(w, slot):
            if w[((entry ^ 0xC0000000) >> 2) - 2] == page:
                list_del(w, entry)
                list_add_tail(w, entry, pool)
                return
