"""Physical memory: one sparse host mapping in which the host offset is the physical address."""

from __future__ import annotations

import ctypes
import mmap
import os
import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hw.e820 import PAGE_SIZE, E820Map
from hw.errors import EngineError, PhysicalError

if TYPE_CHECKING:
    from hw.engine import Engine


class RAM:
    """The memory of a machine, from physical address 0 to the end of the highest range of the e820 map.

    ``words`` (index pa >> 2, values unsigned 32 bit) and ``bytes`` (index pa) are the same memory that the
    CPUs see. Holes lie in the mapping too, but no CPU reaches them and nothing may be stored there. A page
    costs host memory from the first touch on, even a read.
    """

    def __init__(self, e820: E820Map) -> None:
        """Reserve address space for all of ``e820``; raises EngineError when the host has none."""
        self.e820 = e820
        self.ranges: list[tuple[int, int]] = e820.backed_ranges()
        self.size: int = self.ranges[-1][1]
        self._fd = _anonymous_file()
        try:
            os.ftruncate(self._fd, self.size)
            self._map = mmap.mmap(self._fd, self.size, mmap.MAP_SHARED)
        except OSError as error:
            os.close(self._fd)
            raise EngineError(f"the host gives no {self.size >> 20} MB of address space: {error}") from None
        self.host_address: int = ctypes.addressof(ctypes.c_char.from_buffer(self._map))
        self.bytes: memoryview = memoryview(self._map)
        self.words: memoryview = self.bytes.cast("I")

    def map_into(self, engine: Engine) -> None:
        """Give the ranges of memory to an engine, piece by piece around the holes.

        The largest goes first. Where a piece is larger than the one mapped before it, Unicorn 2.1.4 numbers two
        pieces alike, and runs code translated from the one where the other is mapped.
        """
        for start, end in sorted(self.ranges, key=lambda piece: piece[0] - piece[1]):
            engine.map_ptr(start, end - start, self.host_address + start)

    def has(self, pa: int, size: int = 1) -> bool:
        """Whether memory answers at every one of ``size`` bytes from physical address ``pa``."""
        return any(start <= pa and pa + size <= end for start, end in self.ranges)

    def read(self, pa: int, size: int) -> bytes:
        """``size`` bytes at ``pa``; raises PhysicalError where there is no memory."""
        self._check(pa, size)
        return bytes(self.bytes[pa:pa + size])

    def write(self, pa: int, data: bytes | bytearray | memoryview) -> None:
        """Store ``data`` at ``pa``; raises PhysicalError where there is no memory, and then stores nothing."""
        self._check(pa, len(data))
        self.bytes[pa:pa + len(data)] = data

    def _check(self, pa: int, size: int) -> None:
        if size and not self.has(pa, size):
            raise PhysicalError(f"no RAM at physical address {pa:#010x} (size {size})", pa)

    def resident(self) -> int:
        """Bytes of host memory that the machine's memory really takes."""
        return os.fstat(self._fd).st_blocks * 512

    def extents(self) -> Iterator[tuple[int, int]]:
        """[start, end) pairs of physical addresses, whole pages, outside of which every byte is zero."""
        if not hasattr(os, "SEEK_DATA"):
            yield from self.ranges
            return
        end = 0
        while end < self.size:
            try:
                start = os.lseek(self._fd, end, os.SEEK_DATA)
            except OSError:  # ENXIO: a hole up to the end
                return
            end = os.lseek(self._fd, start, os.SEEK_HOLE)
            yield start & -PAGE_SIZE, min(end + PAGE_SIZE - 1 & -PAGE_SIZE, self.size)

    def close(self) -> None:
        """Give the memory back. Every engine that has it mapped must be closed before."""
        if self._fd >= 0:
            self.words.release()
            self.bytes.release()
            self._map.close()
            os.close(self._fd)
            self._fd = -1


def _anonymous_file() -> int:
    if hasattr(os, "memfd_create"):
        try:
            return os.memfd_create("highmem-ram", os.MFD_CLOEXEC)
        except OSError:
            pass
    fd, path = tempfile.mkstemp(prefix="highmem-ram-")
    os.unlink(path)
    return fd
