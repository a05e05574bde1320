"""Virtually contiguous memory (mm/vmalloc.c, 2.6.20).

The areas hang in `vmlist`, singly linked and ordered by address; each has a guard page behind it that is part of
its size. The pages are single frames, HighMem first, mapped one by one into init_mm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mm.errors import KernelFault, ListCycle
from mm.events import Events
from mm.fixmap import vmalloc_end
from mm.gfp import GFP_HIGHMEM, GFP_KERNEL, GFP_LEVEL_MASK, GFP_ZERO
from mm.layout import PAGE_OFFSET, PAGE_SHIFT, PAGE_SIZE, Layout
from mm.list import Words
from mm.page_alloc import PageAllocator
from mm.pgtable import PAGE_KERNEL, PAGE_KERNEL_EXEC, PAGE_PRESENT, PageTables
from mm.slab import SlabAllocator
from mm.traps import Traps

VM_IOREMAP = 0x01
VM_ALLOC = 0x02
VM_MAP = 0x04
VM_USERMAP = 0x08
VM_VPAGES = 0x10

# Words of struct vm_struct.
_ADDR, _SIZE, _FLAGS, _PAGES, _NR_PAGES, _PHYS_ADDR, _NEXT = range(7)


class Vmalloc:
    """vmalloc over the page and slab allocators and init_mm's page tables.

    w: lowmem in words; memory: all physical memory in words. flush_tlb() drops every translation on every CPU.
    """

    def __init__(
        self, w: Words, memory: Words, layout: Layout, events: Events, traps: Traps, pages: PageAllocator,
        slab: SlabAllocator, tables: PageTables, flush_tlb: Callable[[], None],
    ) -> None:  # fmt: skip
        self._w = w
        self._memory = memory
        self._events = events
        self._traps = traps
        self._pages = pages
        self._slab = slab
        self._tables = tables
        self._flush_tlb = flush_tlb
        self._vm_struct_size = layout["vm_struct"].size
        self._vmlist = (layout.va("vmlist") ^ 0xC0000000) >> 2
        self._start = w[(layout.va("vmalloc_start") ^ 0xC0000000) >> 2]
        self._end = vmalloc_end(layout)
        self._num_physpages = w[(layout.va("num_physpages") ^ 0xC0000000) >> 2]

    # areas

    def areas(self) -> Iterator[int]:
        """The `struct vm_struct` of every area, by ascending address."""
        area, previous = self._w[self._vmlist], 0
        while area:
            i = (area ^ 0xC0000000) >> 2
            if i >= len(self._w) - _NEXT:
                raise KernelFault(area)
            address, following = self._w[i + _ADDR], self._w[i + _NEXT]
            if address < previous:  # the list is sorted, so this one runs in a circle
                raise ListCycle(PAGE_OFFSET + (self._vmlist << 2))
            yield area
            area, previous = following, address + 1

    def get_vm_area(self, size: int, flags: int, start: int = 0, end: int = 0, gfp_mask: int = GFP_KERNEL) -> int:
        """__get_vm_area: the first hole of `size` bytes and a guard page; its `struct vm_struct`, or 0.

        start, end: where to look, all of vmalloc space by default. gfp_mask: for the `struct vm_struct`.
        """
        w = self._w
        start, end = start or self._start, end or self._end
        size = size + PAGE_SIZE - 1 & -PAGE_SIZE
        area = self._slab.kmalloc(self._vm_struct_size, gfp_mask & GFP_LEVEL_MASK)
        if not area or not size:
            self._slab.kfree(area)
            return 0
        size += PAGE_SIZE
        link, at = self._vmlist, start
        for other in self.areas():
            i = (other ^ 0xC0000000) >> 2
            addr, length = w[i + _ADDR], w[i + _SIZE]
            if addr < at:
                at = max(at, addr + length) if addr + length > at else at
                link = i + _NEXT
                continue
            if at + size <= addr or at > end - size:
                break
            at = addr + length
            link = i + _NEXT
        if at > end - size:
            self._slab.kfree(area)
            if self._traps.printk_ratelimit():
                self._traps.printk(
                    "<4>allocation failed: out of vmalloc space - use vmalloc=<size> to increase size.\n"
                )
            return 0
        i = (area ^ 0xC0000000) >> 2
        w[i + _NEXT] = w[link]
        w[i + _ADDR], w[i + _SIZE], w[i + _FLAGS] = at, size, flags
        w[i + _PAGES] = w[i + _NR_PAGES] = w[i + _PHYS_ADDR] = 0
        w[link] = area
        return area

    def find_vm_area(self, addr: int) -> int:
        """The area that starts at `addr`, 0 where none does."""
        return next((a for a in self.areas() if self._w[((a ^ 0xC0000000) >> 2) + _ADDR] == addr), 0)

    def _remove_vm_area(self, addr: int) -> int:
        w, link = self._w, self._vmlist
        for area in self.areas():
            i = (area ^ 0xC0000000) >> 2
            if w[i + _ADDR] == addr:
                self._unmap(addr, w[i + _SIZE] - PAGE_SIZE)
                w[link] = w[i + _NEXT]
                w[i + _SIZE] -= PAGE_SIZE
                return area
            link = i + _NEXT
        return 0

    def _unmap(self, addr: int, size: int) -> None:
        """unmap_vm_area: clear the PTEs, then flush every TLB. Page tables stay."""
        for va in range(addr, addr + size, PAGE_SIZE):
            if pte := self._tables.pte_address(va):
                self._tables.write(pte, 0)
        self._flush_tlb()

    def _map(self, addr: int, pages: list[int], prot: int) -> bool:
        """map_vm_area. False: no memory for a page table."""
        for va, page in zip(range(addr, addr + len(pages) * PAGE_SIZE, PAGE_SIZE), pages, strict=True):
            pte = self._tables.pte_alloc(va)
            if not pte:
                return False
            if self._tables.read(pte):
                self._traps.warn()
            self._tables.write(pte, self._tables.pfn_pte(self._pages.page_to_pfn(page), prot))
        return True

    # vmalloc

    def _alloc_area(self, area: int, gfp_mask: int, prot: int) -> int:
        """__vmalloc_area: frames for an area and their mapping; the address, or 0 with everything given back."""
        addr = self._w[((area ^ 0xC0000000) >> 2) + _ADDR]
        done = False
        try:
            done = self._fill_area(area, gfp_mask, prot)
        finally:
            if not done:
                self._vunmap(addr)
        return addr if done else 0

    def _fill_area(self, area: int, gfp_mask: int, prot: int) -> bool:
        """Frames and their mapping. The area names what it has at any time, so that _vunmap gives it back."""
        w = self._w
        i = (area ^ 0xC0000000) >> 2
        count = (w[i + _SIZE] - PAGE_SIZE) >> PAGE_SHIFT
        if 4 * count > PAGE_SIZE:
            array = self._vmalloc(4 * count, gfp_mask | GFP_ZERO, PAGE_KERNEL)
            w[i + _FLAGS] |= VM_VPAGES
        else:
            array = self._slab.kzalloc(4 * count, gfp_mask & ~(GFP_HIGHMEM | GFP_ZERO))
        w[i + _PAGES] = array
        if not array:
            return False
        pages = []
        for n in range(count):
            page = self._pages.alloc_pages(gfp_mask, 0)
            if not page:
                return False
            self._store(array + 4 * n, page)
            pages.append(page)
            w[i + _NR_PAGES] = n + 1
        return self._map(w[i + _ADDR], pages, prot)

    def _store(self, va: int, value: int) -> None:
        pa = self._tables.translate(va)
        if pa is None:
            raise KernelFault(va, write=True)
        self._memory[pa >> 2] = value

    def _load(self, va: int) -> int:
        pa = self._tables.translate(va)
        if pa is None:
            raise KernelFault(va)
        return self._memory[pa >> 2]

    def _vmalloc(self, size: int, gfp_mask: int, prot: int) -> int:
        """__vmalloc: `size` bytes with `gfp_mask`, mapped with the protection bits `prot`; address, or 0."""
        rounded = size + PAGE_SIZE - 1 & -PAGE_SIZE
        if not size or rounded >> PAGE_SHIFT > self._num_physpages:
            return 0
        area = self.get_vm_area(rounded, VM_ALLOC, gfp_mask=gfp_mask)
        return self._alloc_area(area, gfp_mask, prot) if area else 0

    def _traced(self, size: int, gfp_mask: int) -> int:
        addr = self._vmalloc(size, gfp_mask, PAGE_KERNEL)
        emit = self._events.vmalloc
        if emit is not None:
            emit(self._traps.caller, addr, size, size + PAGE_SIZE - 1 & -PAGE_SIZE, gfp_mask)
        return addr

    def vmalloc(self, size: int) -> int:
        """`size` bytes in whole pages, HighMem first; address, or 0."""
        return self._traced(size, GFP_KERNEL | GFP_HIGHMEM)

    def vmalloc_32(self, size: int) -> int:
        """vmalloc from lowmem only."""
        return self._traced(size, GFP_KERNEL)

    def vzalloc(self, size: int) -> int:
        """vmalloc filled with zeros (2.6.37; in 2.6.20 __vmalloc with __GFP_ZERO)."""
        return self._traced(size, GFP_KERNEL | GFP_HIGHMEM | GFP_ZERO)

    def vmalloc_exec(self, size: int) -> int:
        """vmalloc for code, as module_alloc uses it."""
        return self._vmalloc(size, GFP_KERNEL | GFP_HIGHMEM, PAGE_KERNEL_EXEC)

    def vmalloc_at(self, addr: int, size: int) -> int:
        """vmalloc_exec at exactly `addr` (a multiple of 4 KB), for a program that is linked there; or 0."""
        end = addr + (size + PAGE_SIZE - 1 & -PAGE_SIZE) + PAGE_SIZE
        if addr < self._start or end > self._end:
            return 0
        area = self.get_vm_area(size, VM_ALLOC, addr, end)
        return self._alloc_area(area, GFP_KERNEL | GFP_HIGHMEM, PAGE_KERNEL_EXEC) if area else 0

    def vfree(self, addr: int) -> None:
        """Free an area by its address; 0 is ignored, a wrong one is reported and ignored."""
        emit = self._events.vfree
        if emit is not None:
            emit(self._traps.caller, addr)
        self._vunmap(addr)

    def _vunmap(self, addr: int) -> None:
        if not addr:
            return
        if addr & (PAGE_SIZE - 1):
            self._traps.printk(f"<3>Trying to vfree() bad address ({addr:08x})\n")
            self._traps.warn()
            return
        area = self._remove_vm_area(addr)
        if not area:
            self._traps.printk(f"<3>Trying to vfree() nonexistent vm area ({addr:08x})\n")
            self._traps.warn()
            return
        w = self._w
        i = (area ^ 0xC0000000) >> 2
        array = w[i + _PAGES]
        for n in range(w[i + _NR_PAGES]):
            page = self._load(array + 4 * n)
            if not page:
                self._traps.bug()
            self._pages._free_pages(page, 0)
        if w[i + _FLAGS] & VM_VPAGES:
            self._vunmap(array)
        else:
            self._slab.kfree(array)
        self._slab.kfree(area)

    # translation

    def vmalloc_to_page(self, addr: int) -> int:
        """The `struct page` behind a vmalloc address, 0 where none is."""
        pte = self._tables.get_pte(addr)
        return self._pages.pfn_to_page(self._tables.pte_pfn(pte)) if pte & PAGE_PRESENT else 0

    def vmalloc_to_pfn(self, addr: int) -> int:
        """The frame number behind a vmalloc address."""
        return self._pages.page_to_pfn(self.vmalloc_to_page(addr))
