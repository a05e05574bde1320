"""What calls into the kernel mean to guest.access_check: how much of what they give may be used and is not written yet,
what they read and write in the program's name.
"""

from __future__ import annotations

from collections.abc import Callable

from guest.calls import TABLE
from guest.shadow import Shadow
from hw.cpu import CPU, ReadHandler, WriteHandler
from hw.shadow import Unset
from mm.gfp import GFP_ZERO
from mm.layout import PAGE_OFFSET, PAGE_SHIFT, PAGE_SIZE, Layout
from mm.list import Words
from mm.maccess import KernelMemory
from mm.page_alloc import PageAllocator
from mm.pgtable import PageTables
from mm.slab import SlabAllocator

_NUMBERS = {call.name: 4 * call.number for call in TABLE}
_ARGUMENTS = {4 * call.number: (call.name, 4 * call.arguments) for call in TABLE}

Behind = Callable[[int, int], None]


class CallChecks:
    """Stands around the calls. unset: None where it does not matter what was written.

    on_argument(name, origin): a call has got an argument that comes from a byte that was never written to.
    """

    def __init__(
        self, w: Words, layout: Layout, shadow: Shadow, unset: Unset | None, pages: PageAllocator,
        slab: SlabAllocator, tables: PageTables, on_argument: Callable[[str, int], None],
    ) -> None:  # fmt: skip
        self._w = w
        self._shadow = shadow
        self._unset = unset
        self._pages = pages
        self._slab = slab
        self._tables = tables
        self._on_argument = on_argument
        self._ctor = layout["kmem_cache"].word("ctor")
        rows: dict[str, Behind] = {
            "ksize": self._ksize, "krealloc": self._krealloc, "kmem_cache_create": self._created,
            "kmem_cache_size": self._asked_size,
        }  # fmt: skip
        if unset is not None:
            rows |= dict.fromkeys(("vmalloc", "vmalloc_32", "vmalloc_exec"), self._kmalloc)
            rows |= {
                "kmalloc": self._kmalloc, "kmem_cache_alloc": self._cache_alloc, "__vmalloc": self._vmalloc,
                "alloc_pages": self._alloc_pages, "__get_free_pages": self._get_free_pages,
            }  # fmt: skip
        self._behind = {_NUMBERS[name]: behind for name, behind in rows.items()}

    def around(self, cpu: CPU) -> None:
        """Stand around the calls of a CPU: of the devices that it has by now."""
        made = False

        def wrap(read: ReadHandler, write: WriteHandler) -> tuple[ReadHandler, WriteHandler]:
            return read, write if made else self._checked(write)

        cpu.wrap_devices(wrap)
        made = True  # what is mapped later is no hypercall window

    def _checked(self, write: WriteHandler) -> WriteHandler:
        behind, w, unset = self._behind.get, self._w, self._unset

        def call(offset: int, size: int, esp: int) -> None:
            i = (esp ^ 0xC0000000) >> 2
            if unset is not None:
                self._look_at_arguments(unset, offset, esp)
            write(offset, size, esp)
            if (then := behind(offset)) is not None:
                then(w[i], i + 3)

        return call

    def _look_at_arguments(self, unset: Unset, offset: int, esp: int) -> None:
        name, size = _ARGUMENTS.get(offset, ("", 0))
        pa = esp + 12 - PAGE_OFFSET
        if size and (origin := unset.origin(pa, size)) is not None:
            unset.clear(pa, size)
            self._on_argument(name, origin)

    # how much may be used

    def _ksize(self, result: int, arguments: int) -> None:
        self._resize(self._w[arguments], None)

    def _krealloc(self, result: int, arguments: int) -> None:
        old, size = self._w[arguments], self._w[arguments + 1]
        if result and result == old:
            self._resize(result, size)
        elif result and self._unset is not None:
            if not old:
                self._fresh(result, size)
            elif obj := self._shadow.object_at(old):  # what was copied counts as written
                self._fresh(result + obj.size, size - obj.size)

    def _resize(self, ptr: int, size: int | None) -> None:
        grown = self._shadow.resize(ptr, size)
        if grown is not None and self._unset is not None:
            self._fresh(*grown)

    def _created(self, result: int, arguments: int) -> None:
        self._shadow.sizes[result] = self._w[arguments + 1]

    def _asked_size(self, result: int, arguments: int) -> None:
        """Who asks how large a cache's objects are may use all of them."""
        self._shadow.open_cache(self._w[arguments])

    # what is not written yet

    def _fresh(self, va: int, size: int) -> None:
        assert self._unset is not None
        end = va + size
        while va < end:
            room = min(end - va, PAGE_SIZE - (va & PAGE_SIZE - 1))
            pa = self._tables.translate(va)
            if pa is not None and pa + room <= len(self._shadow.bytes):
                self._unset.add(pa, room)
            va += room

    def _kmalloc(self, result: int, arguments: int) -> None:
        if result:
            self._fresh(result, self._w[arguments])

    def _cache_alloc(self, result: int, arguments: int) -> None:
        cachep = self._w[arguments]
        if result and not self._w[((cachep ^ 0xC0000000) >> 2) + self._ctor]:
            self._fresh(result, self._slab.kmem_cache_size(cachep))

    def _vmalloc(self, result: int, arguments: int) -> None:
        size, gfp_mask = self._w[arguments], self._w[arguments + 1]
        if result and not gfp_mask & GFP_ZERO:
            self._fresh(result, size)

    def _alloc_pages(self, result: int, arguments: int) -> None:
        gfp_mask, order = self._w[arguments], self._w[arguments + 1]
        if result and not gfp_mask & GFP_ZERO:
            assert self._unset is not None
            self._unset.add(self._pages.page_to_pfn(result) << PAGE_SHIFT, PAGE_SIZE << order)

    def _get_free_pages(self, result: int, arguments: int) -> None:
        gfp_mask, order = self._w[arguments], self._w[arguments + 1]
        if result and not gfp_mask & GFP_ZERO:
            self._fresh(result, PAGE_SIZE << order)


class CheckedMemory(KernelMemory):
    """Memory as calls see it that read and write strings for a program. look(va, pa, size, write) hears of each piece
    within a page, before.
    """

    def __init__(
        self, memory: memoryview, tables: PageTables, look: Callable[[int, int, int, bool], None]
    ) -> None:
        super().__init__(memory, tables)
        self._plain = KernelMemory(memory, tables)
        self._look = look

    def _tell(self, va: int, size: int, write: bool) -> None:
        for pa, length in self._pieces(va, size, write):
            self._look(va, pa, length, write)
            va += length

    def read(self, va: int, size: int) -> bytes:
        """`size` bytes from `va` up."""
        self._tell(va, size, False)
        return self._plain.read(va, size)

    def write(self, va: int, data: bytes) -> None:
        """Store `data` at `va`."""
        self._tell(va, len(data), True)
        self._plain.write(va, data)

    def string(self, va: int, limit: int = 1 << 16) -> bytes:
        """The C string at `va`."""
        text = self._plain.string(va, limit)
        self._tell(va, min(len(text) + 1, limit), False)
        return text
