"""Reading and writing kernel virtual addresses as the kernel would: through the page tables, or with a fault."""

from __future__ import annotations

from mm.errors import KernelFault
from mm.layout import PAGE_SIZE
from mm.pgtable import PageTables


class KernelMemory:
    """Byte access by virtual address. memory: all physical memory in bytes. Faults are KernelFault."""

    def __init__(self, memory: memoryview, tables: PageTables) -> None:
        self._memory = memory
        self._tables = tables

    def _pieces(self, va: int, size: int, write: bool) -> list[tuple[int, int]]:
        pieces = []
        while size > 0:
            pa = self._tables.translate(va & 0xFFFFFFFF)
            length = min(size, PAGE_SIZE - (va & (PAGE_SIZE - 1)))
            if pa is None or pa + length > len(self._memory):
                raise KernelFault(va & 0xFFFFFFFF, write)
            pieces.append((pa, length))
            va += length
            size -= length
        return pieces

    def read(self, va: int, size: int) -> bytes:
        """`size` bytes from `va` up."""
        return b"".join(bytes(self._memory[pa : pa + n]) for pa, n in self._pieces(va, size, write=False))

    def write(self, va: int, data: bytes) -> None:
        """Store `data` at `va`; nothing is stored where a part of it cannot be."""
        at = 0
        for pa, n in self._pieces(va, len(data), write=True):
            self._memory[pa : pa + n] = data[at : at + n]
            at += n

    def word(self, va: int) -> int:
        """The 32-bit word at `va`."""
        return int.from_bytes(self.read(va, 4), "little")

    def set_word(self, va: int, value: int) -> None:
        """Store a 32-bit word at `va`."""
        self.write(va, value.to_bytes(4, "little"))

    def string(self, va: int, limit: int = 1 << 16) -> bytes:
        """The C string at `va` without its end, at most `limit` bytes of it."""
        out = b""
        while len(out) < limit:
            length = min(PAGE_SIZE - (va & (PAGE_SIZE - 1)), limit - len(out))
            part = self.read(va, length)
            end = part.find(b"\0")
            if end >= 0:
                return out + part[:end]
            out += part
            va += length
        return out
