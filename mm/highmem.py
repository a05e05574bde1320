"""Windows onto HighMem (mm/highmem.c and arch/i386/mm/highmem.c, 2.6.20).

kmap: `pkmap_count[i]` is 0 for a free slot, 1 for one that nobody uses but whose mapping still stands, n for n - 1
users. `pkmap_owners[i]`, which 2.6.20 has not and `--page-owner off` leaves out, says who mapped slot i last: the pid,
and the return address of the call. kmap_atomic: one fixmap slot for each type and CPU.
"""

from __future__ import annotations

from collections.abc import Callable

from mm.events import Events
from mm.fixmap import (
    FIX_KMAP_BEGIN,
    FIXADDR_TOP,
    KM_TYPES,
    fix_to_virt,
    fixaddr_start,
    pkmap_base,
    virt_to_fix,
)  # fmt: skip
from mm.layout import KM_TYPE_NR, PAGE_SHIFT, PAGE_SIZE, Layout
from mm.list import Words
from mm.page_address import PageAddresses
from mm.page_alloc import ZONE_HIGHMEM, PageAllocator
from mm.page_flags import ZONES_SHIFT
from mm.pgtable import PAGE_KERNEL, PageTables
from mm.sched import Scheduler
from mm.traps import Traps

_KM_PUSH = ("KM_USER0", "KM_USER1", "KM_BIO_SRC_IRQ", "KM_BIO_DST_IRQ")
_PUSH_TYPES = tuple(KM_TYPES.index(name) for name in _KM_PUSH)


class Highmem:
    """kmap and kmap_atomic over init_mm's page tables. `page_address` is PageAddresses'.

    w: lowmem in words. flush_tlb() drops every translation on every CPU, flush_tlb_one(va) one on this CPU.
    """

    def __init__(
        self, w: Words, layout: Layout, events: Events, traps: Traps, pages: PageAllocator, tables: PageTables,
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
        self.pkmap_base = pkmap_base(layout)
        self._fixaddr_start = fixaddr_start(layout)
        self._pkmap_page_table = w[(layout.va("pkmap_page_table") ^ 0xC0000000) >> 2]
        self._kmap_pte = w[(layout.va("kmap_pte") ^ 0xC0000000) >> 2]
        self._pte_size = tables.pte_size
        self._last_pkmap = layout.last_pkmap
        self._count = (layout.va("pkmap_count") ^ 0xC0000000) >> 2
        self._last = (layout.va("last_pkmap_nr") ^ 0xC0000000) >> 2
        self._owners = (layout.va("pkmap_owners") ^ 0xC0000000) >> 2 if layout.page_owner else 0
        self._pid = layout["task_struct"].word("pid")
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
        nr = (va - self.pkmap_base & 0xFFFFFFFF) >> PAGE_SHIFT
        i = self._count + nr
        w[i] = w[i] + 1 & 0xFFFFFFFF
        if w[i] < 2:
            self._traps.bug()
        if owner := self._owners:
            owner += 2 * nr
            w[owner] = w[((self._traps.current() ^ 0xC0000000) >> 2) + self._pid]
            w[owner + 1] = self._traps.caller
        emit = self._events.kmap
        if emit is not None:
            emit(self._traps.caller, page, self._pages.page_to_pfn(page), va)
        return va

    def pkmap_pte(self, page: int) -> int:
        """Address of the PTE by which kmap maps a HighMem page for somebody now; 0 where it does not."""
        va = self.page_address(page)
        nr = (va - self.pkmap_base & 0xFFFFFFFF) >> PAGE_SHIFT
        return self._pkmap_page_table + nr * self._pte_size if va and self._w[self._count + nr] > 1 else 0

    def _map_new_virtual(self, page: int) -> int:
        w = self._w
        nr = self._free_slot()
        if nr is None:
            if not self._sched.serves_task():
                self._traps.printk(f"<3>kmap: all {self._last_pkmap} slots are in use\n")
                self._traps.bug()
            self._sched.sleep_on(self._wait)
        va = self.pkmap_base + (nr << PAGE_SHIFT)
        pte = self._tables.pfn_pte(self._pages.page_to_pfn(page), PAGE_KERNEL)
        self._tables.write(self._pkmap_page_table + nr * self._pte_size, pte)
        w[self._count + nr] = 1
        self._set_page_address(page, va)
        return va

    def _free_slot(self) -> int | None:
        """The next free slot behind last_pkmap_nr; where the search wraps, the unused ones become free."""
        w, end = self._w, self._last_pkmap
        nr = w[self._last] + 1 & end - 1
        while True:
            if not nr:
                self._flush_all_zero_pkmaps()
            found = nr
            if w[self._count + nr]:
                counts = w[self._count + nr : self._count + end].tolist()
                found = nr + counts.index(0) if 0 in counts else end
            if found < end:
                w[self._last] = found
                return found
            if not nr:
                w[self._last] = end - 1
                return None
            nr = 0

    def _flush_all_zero_pkmaps(self) -> None:
        """Free every slot that nobody uses, then flush the TLBs once."""
        w = self._w
        for nr, count in enumerate(w[self._count : self._count + self._last_pkmap].tolist()):
            if count == 1:
                w[self._count + nr] = 0
                if self._owners:
                    w[self._owners + 2 * nr] = w[self._owners + 2 * nr + 1] = 0
                at = self._pkmap_page_table + nr * self._pte_size
                pte = self._tables.read(at)
                if not pte:
                    self._traps.bug()
                self._tables.write(at, 0)
                self._set_page_address(self._pages.pfn_to_page(self._tables.pte_pfn(pte)), 0)
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
        pte = self._kmap_pte - index * self._pte_size
        if self._tables.read(pte):
            self._traps.bug()
        pfn = self._pages.page_to_pfn(page)
        self._tables.write(pte, self._tables.pfn_pte(pfn, PAGE_KERNEL))
        return self._mapped(pfn, index, km_type)

    def kmap_atomic_pfn(self, pfn: int, km_type: int) -> int:
        """kmap_atomic of any frame, without a `struct page`. As in 2.6.20 nobody asks whether the slot is taken."""
        self._count_preempt(1)
        if km_type >= KM_TYPE_NR:
            self._traps.bug()
        index = km_type + KM_TYPE_NR * self._traps.cpu
        self._tables.write(self._kmap_pte - index * self._pte_size, self._tables.pfn_pte(pfn, PAGE_KERNEL))
        return self._mapped(pfn, index, km_type)

    def _mapped(self, pfn: int, index: int, km_type: int) -> int:
        va = fix_to_virt(FIX_KMAP_BEGIN + index)
        if (emit := self._events.kmap_atomic) is not None:
            emit(self._traps.caller, pfn, va, km_type)
        return va

    def kunmap_atomic(self, kvaddr: int, km_type: int) -> None:
        """Clear the slot and drop its translation. Nothing for another address (CONFIG_DEBUG_HIGHMEM is off)."""
        va = kvaddr & -PAGE_SIZE
        index = km_type + KM_TYPE_NR * self._traps.cpu
        if km_type < KM_TYPE_NR and va == fix_to_virt(FIX_KMAP_BEGIN + index):
            self._tables.write(self._kmap_pte - index * self._pte_size, 0)
            self._flush_tlb_one(va)
            if (emit := self._events.kunmap_atomic) is not None:
                emit(self._traps.caller, va, km_type)
        self._count_preempt(-1)

    def kmap_atomic_push(self, page: int) -> int:
        """kmap_atomic of later kernels, without a type: the slots are a stack. Lowmem pages need none."""
        w = self._w
        if w[(page ^ 0xC0000000) >> 2] >> ZONES_SHIFT != ZONE_HIGHMEM:
            return self.kmap_atomic(page, 0)
        i = self._atomic_idx + self._traps.cpu
        depth = w[i]
        if depth >= len(_PUSH_TYPES):
            self._traps.bug()
        w[i] = depth + 1
        return self.kmap_atomic(page, _PUSH_TYPES[depth])

    def kunmap_atomic_pop(self, kvaddr: int) -> None:
        """Undo the last kmap_atomic_push of a HighMem page, or one of a lowmem page."""
        if not self._fixaddr_start <= kvaddr < fix_to_virt(FIX_KMAP_BEGIN - 1):
            self._count_preempt(-1)
            return
        i = self._atomic_idx + self._traps.cpu
        if not self._w[i]:
            self._traps.bug()
        self._w[i] -= 1
        self.kunmap_atomic(kvaddr, _PUSH_TYPES[self._w[i]])

    def kmap_atomic_to_page(self, ptr: int) -> int:
        """The page behind a kmap_atomic or lowmem address. A BUG for one above the fixmap."""
        if ptr < self._fixaddr_start:
            return self._pages.virt_to_page(ptr)
        if ptr >= FIXADDR_TOP:
            self._traps.bug()
        index = virt_to_fix(ptr)
        pte = self._tables.read(self._kmap_pte - (index - FIX_KMAP_BEGIN) * self._pte_size)
        return self._pages.pfn_to_page(self._tables.pte_pfn(pte))
