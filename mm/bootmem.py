"""The allocator that boots the others: one bit a lowmem page (mm/bootmem.c, 2.6.20).

The bitmap lies in guest RAM behind the kernel image; a set bit is a page that is taken.
"""

from __future__ import annotations

from collections.abc import Iterator

from mm.errors import BootError
from mm.layout import PAGE_OFFSET, PAGE_SHIFT, PAGE_SIZE, Layout
from mm.list import Words


def _pages_up(value: int) -> int:
    return (value + PAGE_SIZE - 1) >> PAGE_SHIFT


class BootMem:
    """The boot-time allocator over frames 0..max_low_pfn-1; every address here is physical."""

    def __init__(self, w: Words, memory: memoryview, layout: Layout) -> None:
        self._w = w
        self._memory = memory
        data = (layout.va("contig_bootmem_data") - PAGE_OFFSET) >> 2
        fields = layout["bootmem_data"]
        self._low_pfn = data + fields.word("node_low_pfn")
        self._map_va = data + fields.word("node_bootmem_map")
        self._last_offset = data + fields.word("last_offset")
        self._last_pos = data + fields.word("last_pos")

    def init(self, start_pfn: int, max_low_pfn: int) -> int:
        """init_bootmem: the bitmap at `start_pfn`, everything taken. Returns the bitmap's size in bytes."""
        size = ((max_low_pfn + 7) // 8 + 3) & ~3
        self._w[self._low_pfn] = max_low_pfn
        self._w[self._map_va] = PAGE_OFFSET + (start_pfn << PAGE_SHIFT)
        self._w[self._last_offset] = self._w[self._last_pos] = 0
        self._bitmap()[:] = b"\xff" * size
        return size

    def _bitmap(self) -> memoryview:
        start = self._w[self._map_va] - PAGE_OFFSET
        return self._memory[start : start + ((self._w[self._low_pfn] + 7) // 8 + 3 & ~3)]

    def _set(self, start_pfn: int, end_pfn: int, taken: bool) -> None:
        bitmap = self._bitmap()
        pfn = start_pfn
        while pfn < end_pfn:
            if pfn & 7 == 0 and end_pfn - pfn >= 8:
                count = (end_pfn - pfn) // 8
                bitmap[pfn >> 3 : (pfn >> 3) + count] = (b"\xff" if taken else b"\0") * count
                pfn += 8 * count
            else:
                bit = 1 << (pfn & 7)
                bitmap[pfn >> 3] = bitmap[pfn >> 3] | bit if taken else bitmap[pfn >> 3] & ~bit
                pfn += 1

    def free(self, start: int, end: int) -> None:
        """free_bootmem: the whole pages of [start, end) become free."""
        self._set(_pages_up(start), min(end >> PAGE_SHIFT, self._w[self._low_pfn]), False)

    def reserve(self, start: int, end: int) -> None:
        """reserve_bootmem: every page that [start, end) touches is taken."""
        self._set(start >> PAGE_SHIFT, min(_pages_up(end), self._w[self._low_pfn]), True)

    def alloc(self, size: int, align: int = PAGE_SIZE, goal: int = 16 << 20) -> int:
        """`size` bytes at a multiple of `align`, from `goal` up or else anywhere; physical address. New RAM is zero.

        A small request goes on in the page where the last one ended (last_pos, last_offset).
        Raises BootError where no room is left.
        """
        w, pages = self._w, _pages_up(size)
        for first in (goal >> PAGE_SHIFT, 0):
            start = self._find(first, pages, max(1, align >> PAGE_SHIFT))
            if start is not None:
                break
        else:
            raise BootError(
                f"no room for {size >> 10} kB of boot-time structures below {w[self._low_pfn] >> 8} MB: "
                "the machine has too little RAM"
            )
        pa = start << PAGE_SHIFT
        offset = (w[self._last_offset] + align - 1) & -align
        if align < PAGE_SIZE and offset and offset < PAGE_SIZE and w[self._last_pos] + 1 == start:
            pa = (w[self._last_pos] << PAGE_SHIFT) + offset
        end = pa + size
        w[self._last_pos] = (end - 1) >> PAGE_SHIFT
        w[self._last_offset] = end & (PAGE_SIZE - 1)
        self.reserve(pa, end)
        return pa

    def _find(self, first: int, pages: int, step: int) -> int | None:
        bitmap, limit = self._bitmap(), self._w[self._low_pfn]
        start = (first + step - 1) // step * step
        while start + pages <= limit:
            for pfn in range(start, start + pages):
                if bitmap[pfn >> 3] >> (pfn & 7) & 1:
                    start = pfn // step * step + step
                    break
            else:
                return start
        return None

    def free_runs(self) -> Iterator[tuple[int, int]]:
        """The free frames as ascending [start, end) runs."""
        limit = self._w[self._low_pfn]
        bits = int.from_bytes(self._bitmap(), "little") | -1 << limit
        pfn = 0
        while bits != -1:
            start = pfn + _trailing_ones(bits)
            bits >>= start - pfn
            length = (bits & -bits).bit_length() - 1
            yield start, start + length
            bits >>= length
            pfn = start + length


def _trailing_ones(value: int) -> int:
    # value has a clear bit
    return (~value & (value + 1)).bit_length() - 1
