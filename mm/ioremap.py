"""Device memory in the kernel's address space (arch/i386/mm/ioremap.c, 2.6.20).

ioremap_nocache marks its own mapping alone as not cached: the direct map of reserved lowmem, which 2.6.20 marks too by
change_page_attr, keeps its large pages, since nothing here has a cache.
"""

from __future__ import annotations

from mm.layout import PAGE_OFFSET, PAGE_SHIFT, PAGE_SIZE, Layout
from mm.list import Words
from mm.page_alloc import PageAllocator
from mm.page_flags import PG_reserved
from mm.slab import SlabAllocator
from mm.traps import Traps
from mm.vmalloc import VM_IOREMAP, VM_IOREMAP_FLAGS_SHIFT, Vmalloc

PAGE_PCD = 0x010
IOREMAP_PROT = 0x063  # P RW A D: not global, and with PAE executable

_ISA_START_ADDRESS, _ISA_END_ADDRESS = 0xA0000, 0x100000


class Ioremap:
    """ioremap and iounmap over vmalloc space. Physical addresses have 32 bits here, with PAE too, as in 2.6.20."""

    def __init__(
        self, w: Words, layout: Layout, traps: Traps, pages: PageAllocator, slab: SlabAllocator, vmalloc: Vmalloc
    ) -> None:
        self._w = w
        self._traps = traps
        self._pages = pages
        self._slab = slab
        self._vmalloc = vmalloc
        self._addr, self._phys_addr = (layout["vm_struct"].word(name) for name in ("addr", "phys_addr"))
        self._high_memory = w[(layout.va("high_memory") ^ 0xC0000000) >> 2]
        self._max_mapnr = w[(layout.va("max_mapnr") ^ 0xC0000000) >> 2]

    def _reserved(self, first: int, last: int) -> bool:
        """Whether all frames first..last are reserved; what mem_map does not reach is not."""
        if last >= self._max_mapnr:
            return False
        w, step = self._w, self._pages.page_size >> 2
        p = (self._pages.pfn_to_page(first) ^ 0xC0000000) >> 2
        return all(w[i] & PG_reserved for i in range(p, p + (last - first) * step + 1, step))

    def _ioremap(self, phys_addr: int, size: int, flags: int) -> int:
        """__ioremap: map `size` bytes of physical memory; the virtual address of `phys_addr`, or 0.

        flags: protection bits (PAGE_PCD) besides IOREMAP_PROT. 0 for no size, a range that runs over 4 GB, and lowmem
        that is not reserved. What lies in 640 KB..1 MB has its place in the direct map.
        """
        last = phys_addr + size - 1
        if not size or last >> 32:
            return 0
        if phys_addr >= _ISA_START_ADDRESS and last < _ISA_END_ADDRESS:
            return PAGE_OFFSET + phys_addr
        if phys_addr < self._high_memory - PAGE_OFFSET and not self._reserved(
            phys_addr >> PAGE_SHIFT, last >> PAGE_SHIFT
        ):
            return 0
        first = phys_addr >> PAGE_SHIFT
        pfns = range(first, (last >> PAGE_SHIFT) + 1)
        area = self._vmalloc.get_vm_area(
            len(pfns) << PAGE_SHIFT, VM_IOREMAP | flags << VM_IOREMAP_FLAGS_SHIFT & 0xFFFFFFFF
        )
        if not area:
            return 0
        i = (area ^ 0xC0000000) >> 2
        self._w[i + self._phys_addr] = first << PAGE_SHIFT
        addr = self._w[i + self._addr]
        done = False
        try:
            done = self._vmalloc.map_frames(addr, pfns, IOREMAP_PROT | flags)
        finally:
            if not done:
                self._vmalloc.vunmap(addr)
        return addr + (phys_addr & PAGE_SIZE - 1) if done else 0

    def ioremap(self, phys_addr: int, size: int) -> int:
        """__ioremap without flags."""
        return self._ioremap(phys_addr, size, 0)

    def ioremap_nocache(self, phys_addr: int, size: int) -> int:
        """ioremap whose PTEs have PCD."""
        return self._ioremap(phys_addr, size, PAGE_PCD)

    def iounmap(self, addr: int) -> None:
        """Give up a mapping of ioremap, by any address in its first page. Nothing for the direct map."""
        if addr <= self._high_memory:
            return
        addr &= -PAGE_SIZE
        area = self._vmalloc.remove_vm_area(addr)
        if not area:
            self._traps.printk(f"iounmap: bad address {addr:08x}\n")
            self._traps.dump_stack()
            return
        self._slab.kfree(area)
