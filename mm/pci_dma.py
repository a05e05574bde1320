"""Memory that a device reads and writes too (arch/i386/kernel/pci-dma.c, 2.6.20, without memory of the device's)."""

from __future__ import annotations

from mm.gfp import GFP_DMA, GFP_HIGHMEM
from mm.layout import PAGE_OFFSET, PAGE_SHIFT, Layout
from mm.maccess import KernelMemory
from mm.page_alloc import PageAllocator


def get_order(size: int) -> int:
    """The smallest order whose block holds `size` bytes; of 0 bytes one that no block has."""
    return ((size - 1 & 0xFFFFFFFF) >> PAGE_SHIFT).bit_length()


class PciDma:
    """dma_alloc_coherent over the page allocator. A PC's caches see what devices do: any lowmem is coherent."""

    def __init__(self, layout: Layout, vm: KernelMemory, pages: PageAllocator) -> None:
        self._vm = vm
        self._pages = pages
        self._mask = layout["device"].offset("coherent_dma_mask")
        self._handle_size = 8 if layout.pae else 4  # of dma_addr_t

    def dma_alloc_coherent(self, dev: int, size: int, handle: int, gfp: int) -> int:
        """Zeroed pages for `size` bytes; the address, or 0. Their bus address is stored at `handle`.

        dev: `struct device`; without one, or with a coherent_dma_mask of less than 32 bits, they are of ZONE_DMA.
        gfp: how to allocate, its zone aside.
        """
        gfp &= ~(GFP_DMA | GFP_HIGHMEM)
        if not dev or int.from_bytes(self._vm.read(dev + self._mask, 8), "little") < 0xFFFFFFFF:
            gfp |= GFP_DMA
        va = self._pages._get_free_pages(gfp, get_order(size))
        if va:
            self._vm.write(va, bytes(size))
            self._vm.write(handle, (va - PAGE_OFFSET).to_bytes(self._handle_size, "little"))
        return va

    def dma_free_coherent(self, dev: int, size: int, vaddr: int, handle: int) -> None:
        """Give it back, by its address and its size alone."""
        self._pages.free_pages(vaddr, get_order(size))
