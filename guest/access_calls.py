"""What calls into the kernel mean to guest.access_check: how much of what they give may be used and is not written yet,
what they read and write in the program's name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

from guest.calls import TABLE
from guest.shadow import Shadow
from hw.cpu import CPU, ReadHandler, WriteHandler
from hw.shadow import Unset
from mm.errors import KernelFault
from mm.gfp import GFP_ZERO
from mm.layout import PAGE_OFFSET, PAGE_SHIFT, PAGE_SIZE, Layout
from mm.list import Words
from mm.maccess import KernelMemory
from mm.page_alloc import PageAllocator
from mm.pgtable import PageTables
from mm.sched import Switch, TurnOver
from mm.slab import SlabAllocator

_NUMBERS = {call.name: 4 * call.number for call in TABLE}
_ARGUMENTS = {4 * call.number: (call.name, 4 * call.arguments) for call in TABLE}

# Arguments that point to something that the call reads: (argument, bytes, argument that says how many of these).
_OBJECT = {
    0: (
        "kmem_cache_alloc", "kmem_cache_zalloc", "kmem_cache_free", "kmem_cache_destroy", "kmem_cache_size",
        "kmem_cache_name", "kmem_cache_shrink", "kmem_ptr_validate", "remove_shrinker", "wake_up_process",
        "kthread_stop", "add_timer", "mod_timer", "del_timer", "try_to_del_timer_sync", "set_cpus_allowed_ptr",
        "find_get_page", "find_lock_page", "find_or_create_page", "find_get_pages", "find_get_pages_contig",
        "find_get_pages_tag", "truncate_inode_pages_from", "invalidate_mapping_pages", "iput", "get_task_mm",
        "mmput", "use_mm", "unuse_mm",
    ),
    1: ("add_to_page_cache", "add_to_page_cache_lru", "set_cpus_allowed_ptr"),
}  # fmt: skip
_Operand = tuple[int, int, int | None]
_READS: dict[int, list[_Operand]] = {_NUMBERS["vmap"]: [(0, 4, 1)], _NUMBERS["vwrite"]: [(0, 1, 2)]}
for _argument, _names in _OBJECT.items():
    for _name in _names:
        _READS.setdefault(_NUMBERS[_name], []).append((_argument, 4, None))

Behind = Callable[[int, int], None]


class CallChecks:
    """Stands around the calls. unset: None where it does not matter what was written.

    on_argument(name, origin): a call has got an argument that comes from a byte that was never written to.
    on_read(va, size): a call is about to read what an argument points to.
    """

    def __init__(
        self, w: Words, layout: Layout, shadow: Shadow, unset: Unset | None, pages: PageAllocator,
        slab: SlabAllocator, tables: PageTables, on_argument: Callable[[str, int], None],
        on_read: Callable[[int, int], None],
    ) -> None:  # fmt: skip
        self._w = w
        self._shadow = shadow
        self._unset = unset
        self._pages = pages
        self._slab = slab
        self._tables = tables
        self._on_argument = on_argument
        self._on_read = on_read
        self._asleep: set[tuple[int, int]] = set()  # calls that run again, by stack pointer
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
        behind, reads, w, unset = self._behind.get, _READS.get, self._w, self._unset

        def call(offset: int, size: int, esp: int) -> None:
            i = (esp ^ 0xC0000000) >> 2
            if unset is not None:
                self._look_at_arguments(unset, offset, esp)
            if (operands := reads(offset)) is not None:
                self._read(write, offset, size, esp, operands)
            else:
                write(offset, size, esp)
            if (then := behind(offset)) is not None:
                then(w[i], i + 3)

        return call

    def _read(self, write: WriteHandler, offset: int, size: int, esp: int, operands: Sequence[_Operand]) -> None:
        """A call that reads what arguments point to: at its begin, not when it goes on after a sleep."""
        w, i = self._w, ((esp ^ 0xC0000000) >> 2) + 3
        if (esp, offset) not in self._asleep:
            for argument, length, count in operands:
                self._on_read(w[i + argument], length * (1 if count is None else w[i + count]))
        self._asleep.discard((esp, offset))
        try:
            write(offset, size, esp)
        except (Switch, TurnOver) as way:
            if way.again:
                self._asleep.add((esp, offset))
            raise

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

    def look(self, va: int, size: int) -> None:
        """Tell of a read, as far as there is memory."""
        with suppress(KernelFault):
            self._tell(va, size, False)

    def string(self, va: int, limit: int = 1 << 16) -> bytes:
        """The C string at `va`."""
        text = self._plain.string(va, limit)
        self._tell(va, min(len(text) + 1, limit), False)
        return text
