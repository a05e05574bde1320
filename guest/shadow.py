"""What state each byte of memory is in, for guest.access_check: by the events of the allocators, beginning with what
the structures of a machine say.

A page that is free must not be accessed. Of a slab only what was asked for of its objects in use may be; of an area of
vmalloc space not the rest of its last page. All else that is in use may be. The letters are KASAN's (mm/kasan/kasan.h).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from hw.shadow import PLAIN, make_shadow
from mm.errors import KernelFault, ListCycle
from mm.events import Events
from mm.layout import MAX_ORDER, PAGE_OFFSET, PAGE_SHIFT, PAGE_SIZE, THREAD_SIZE, Layout
from mm.list import Words
from mm.owner import Site
from mm.page_alloc import PageAllocator
from mm.page_flags import PG_compound, PG_slab
from mm.pgtable import PageTables
from mm.slab import SlabAllocator
from mm.slab_info import SlabInspector
from mm.slab_objects import SLAB_DESTROY_BY_RCU
from mm.traps import Traps

FREE_PAGE, VMALLOC_REDZONE, FREED_FIRST, FREED, REDZONE = 0, 0xF8, 0xFA, 0xFB, 0xFC
#: how a state is shown
LETTERS = {FREE_PAGE: 0xFF}
GRANULE = 8

_DAMAGE = (IndexError, ValueError, ZeroDivisionError, ListCycle, KernelFault)
_MOST = 1 << 16
_DEPTH = 16
_S_COLOUROFF, _S_MEM = 2, 3  # words of struct slab


@dataclass(slots=True)
class Record:
    """An object or a block of pages. start: its address, of pages the frame; size: bytes asked for, of pages all."""

    start: int
    size: int
    allocated: Site | None
    freed: Site | None = None
    number: int = 0


@dataclass(frozen=True, slots=True)
class Object:
    """Where a slab object is. start: its address; size: bytes of it; place, room: of it with its red zones."""

    cachep: int
    start: int
    size: int
    place: int
    room: int


class Shadow:
    """The states, `bytes`, by physical address, and who allocated and freed what.

    clock(): time since the boot in ns. on_bad_free(kind, address) hears of a free of what is not in use.
    """

    def __init__(
        self, size: int, w: Words, layout: Layout, events: Events, traps: Traps, pages: PageAllocator,
        slab: SlabAllocator, tables: PageTables, clock: Callable[[], int], on_bad_free: Callable[[str, int], None],
    ) -> None:  # fmt: skip
        self.bytes = make_shadow(size)
        self._w = w
        self._layout = layout
        self._traps = traps
        self._pages = pages
        self._slab = slab
        self._tables = tables
        self._clock = clock
        self._on_bad_free = on_bad_free
        self._task, self._pid = layout["thread_info"].word("task"), layout["task_struct"].word("pid")
        cache = layout["kmem_cache"]
        self._buffer_size, self._num, self._flags = (cache.word(name) for name in ("buffer_size", "num", "flags"))
        self._gfporder = cache.word("gfporder")
        self._known: set[int] = set()  # first frames of the slabs that are marked as such
        self._objects: dict[int, Record] = {}
        self._blocks: dict[int, Record] = {}
        self._count = 0
        #: bytes asked for where a cache was made, by its address
        self.sizes: dict[int, int] = {}
        self._call_guest = slab._call_guest
        slab._call_guest = self._construct
        for name, emit in (
            ("kmalloc", self._allocated), ("kmem_cache_alloc", self._cache_allocated), ("kfree", self._kfree),
            ("kmem_cache_free", self._cache_freed), ("mm_page_alloc", self._page_alloc),
            ("mm_page_free", self._page_free), ("vmalloc", self._vmalloc),
        ):  # fmt: skip
            events.tap(name, self, emit)

    # a machine as it stands

    def begin(
        self, in_use: Iterable[tuple[int, int]], inspector: SlabInspector, asked: Callable[[int], int | None]
    ) -> None:
        """Know a machine as it stands. in_use: [start, end) of frames that are not free; asked(va): how many bytes an
        object, or an area's address, was asked for, where that is known.
        """
        for start, end in in_use:
            first, last = start << PAGE_SHIFT, min(end << PAGE_SHIFT, len(self.bytes))
            if first < last:
                self.bytes[first:last] = bytes([PLAIN]) * (last - first)
        for cachep in self._slab.caches():
            readers = self._field(cachep, self._flags) & SLAB_DESTROY_BY_RCU
            for state in inspector.slabs(cachep):
                self._mark_slab(cachep, state.start)
                for obj in state.objects:
                    if obj.state in ("allocated", "unknown") or readers:
                        self._open(self._layout_of(cachep, obj.address), asked(obj.address))
                    else:
                        self._close(self._layout_of(cachep, obj.address))

    # the structures

    def _field(self, cachep: int, word: int) -> int:
        return self._w[((cachep ^ 0xC0000000) >> 2) + word]

    def _layout_of(self, cachep: int, start: int) -> Object:
        size, room = self._slab.kmem_cache_size(cachep), self._field(cachep, self._buffer_size)
        return Object(cachep, start, size, start - self._slab.obj_offset(cachep), room)

    def _slab_of(self, va: int) -> tuple[int, int] | None:
        """Cache and slab of a direct-map address, None where no slab is."""
        w, p = self._w, (self._pages.virt_to_page(va) ^ 0xC0000000) >> 2
        if va < PAGE_OFFSET or va - PAGE_OFFSET >> 2 >= len(w) or p >= len(w):
            return None
        if w[p] & PG_compound:
            p = (w[p + 3] ^ 0xC0000000) >> 2
        return (w[p + 6], w[p + 7]) if w[p] & PG_slab else None

    def in_slab(self, va: int) -> bool:
        """Whether a direct-map address is in a slab."""
        with suppress(*_DAMAGE):
            return self._slab_of(va) is not None
        return False

    def object_at(self, va: int) -> Object | None:
        """The object whose place a direct-map address is in; None in no slab, and beside the objects."""
        with suppress(*_DAMAGE):
            if found := self._slab_of(va):
                cachep, slab = found
                s_mem, room = self._w[((slab ^ 0xC0000000) >> 2) + _S_MEM], self._field(cachep, self._buffer_size)
                number = (va - s_mem) // room
                if 0 <= number < self._field(cachep, self._num):
                    return self._layout_of(cachep, s_mem + number * room + self._slab.obj_offset(cachep))
        return None

    def _mark_slab(self, cachep: int, start: int) -> None:
        """A new slab: no object of it is anybody's."""
        pa, size = start - PAGE_OFFSET, PAGE_SIZE << self._field(cachep, self._gfporder)
        self._known.add(pa >> PAGE_SHIFT)
        self.bytes[pa : pa + size] = bytes([REDZONE]) * size

    def _open(self, obj: Object, asked: int | None) -> None:
        asked = obj.size if asked is None else min(asked, obj.size)
        at = obj.place - PAGE_OFFSET
        before = obj.start - obj.place
        self.bytes[at : at + obj.room] = (
            bytes([REDZONE]) * before + bytes([PLAIN]) * asked + bytes([REDZONE]) * (obj.room - before - asked)
        )

    def _close(self, obj: Object) -> None:
        at = obj.start - PAGE_OFFSET
        first = min(GRANULE, obj.size)
        self.bytes[at : at + obj.size] = bytes([FREED_FIRST]) * first + bytes([FREED]) * (obj.size - first)

    # who

    def _site(self, address: int, size: int | None = None) -> Site:
        trace, pid = self.trace()
        return Site(address, self._clock(), pid, self._traps.cpu, trace, size)

    def trace(self) -> tuple[tuple[int, ...], int]:
        """The return addresses from the call that is served upwards, and the pid of its task."""
        w, traps = self._w, self._traps
        esp, caller = traps.esp, traps.caller
        out: list[int] = []
        pid = 0
        with suppress(IndexError):
            if caller:
                out.append(caller)
                frame, last = w[((esp ^ 0xC0000000) >> 2) + 1], (esp | THREAD_SIZE - 1) - 7
                while esp < frame <= last and not frame & 3 and len(out) < _DEPTH:
                    f = (frame ^ 0xC0000000) >> 2
                    esp, frame = frame, w[f]
                    if not frame:
                        break  # the outermost function: the kernel called it
                    out.append(w[f + 1])
            pid = w[((w[((traps.esp & -THREAD_SIZE ^ 0xC0000000) >> 2) + self._task] ^ 0xC0000000) >> 2) + self._pid]
        return tuple(out), pid

    def _note(self, records: dict[int, Record], key: int, size: int, site: Site) -> None:
        records.pop(key, None)
        records[key] = Record(key, size, site, None, self._count)
        self._count += 1
        if len(records) > _MOST:
            del records[next(iter(records))]

    def object_record(self, start: int) -> Record | None:
        """Who had the object at an address last."""
        return self._objects.get(start)

    def block_record(self, pfn: int) -> Record | None:
        """Who had the block that a frame is or was in last."""
        found = [self._blocks.get(pfn & -1 << order) for order in range(MAX_ORDER)]
        return max(
            (r for r in found if r and (pfn - r.start) << PAGE_SHIFT < r.size), key=lambda r: r.number, default=None
        )

    # slabs

    def _allocated(self, site: int, ptr: int, bytes_req: int, bytes_alloc: int, gfp_flags: int) -> None:
        if ptr:
            self._give(ptr, bytes_req, site)

    def _cache_allocated(self, site: int, ptr: int, bytes_req: int, bytes_alloc: int, gfp_flags: int) -> None:
        if ptr:
            self._give(ptr, None, site)

    def _give(self, ptr: int, size: int | None, site: int) -> None:
        with suppress(*_DAMAGE):
            if (found := self._slab_of(ptr)) is None:
                return
            cachep, slab = found
            s = (slab ^ 0xC0000000) >> 2
            start = self._w[s + _S_MEM] - self._w[s + _S_COLOUROFF] & -PAGE_SIZE
            if start - PAGE_OFFSET >> PAGE_SHIFT not in self._known:
                self._mark_slab(cachep, start)
            obj = self._layout_of(cachep, ptr)
            if size is None:
                size = self.sizes.get(cachep, obj.size)
            self._open(obj, size)
            self._note(self._objects, ptr, size, self._site(site, size))

    def is_freed(self, ptr: int) -> bool:
        """Whether the object at an address was given back."""
        return self.bytes[ptr - PAGE_OFFSET] in (FREED_FIRST, FREED)

    def resize(self, ptr: int, size: int | None = None) -> tuple[int, int] | None:
        """From now on an object in use has `size` bytes, by default all that there are; where it has grown, and by how
        much. What it had it keeps.
        """
        obj, record = self.object_at(ptr), self._objects.get(ptr)
        if obj is None or obj.start != ptr or self.is_freed(ptr):
            return None
        old = record.size if record else obj.size
        new = obj.size if size is None else min(size, obj.size)
        if record:
            record.size = new
        at, more = ptr + old - PAGE_OFFSET, new - old
        if more <= 0:
            self.bytes[at + more : at] = bytes([REDZONE]) * -more
            return None
        self.bytes[at : at + more] = bytes([PLAIN]) * more
        return ptr + old, more

    def open_cache(self, cachep: int) -> None:
        """From now on all of each of a cache's objects may be used."""
        if self.sizes.pop(cachep, None) is not None:
            for record in self._objects.values():
                obj = self.object_at(record.start) if record.freed is None else None
                if obj is not None and obj.cachep == cachep:
                    self.resize(record.start)

    def _kfree(self, site: int, ptr: int) -> None:
        if ptr:
            self._take(ptr, site, True)

    def _cache_freed(self, site: int, ptr: int) -> None:
        self._take(ptr, site, False)  # its slab may have gone with it

    def _take(self, ptr: int, site: int, is_there: bool) -> None:
        obj = self.object_at(ptr)
        if obj is None or obj.start != ptr:
            if is_there:
                self._on_bad_free("invalid-free", ptr)
            return
        if self._field(obj.cachep, self._flags) & SLAB_DESTROY_BY_RCU:
            return
        if self.is_freed(ptr):
            self._on_bad_free("double-free", ptr)
        self._close(obj)
        if record := self._objects.get(ptr):
            record.freed = self._site(site)

    def _construct(self, function: int, obj: int, cachep: int, how: int, *rest: int) -> int:
        """A constructor or destructor may do with an object what it likes."""
        found = self.object_at(obj)
        if found is None:
            return self._call_guest(function, obj, cachep, how, *rest)
        at = found.start - PAGE_OFFSET
        before = bytes(self.bytes[at : at + found.size])
        self._open(found, self.sizes.get(cachep))
        try:
            return self._call_guest(function, obj, cachep, how, *rest)
        finally:
            self.bytes[at : at + found.size] = before

    # pages

    def _page_alloc(self, page: int, pfn: int, order: int, migratetype: int, gfp_flags: int) -> None:
        if page:
            size, pa = PAGE_SIZE << order, pfn << PAGE_SHIFT
            self.bytes[pa : pa + size] = bytes([PLAIN]) * size
            self._note(self._blocks, pfn, size, self._site(self._traps.caller, size))

    def _page_free(self, page: int, pfn: int, order: int) -> None:
        size, pa = PAGE_SIZE << order, pfn << PAGE_SHIFT
        self.bytes[pa : pa + size] = bytes(size)
        self._known.discard(pfn)
        if record := self.block_record(pfn):
            record.freed = self._site(self._traps.caller)

    def _vmalloc(self, site: int, ptr: int, bytes_req: int, bytes_alloc: int, gfp_flags: int) -> None:
        rest = -bytes_req & PAGE_SIZE - 1
        if ptr and rest and (pa := self._tables.translate(ptr + bytes_req)) is not None:
            self.bytes[pa : pa + rest] = bytes([VMALLOC_REDZONE]) * rest
