"""Windows onto HighMem (mm/highmem.c and arch/i386/mm/highmem.c, 2.6.20).

kmap: `pkmap_count[i]` is 0 for a free slot, 1 for one that nobody uses but whose mapping still stands, n for n - 1
users. kmap_atomic: one fixmap slot for each type and CPU.
"""

from __future__ import annotations

from collections.abc import Callable

from mm.events import Events
from mm.fixmap import FIX_KMAP_BEGIN, FIXADDR_TOP, KM_TYPES, fix_to_virt, fixaddr_start, pkmap_base
from mm.layout import KM_TYPE_NR, LAST_PKMAP, PAGE_SHIFT, PAGE_SIZE, Layout
from mm.list import Words
from mm.page_address import PageAddresses
from mm.page_alloc import ZONE_HIGHMEM, PageAllocator
from mm.page_flags import ZONES_SHIFT
from mm.pgtable import PAGE_KERNEL, PTE_MASK, KernelPageTable, pfn_pte
from mm.sched import Scheduler
from mm.traps import Traps

_KM_PUSH = ("KM_USER0", "KM_USER1", "KM_BIO_SRC_IRQ", "KM_BIO_DST_IRQ")
_PUSH_TYPES = tuple(KM_TYPES.index(name) for name in _KM_PUSH)


class Highmem:
    """kmap and kmap_atomic over init_mm's page tables. `page_address` is PageAddresses'.

    w: lowmem in words. flush_tlb() drops every translation on every CPU, flush_tlb_one(va) one on this CPU.
    """

    def __init__(
        self, w: Words, layout: Layout, events: Events, traps: Traps, pages: PageAllocator, tables: KernelPageTable,
        addresses: PageAddresses, sched: Scheduler, flush_tlb: Callable[[], None],
        flush_tlb_one: Callable[[int], None],
    ) -> None:  # fmt: skip
        self._w = w
        self._events = events
        self._traps = traps
        self._pages = pages
        self._sched = sched
        self._wait = layout.va("pkmap_map_wait")
        self._flush_tlb = flush_tlb
        self._flush_tlb_one = flush_tlb_one
        self._tables = tables
        self.page_address = addresses.page_address
        self._set_page_address = addresses.set_page_address
        self._preempt_count = layout["thread_info"].word("preempt_count")
        self.pkmap_base = pkmap_base(layout.nr_cpus)
        self._fixaddr_start = fixaddr_start(layout.nr_cpus)
        self._pkmap_ptes = (w[(layout.va("pkmap_page_table") ^ 0xC0000000) >> 2] ^ 0xC0000000) >> 2
        self._kmap_pte = (w[(layout.va("kmap_pte") ^ 0xC0000000) >> 2] ^ 0xC0000000) >> 2
        self._count = (layout.va("pkmap_count") ^ 0xC0000000) >> 2
        self._last = (layout.va("last_pkmap_nr") ^ 0xC0000000) >> 2
        self._atomic_idx = (layout.va("kmap_atomic_idx") ^ 0xC0000000) >> 2

    # kmap

    def kmap(self, page: int) -> int:
        """Map a page for as long as the caller wants; its address. Lowmem pages are always mapped.

        While all slots are in use the call sleeps (mm.sched.Switch), and runs again when a kunmap wakes it. A BUG where
        the caller is no task.
        """
        w = self._w
        self._traps.might_sleep()
        if w[(page ^ 0xC0000000) >> 2] >> ZONES_SHIFT != ZONE_HIGHMEM:
            return self.page_address(page)
        va = self.page_address(page)
        if not va:
            va = self._map_new_virtual(page)
        i = self._count + ((va - self.pkmap_base & 0xFFFFFFFF) >> PAGE_SHIFT)
        w[i] = w[i] + 1 & 0xFFFFFFFF
        if w[i] < 2:
            self._traps.bug()
        emit = self._events.kmap
        if emit is not None:
            emit(self._traps.caller, page, self._pages.page_to_pfn(page), va)
        return va

    def pkmap_pte(self, page: int) -> int:
        """Word index of the PTE by which kmap maps a HighMem page for somebody now; 0 where it does not."""
        va = self.page_address(page)
        nr = (va - self.pkmap_base & 0xFFFFFFFF) >> PAGE_SHIFT
        return self._pkmap_ptes + nr if va and self._w[self._count + nr] > 1 else 0

    def _map_new_virtual(self, page: int) -> int:
        w = self._w
        left = LAST_PKMAP
        while left:
            left -= 1
            nr = w[self._last] + 1 & LAST_PKMAP - 1
            w[self._last] = nr
            if not nr:
                self._flush_all_zero_pkmaps()
                left = LAST_PKMAP - 1
            if not w[self._count + nr]:
                va = self.pkmap_base + (nr << PAGE_SHIFT)
                w[self._pkmap_ptes + nr] = pfn_pte(self._pages.page_to_pfn(page), PAGE_KERNEL)
                w[self._count + nr] = 1
                self._set_page_address(page, va)
                return va
        if not self._sched.serves_task():
            self._traps.printk(f"<3>kmap: all {LAST_PKMAP} slots are in use\n")
            self._traps.bug()
        self._sched.sleep_on(self._wait)

    def _flush_all_zero_pkmaps(self) -> None:
        """Free every slot that nobody uses, then flush the TLBs once."""
        w = self._w
        for nr, count in enumerate(w[self._count : self._count + LAST_PKMAP].tolist()):
            if count == 1:
                w[self._count + nr] = 0
                pte = w[self._pkmap_ptes + nr]
                if not pte:
                    self._traps.bug()
                w[self._pkmap_ptes + nr] = 0
                self._set_page_address(self._pages.pfn_to_page((pte & PTE_MASK) >> PAGE_SHIFT), 0)
        self._flush_tlb()

    def kunmap(self, page: int) -> None:
        """Give up one use of a mapping made by kmap. It stands until the search for slots wraps.

        The last use of a slot wakes whoever waits for one. A BUG in an interrupt.
        """
        w = self._w
        if self._traps.in_interrupt():
            self._traps.bug()
        if w[(page ^ 0xC0000000) >> 2] >> ZONES_SHIFT != ZONE_HIGHMEM:
            return
        va = self.page_address(page)
        if not va:
            self._traps.bug()
        i = self._count + ((va - self.pkmap_base & 0xFFFFFFFF) >> PAGE_SHIFT)
        count = w[i] - 1 & 0xFFFFFFFF
        w[i] = count
        if not count:
            self._traps.bug()
        if count == 1:
            self._sched.wake_up(self._wait)
        emit = self._events.kunmap
        if emit is not None:
            emit(self._traps.caller, page, self._pages.page_to_pfn(page), va)

    # kmap_atomic

    def _count_preempt(self, by: int) -> None:
        i = (self._traps.current_thread_info() ^ 0xC0000000) >> 2
        self._w[i + self._preempt_count] = self._w[i + self._preempt_count] + by & 0xFFFFFFFF

    def kmap_atomic(self, page: int, km_type: int) -> int:
        """Map a page in this CPU's slot of `km_type` (0..12); a BUG where the slot is taken."""
        w = self._w
        self._count_preempt(1)
        if w[(page ^ 0xC0000000) >> 2] >> ZONES_SHIFT != ZONE_HIGHMEM:
            return self.page_address(page)
        if km_type >= KM_TYPE_NR:
            self._traps.bug()
        index = km_type + KM_TYPE_NR * self._traps.cpu
        if w[self._kmap_pte - index]:
            self._traps.bug()
        w[self._kmap_pte - index] = pfn_pte(self._pages.page_to_pfn(page), PAGE_KERNEL)
        return fix_to_virt(FIX_KMAP_BEGIN + index)

    def kunmap_atomic(self, kvaddr: int, km_type: int) -> None:
        """Clear the slot and drop its translation. Nothing for another address (CONFIG_DEBUG_HIGHMEM is off)."""
        va = kvaddr & -PAGE_SIZE
        index = km_type + KM_TYPE_NR * self._traps.cpu
        if km_type < KM_TYPE_NR and va == fix_to_virt(FIX_KMAP_BEGIN + index):
            self._w[self._kmap_pte - index] = 0
            self._flush_tlb_one(va)
        self._count_preempt(-1)

    def kmap_atomic_push(self, page: int) -> int:
        """kmap_atomic of later kernels, without a type: the slots are used as a stack."""
        i = self._atomic_idx + self._traps.cpu
        depth = self._w[i]
        if depth >= len(_PUSH_TYPES):
            self._traps.bug()
        self._w[i] = depth + 1
        return self.kmap_atomic(page, _PUSH_TYPES[depth])

    def kunmap_atomic_pop(self, kvaddr: int) -> None:
        """Undo the last kmap_atomic_push."""
        i = self._atomic_idx + self._traps.cpu
        if not self._w[i]:
            self._traps.bug()
        self._w[i] -= 1
        self.kunmap_atomic(kvaddr, _PUSH_TYPES[self._w[i]])

    def kmap_atomic_to_page(self, ptr: int) -> int:
        """The page behind a kmap_atomic or lowmem address."""
        if ptr < self._fixaddr_start:
            return self._pages.virt_to_page(ptr)
        index = FIXADDR_TOP - ptr >> PAGE_SHIFT  # virt_to_fix
        pte = self._w[self._kmap_pte - (index - FIX_KMAP_BEGIN)]
        return self._pages.pfn_to_page((pte & PTE_MASK) >> PAGE_SHIFT)
