"""Virtually contiguous memory (mm/vmalloc.c, 2.6.20).

The areas hang in `vmlist`, singly linked and ordered by address; each has a guard page behind it that is part of
its size. The pages are single frames, HighMem first, mapped one by one into init_mm. An area of vmap shows pages that
belong to somebody else; one of ioremap (mm.ioremap) device memory.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence

from mm.errors import ListCycle
from mm.events import Events
from mm.fixmap import pte_offset, vmalloc_end
from mm.gfp import GFP_HIGHMEM, GFP_KERNEL, GFP_LEVEL_MASK, GFP_ZERO
from mm.layout import PAGE_OFFSET, PAGE_SHIFT, PAGE_SIZE, Layout
from mm.list import Words
from mm.maccess import KernelMemory
from mm.page_alloc import PageAllocator
from mm.pgtable import PAGE_KERNEL, PAGE_KERNEL_EXEC, PAGE_PRESENT, PageTables
from mm.slab import ENOMEM, SlabAllocator
from mm.traps import Traps

VM_IOREMAP = 0x01
VM_ALLOC = 0x02
VM_MAP = 0x04
VM_USERMAP = 0x08
VM_VPAGES = 0x10
VM_IOREMAP_FLAGS_SHIFT = 20  # from here on the bits that __ioremap has put into the PTEs
IOREMAP_MAX_ORDER = 7 + PAGE_SHIFT

# Words of struct vm_struct.
_NEXT, _ADDR, _SIZE, _FLAGS, _PAGES, _NR_PAGES, _PHYS_ADDR = range(7)

_PAGE_PROTNONE = 0x080


class Vmalloc:
    """vmalloc over the page and slab allocators and init_mm's page tables.

    w: lowmem in words; vm: memory by virtual address. flush_tlb() drops every translation on every CPU.
    """

    def __init__(
        self, w: Words, layout: Layout, events: Events, traps: Traps, pages: PageAllocator, slab: SlabAllocator,
        tables: PageTables, vm: KernelMemory, flush_tlb: Callable[[], None],
    ) -> None:  # fmt: skip
        self._w = w
        self._layout = layout
        self._events = events
        self._traps = traps
        self._pages = pages
        self._slab = slab
        self._tables = tables
        self._vm = vm
        self._flush_tlb = flush_tlb
        self._vm_struct_size = layout["vm_struct"].size
        self._vmlist = (layout.va("vmlist") ^ 0xC0000000) >> 2
        self.start = w[(layout.va("vmalloc_start") ^ 0xC0000000) >> 2]
        self.end = vmalloc_end(layout)
        self._num_physpages = w[(layout.va("num_physpages") ^ 0xC0000000) >> 2]

    # areas

    def areas(self) -> Iterator[int]:
        """The `struct vm_struct` of every area, by ascending address."""
        w, previous, area = self._w, -1, self._w[self._vmlist]
        while area:
            i = (area ^ 0xC0000000) >> 2
            if w[i + _ADDR] <= previous:
                raise self._unsorted()
            following, previous = w[i + _NEXT], w[i + _ADDR]
            yield area
            area = following

    def _unsorted(self) -> ListCycle:
        """The list is sorted: where an address does not grow it runs in a circle."""
        return ListCycle(PAGE_OFFSET + (self._vmlist << 2))

    def _link_to(self, addr: int) -> int:
        """Word index of the link to the area that starts at `addr`; 0 where none does."""
        w, link, previous = self._w, self._vmlist, -1
        while area := w[link]:
            i = (area ^ 0xC0000000) >> 2
            at = w[i + _ADDR]
            if at == addr:
                return link
            if at <= previous:
                raise self._unsorted()
            link, previous = i, at
        return 0

    def find_vm_area(self, addr: int) -> int:
        """The area that starts at `addr`, 0 where none does."""
        link = self._link_to(addr)
        return self._w[link] if link else 0

    def get_vm_area(self, size: int, flags: int, gfp_mask: int = GFP_KERNEL) -> int:
        """The first hole of `size` bytes and a guard page in vmalloc space; its `struct vm_struct`, or 0.

        gfp_mask: for the `struct vm_struct`, which the caller of remove_vm_area frees. A BUG in an interrupt.
        """
        return self._get_vm_area(size, flags, self.start, self.end, gfp_mask)

    def _get_vm_area(self, size: int, flags: int, start: int, end: int, gfp_mask: int) -> int:
        """__get_vm_area_node, in [start, end). An area with VM_IOREMAP is aligned by its size, to 512 KB at most."""
        w = self._w
        if self._traps.in_interrupt():
            self._traps.bug()
        align = 1 << min(max(size.bit_length(), PAGE_SHIFT), IOREMAP_MAX_ORDER) if flags & VM_IOREMAP else 1
        size = size + PAGE_SIZE - 1 & 0xFFFFF000
        area = self._slab.kmalloc(self._vm_struct_size, gfp_mask & GFP_LEVEL_MASK) if size else 0
        if not area:
            return 0
        size += PAGE_SIZE
        last, up, mask = end - size, align - 1, -align
        link, at, previous = self._vmlist, start + up & mask, -1
        while other := w[link]:  # link: word index of a `next`, the first word of its struct
            i = (other ^ 0xC0000000) >> 2
            addr = w[i + _ADDR]
            if addr >= at:
                if addr - at >= size:
                    break
                at = addr + w[i + _SIZE] + up & mask
                if at > last:
                    break
            else:
                if addr <= previous:
                    raise self._unsorted()
                previous = addr
                if addr + w[i + _SIZE] >= at:
                    at = addr + w[i + _SIZE] + up & mask
            link = i
        if at > last:  # 2.6.20 forgets to look when the list ends
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

    def remove_vm_area(self, addr: int) -> int:
        """Take the area that starts at `addr` off the list and unmap it; its `struct vm_struct`, or 0.

        The struct is the caller's from now on; its size has no guard page any more.
        """
        w, link = self._w, self._link_to(addr)
        if not link:
            return 0
        area = w[link]
        i = (area ^ 0xC0000000) >> 2
        self._unmap(addr, w[i + _SIZE])
        w[link] = w[i + _NEXT]
        w[i + _SIZE] -= PAGE_SIZE
        return area

    # mapping

    def _ptes(self, addr: int, size: int) -> Iterator[int]:
        """Addresses of the PTEs of a range, those left out for which there is no page table."""
        tables, at, end = self._tables, addr, addr + size
        while at < end:
            stop = min(end, (at | tables.pmd_size - 1) + 1)
            first = tables.pte_address(at)
            if first:
                yield from range(first, first + (stop - at >> PAGE_SHIFT) * tables.pte_size, tables.pte_size)
            at = stop

    def _unmap(self, addr: int, size: int) -> None:
        """unmap_vm_area: clear the PTEs, then flush every TLB. Page tables stay."""
        write = self._tables.write
        for pte in self._ptes(addr, size):
            write(pte, 0)
        self._flush_tlb()

    def map_frames(self, addr: int, pfns: Sequence[int], prot: int) -> bool:
        """Map frames one behind the other. False: there is no memory for a page table, and none of them is mapped.

        The page tables come first, since making one may end the call; they stay. (2.6.20 maps as far as it gets.)
        """
        tables = self._tables
        end = addr + len(pfns) * PAGE_SIZE
        for va in range(addr & -tables.pmd_size, end, tables.pmd_size):
            if not tables.pte_alloc(va):
                return False
        read, write, pfn_pte = tables.read, tables.write, tables.pfn_pte
        for pte, pfn in zip(self._ptes(addr, end - addr), pfns, strict=True):
            if read(pte):
                self._traps.warn()
            write(pte, pfn_pte(pfn, prot))
        return True

    def _map_pages(self, area: int, prot: int, pages: Sequence[int]) -> bool:
        to_pfn = self._pages.page_to_pfn
        addr = self._w[((area ^ 0xC0000000) >> 2) + _ADDR]
        return 0 not in pages and self.map_frames(addr, [to_pfn(page) for page in pages], prot)

    def _read_array(self, va: int, count: int) -> Sequence[int]:
        return memoryview(self._vm.read(va, 4 * count)).cast("I").tolist()

    def map_vm_area(self, area: int, prot: int, pages: int) -> int:
        """Map an area to what `*pages` leads to, an array of `struct page *`; 0 or -ENOMEM.

        pages: address of the pointer, which is moved behind the array's last entry. -ENOMEM also for a NULL among
        the entries. A BUG for an area of no pages.
        """
        size = self._w[((area ^ 0xC0000000) >> 2) + _SIZE]
        if size <= PAGE_SIZE:
            self._traps.bug()
        count = (size - PAGE_SIZE) >> PAGE_SHIFT
        array_va = self._vm.word(pages)
        if not self._map_pages(area, prot, self._read_array(array_va, count)):
            return -ENOMEM & 0xFFFFFFFF
        self._vm.set_word(pages, array_va + 4 * count & 0xFFFFFFFF)
        return 0

    # vmalloc

    def _alloc_area(self, area: int, gfp_mask: int, prot: int) -> int:
        """__vmalloc_area: frames for an area and their mapping; the address, or 0 with everything given back."""
        addr = self._w[((area ^ 0xC0000000) >> 2) + _ADDR]
        done = False
        try:
            done = self._fill_area(area, gfp_mask, prot)
        finally:
            if not done:
                self._vunmap(addr, deallocate=True)
        return addr if done else 0

    def _fill_area(self, area: int, gfp_mask: int, prot: int) -> bool:
        """Frames and their mapping. When it ends the area names what it has, so that _vunmap gives it back."""
        w = self._w
        i = (area ^ 0xC0000000) >> 2
        count = (w[i + _SIZE] - PAGE_SIZE) >> PAGE_SHIFT
        if 4 * count > PAGE_SIZE:
            pages_va = self._vmalloc_node(4 * count, gfp_mask | GFP_ZERO, PAGE_KERNEL)
            w[i + _FLAGS] |= VM_VPAGES
        else:
            pages_va = self._slab.kzalloc(4 * count, gfp_mask & ~(GFP_HIGHMEM | GFP_ZERO))
        w[i + _PAGES] = pages_va
        if not pages_va:
            return False
        pages = array("I")
        try:
            while len(pages) < count and (page := self._pages.alloc_pages(gfp_mask, 0)):
                pages.append(page)
        finally:
            self._vm.write(pages_va, pages.tobytes())
            w[i + _NR_PAGES] = len(pages)
        return len(pages) == count and self._map_pages(area, prot, pages)

    def _vmalloc_node(self, size: int, gfp_mask: int, prot: int) -> int:
        size = size + PAGE_SIZE - 1 & 0xFFFFF000
        if not size or size >> PAGE_SHIFT > self._num_physpages:
            return 0
        area = self.get_vm_area(size, VM_ALLOC, gfp_mask)
        return self._alloc_area(area, gfp_mask, prot) if area else 0

    def _vmalloc(self, size: int, gfp_mask: int, prot: int) -> int:
        """__vmalloc: `size` bytes with `gfp_mask`, mapped with the protection bits `prot`; address, or 0."""
        addr = self._vmalloc_node(size, gfp_mask, prot)
        emit = self._events.vmalloc
        if emit is not None:
            emit(self._traps.caller, addr, size, size + PAGE_SIZE - 1 & 0xFFFFF000, gfp_mask)
        return addr

    def vmalloc(self, size: int) -> int:
        """`size` bytes in whole pages, HighMem first; address, or 0."""
        return self._vmalloc(size, GFP_KERNEL | GFP_HIGHMEM, PAGE_KERNEL)

    def vmalloc_32(self, size: int) -> int:
        """vmalloc from lowmem only."""
        return self._vmalloc(size, GFP_KERNEL, PAGE_KERNEL)

    def vzalloc(self, size: int) -> int:
        """vmalloc filled with zeros (2.6.37; in 2.6.20 __vmalloc with __GFP_ZERO)."""
        return self._vmalloc(size, GFP_KERNEL | GFP_HIGHMEM | GFP_ZERO, PAGE_KERNEL)

    def vmalloc_exec(self, size: int) -> int:
        """vmalloc for code."""
        return self._vmalloc(size, GFP_KERNEL | GFP_HIGHMEM, PAGE_KERNEL_EXEC)

    def _user(self, addr: int) -> int:
        if area := self.find_vm_area(addr):
            self._w[((area ^ 0xC0000000) >> 2) + _FLAGS] |= VM_USERMAP
        return addr

    def vmalloc_user(self, size: int) -> int:
        """vzalloc that user space may be given (VM_USERMAP)."""
        return self._user(self.vzalloc(size))

    def vmalloc_32_user(self, size: int) -> int:
        """vmalloc_user from lowmem only."""
        return self._user(self._vmalloc(size, GFP_KERNEL | GFP_ZERO, PAGE_KERNEL))

    def module_alloc(self, size: int) -> int:
        """vmalloc_exec for the loader of programs, without an event."""
        return self._vmalloc_node(size, GFP_KERNEL | GFP_HIGHMEM, PAGE_KERNEL_EXEC)

    def vmalloc_at(self, addr: int, size: int) -> int:
        """module_alloc at exactly `addr` (a multiple of 4 KB), for a program that is linked there; or 0."""
        end = addr + (size + PAGE_SIZE - 1 & -PAGE_SIZE) + PAGE_SIZE
        if addr < self.start or end > self.end:
            return 0
        area = self._get_vm_area(size, VM_ALLOC, addr, end, GFP_KERNEL)
        return self._alloc_area(area, GFP_KERNEL | GFP_HIGHMEM, PAGE_KERNEL_EXEC) if area else 0

    def vfree(self, addr: int) -> None:
        """Free an area by its address; 0 is ignored, a wrong one is reported and ignored. A BUG in an interrupt."""
        if self._traps.in_interrupt():
            self._traps.bug()
        emit = self._events.vfree
        if emit is not None:
            emit(self._traps.caller, addr)
        self._vunmap(addr, deallocate=True)

    def vmap(self, pages: int, count: int, flags: int, prot: int) -> int:
        """Map `count` pages of the caller's one behind the other; the address, or 0.

        pages: address of an array of `struct page *`, needed only now. flags: VM_MAP, for the area. The pages get no
        reference.
        """
        if count > self._num_physpages:
            return 0
        area = self.get_vm_area(count << PAGE_SHIFT & 0xFFFFFFFF, flags)
        if not area:
            return 0
        addr = self._w[((area ^ 0xC0000000) >> 2) + _ADDR]
        done = False
        try:
            done = self._map_pages(area, prot, self._read_array(pages, count))
        finally:
            if not done:
                self._vunmap(addr, deallocate=False)
        return addr if done else 0

    def vunmap(self, addr: int) -> None:
        """Give up an area but none of its pages. Otherwise as vfree."""
        if self._traps.in_interrupt():
            self._traps.bug()
        self._vunmap(addr, deallocate=False)

    def _vunmap(self, addr: int, deallocate: bool) -> None:
        if not addr:
            return
        if addr & (PAGE_SIZE - 1):
            self._traps.printk(f"<3>Trying to vfree() bad address ({addr:08x})\n")
            self._traps.warn()
            return
        area = self.remove_vm_area(addr)
        if not area:
            self._traps.printk(f"<3>Trying to vfree() nonexistent vm area ({addr:08x})\n")
            self._traps.warn()
            return
        w = self._w
        i = (area ^ 0xC0000000) >> 2
        pages_va = w[i + _PAGES]
        if deallocate:
            for page in self._read_array(pages_va, w[i + _NR_PAGES]):
                if not page:
                    self._traps.bug()
                self._pages._free_pages(page, 0)
            if w[i + _FLAGS] & VM_VPAGES:
                self._vunmap(pages_va, deallocate=True)
            else:
                self._slab.kfree(pages_va)
        self._slab.kfree(area)

    # translation

    def vmalloc_to_page(self, addr: int) -> int:
        """The `struct page` behind a vmalloc address, 0 where none is.

        As 2.6.20 it does not know large pages: of an address in the direct map it takes a word of memory for a PTE.
        """
        tables = self._tables
        at = tables.pmd_address(addr)
        pmd = tables.read(at) if at else 0
        if not pmd:
            return 0
        table = PAGE_OFFSET + (tables.pte_pfn(pmd) << PAGE_SHIFT)
        pte = tables.read(table + pte_offset(addr, self._layout))
        return self._pages.pfn_to_page(tables.pte_pfn(pte)) if pte & (PAGE_PRESENT | _PAGE_PROTNONE) else 0

    def vmalloc_to_pfn(self, addr: int) -> int:
        """The frame number behind a vmalloc address."""
        return self._pages.page_to_pfn(self.vmalloc_to_page(addr))

    # /proc/kcore and /dev/kmem

    def _pieces(self, addr: int, count: int) -> Iterator[tuple[int, int, bool]]:
        """What [addr, addr + count) is, up to the end of the last area in it: (first address, bytes, whether memory).

        The guard pages and what lies between the areas is none; nor is an area of ioremap, as from 2.6.32 on.
        """
        w, end = self._w, min(addr + count, 1 << 32)
        for area in self.areas():
            i = (area ^ 0xC0000000) >> 2
            first, last = w[i + _ADDR], w[i + _ADDR] + w[i + _SIZE] - PAGE_SIZE
            if addr >= last:
                continue
            if addr < first:
                yield addr, min(first, end) - addr, False
            if first >= end:
                return
            addr = max(addr, first)
            yield addr, min(last, end) - addr, not w[i + _FLAGS] & VM_IOREMAP
            addr = last
            if addr >= end:
                return

    def vread(self, buf: int, addr: int, count: int) -> int:
        """Copy `count` bytes of vmalloc space at `addr` to `buf`; zeros where no area is. How many there were.

        The end of the last area ends it. A page of an area that is not mapped is a fault.
        """
        done = 0
        for at, size, memory in self._pieces(addr, count):
            self._vm.write(buf + done, self._vm.read(at, size) if memory else bytes(size))
            done += size
        return done

    def vwrite(self, buf: int, addr: int, count: int) -> int:
        """Copy `count` bytes at `buf` to vmalloc space at `addr`; what no area is for is left out. As vread."""
        done = 0
        for at, size, memory in self._pieces(addr, count):
            if memory:
                self._vm.write(at, self._vm.read(buf + done, size))
            done += size
        return done
