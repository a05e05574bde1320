"""The slab allocator's caches: `struct kmem_cache`, what it must be, and the arrays of free objects."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mm import kernel_caches
from mm.fsck.memory import Memory, View, shown
from mm.layout import PAGE_SIZE, ZONE_NAMES
from mm.pgtable import page_tables
from mm.slab import SLAB_CACHE_DMA, SLAB_HWCACHE_ALIGN, SLAB_PANIC
from mm.slab_geometry import (
    CFLGS_OFF_SLAB,
    SLAB_DEBUG_FREE,
    SLAB_POISON,
    SLAB_RED_ZONE,
    SLAB_SIZE,
    SLAB_STORE_USER,
    Geometry,
    cache_estimate,
    debug_flags,
    geometry,
    reciprocal_value,
)  # fmt: skip

ALLOCATED, FREE, IN_ARRAY = range(3)
_ZONES = SLAB_RED_ZONE | SLAB_STORE_USER


@dataclass(slots=True)
class Cache:
    """A cache as it must be. `state` says of every object of every slab whether it is allocated, free in its slab,
    or in an array; `slabs`, `s_mem`, `starts` (first frame), `sound` (its chain) have a slab each, in the same order.
    """

    va: int
    name: str
    known: bool  # one of the kernel's own: everything about it is known
    shape: Geometry
    flags: int
    view: View
    slabs: list[int] = field(default_factory=list)
    s_mem: list[int] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    state: NDArray[np.uint8] = field(default_factory=lambda: np.zeros((0, 0), dtype=np.uint8))
    sound: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))
    free_objects: int = 0
    waiting: int = 0  # slabs on rcu_slabs, whose objects nobody counts

    def object(self, row: int, number: int) -> int:
        """Address of an object of a slab."""
        return self.s_mem[row] + number * self.shape.buffer_size + self.shape.obj_offset

    @property
    def title(self) -> str:
        """What reports call it."""
        return f"struct kmem_cache {self.name}"


class Objects:
    """All objects of all caches: which there are, in which state, and what uses them."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self.caches: list[Cache] = []
        self.by_name: dict[str, Cache] = {}
        self._cache_of: NDArray[np.int32] = np.full(memory.limits.max_low_pfn, -1, dtype=np.int32)
        self._slab_of: NDArray[np.int32] = np.zeros(memory.limits.max_low_pfn, dtype=np.int32)
        self._users: dict[int, tuple[str, str, int, str]] = {}

    def place(self, number: int, cache: Cache) -> None:
        """Note where a cache's slabs lie."""
        starts = np.array([start for start in cache.starts if start >= 0], dtype=np.int64)
        rows = np.array([row for row, start in enumerate(cache.starts) if start >= 0], dtype=np.int32)
        for page in range(1 << cache.shape.gfporder):
            self._cache_of[starts + page] = number
            self._slab_of[starts + page] = rows

    def find(self, va: int) -> tuple[Cache, int, int] | None:
        """Cache, slab and number of the object that begins at `va`, None where none does."""
        pfn = va - 0xC0000000 >> 12
        if not 0 <= pfn < len(self._cache_of) or self._cache_of[pfn] < 0:
            return None
        cache = self.caches[int(self._cache_of[pfn])]
        row = int(self._slab_of[pfn])
        number, rest = divmod(va - cache.object(row, 0), cache.shape.buffer_size)
        return (cache, row, number) if not rest and 0 <= number < cache.shape.num else None

    def is_task(self, va: int) -> bool:
        """Whether a task is at an address."""
        found = self.find(va)
        return found is not None and found[0].name == "task_struct" and found[0].state[found[1:]] == ALLOCATED

    def unused(self, name: str) -> list[int]:
        """The allocated objects of a cache that nothing was said to use."""
        cache = self.by_name.get(name)
        if cache is None:
            return []
        rows, numbers = (part.tolist() for part in np.nonzero(cache.state == ALLOCATED))
        objects = (cache.object(row, number) for row, number in zip(rows, numbers))
        return [va for va in objects if va not in self._users]

    def general(self, size: int) -> str:
        """Name of the general cache that kmalloc(size) takes from."""
        sizes = self._memory.layout.kmalloc_sizes
        at = bisect_left(sizes, size)
        return f"size-{sizes[at]}" if at < len(sizes) else ""

    def use(self, va: int, name: str, user: str, structure: str, address: int, field: str) -> bool:
        """Note that the kernel itself uses the object at `va`, which must be an allocated one of cache `name`.

        structure, address, field: the pointer that says so; it is what is wrong where the object is not.
        """
        found = self.find(va)
        if found is None or found[0].name != name:
            self._memory.damage(structure, address, field, f"is {va:08x}, which is no object of {name or 'any cache'}")
            return False
        cache, row, number = found
        if cache.state[row, number] != ALLOCATED:
            self._memory.damage(structure, address, field, f"is {va:08x}, a free object of {name}")
        if va in self._users:  # one of the two pointers is wrong
            other, first, first_address, first_field = self._users[va]
            self._memory.damage(structure, address, field, f"is {va:08x}, which is in use as {other}")
            self._memory.damage(first, first_address, first_field, f"is {va:08x}, which is in use as {user}")
        else:
            self._users[va] = (user, structure, address, field)
        return True


class Recognizer:
    """Finds out what a cache must be like, from the kernel's table of caches or from the cache itself."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        layout = memory.layout
        self._line = layout.l1
        self._break = 1 if memory.limits.max_pfn > 32 << 8 else 0
        self._names = {va: name for name, va in layout.strings.items() if name not in ZONE_NAMES}
        self._table = dict(self._malloc_sizes())

    def _malloc_sizes(self) -> Iterator[tuple[int, str]]:
        layout = self._memory.layout
        va = layout.va("malloc_sizes")
        for i, size in enumerate(layout.kmalloc_sizes):
            yield self._memory.word(va + 12 * i + 4), f"size-{size}"
            yield self._memory.word(va + 12 * i + 8), f"size-{size}(DMA)"

    def recognize(self, va: int, taken: set[str]) -> Cache:
        """The cache at `va`; `taken` names the kernel's caches that were found before."""
        view = View(self._memory, "kmem_cache", va, f"struct kmem_cache at {va:08x}")
        name = self._names.get(view["name"], "")
        if va == self._memory.layout.va("cache_cache"):
            name = "kmem_cache"
        elif va in self._table:
            name = self._table[va]
        if name and name not in taken:
            return self.named(va, name)
        name = self._string(view["name"])
        view.title = f"struct kmem_cache {name}"
        shape, zones = self._foreign(view)
        flags = view["flags"] & ~CFLGS_OFF_SLAB
        if self._memory.layout.slab_debug and not name.startswith("(name at "):  # the rest shows in its geometry
            flags |= self._debugged(name, shape.obj_size, 8, flags) & (SLAB_DEBUG_FREE | SLAB_POISON)
        return Cache(va, name, False, shape, flags & ~_ZONES | zones, view)

    def named(self, va: int, name: str) -> Cache:
        """The cache at `va` as that one of the kernel's own."""
        view = View(self._memory, "kmem_cache", va, f"struct kmem_cache {name}")
        return Cache(va, name, True, *self._own(name), view)

    def looks_like(self, view: View, name: str) -> bool:
        """Whether a cache has the size and flags of that one of the kernel's own."""
        shape, flags = self._own(name)
        return view["buffer_size"] == shape.buffer_size and view["flags"] & ~CFLGS_OFF_SLAB == flags

    def _own(self, name: str) -> tuple[Geometry, int]:
        """Geometry and flags of one of the kernel's own caches."""
        layout, line = self._memory.layout, self._line
        if name == "kmem_cache":
            obj_size = layout["kmem_cache"].size if layout.slab_debug else 0
            size = layout["kmem_cache"].size + line - 1 & -line
            for order in range(6):
                num, left = cache_estimate(order, size, line, False)
                if num:
                    break
            slab_size = SLAB_SIZE + 4 * num + line - 1 & -line
            shape = Geometry(size, line, num, order, False, slab_size, left // line, line, 0, obj_size)
            return shape, self._debugged(name, size, line, 0) & SLAB_DEBUG_FREE
        if name.startswith("size-"):
            flags = SLAB_HWCACHE_ALIGN | SLAB_PANIC | (SLAB_CACHE_DMA if name.endswith("(DMA)") else 0)
            return self._made(name, int(name[5:].removesuffix("(DMA)")), 0, flags)
        own = kernel_caches.kernel_cache(name, self._memory.layout)
        return self._made(name, own.size(layout), own.align, own.flags)

    def _debugged(self, name: str, size: int, align: int, flags: int) -> int:
        return debug_flags(*self._memory.slab_debug, name, size, align, flags)

    def _made(self, name: str, size: int, align: int, flags: int) -> tuple[Geometry, int]:
        flags = self._debugged(name, size, align, flags)
        return geometry(size, align, flags, self._line, self._break, False), flags

    def _string(self, va: int) -> str:
        """A cache's name; it may lie in vmalloc space, where a module is."""
        text = bytearray()
        while len(text) < 64:
            pa = self.translate(va + len(text))
            if pa is None:
                return f"(name at {va:08x})"
            byte = self._memory.ram.bytes[pa]
            if not byte:
                break
            text.append(byte)
        return text.decode("latin-1")

    def translate(self, va: int) -> int | None:
        """Physical address of RAM behind a kernel address, through swapper_pg_dir."""
        memory = self._memory
        pa = page_tables(memory.w[: memory.low_bytes >> 2], memory.layout).translate(va & 0xFFFFFFFF)
        return pa if pa is not None and pa < memory.ram.size else None

    def _foreign(self, view: View) -> tuple[Geometry, int]:
        """Geometry of a guest's cache: of all that kmem_cache_create could have made, the one most like it.

        With it the flags that say whether its objects have red zones and a last user.
        """
        sizes = {view["buffer_size"]}
        if reciprocal := view["reciprocal_buffer_size"]:
            sizes.add(((1 << 32) + reciprocal - 1) // reciprocal & -4)
        best, score, flags = None, -1, view["flags"] & ~_ZONES
        debug = self._memory.layout.slab_debug
        for zones in (0, SLAB_RED_ZONE, SLAB_STORE_USER, _ZONES) if debug else (0,):
            obj_sizes = {view["obj_size"]} if debug else set()
            for size in sorted(sizes):
                if not 4 <= size <= 1 << 17:
                    continue
                for shape in self._candidates(size, flags | zones, view["colour_off"], obj_sizes):
                    likeness = sum(value == view[name] for name, value in _fields(shape, debug).items())
                    likeness += view["flags"] & _ZONES == zones
                    if likeness > score:
                        best, score = (shape, zones), likeness
        return best or (Geometry(32, 32, 112, 0, False, 512, 0, self._line, 0, 32), 0)

    def _candidates(
        self, buffer_size: int, flags: int, colour_off: int, obj_sizes: set[int]
    ) -> Iterator[Geometry]:
        aligns = [1 << shift for shift in range(2, 18)]
        if colour_off and colour_off not in aligns and colour_off <= 1 << 17:
            aligns.append(colour_off)
        for align in aligns:
            # An object of less than 512 bytes has its slab's management beside it, however it is rounded up.
            small = (PAGE_SIZE >> 3) - 4
            around = (8 if flags & SLAB_RED_ZONE else 0) + (4 if flags & SLAB_STORE_USER else 0)
            most = {buffer_size - around, min(buffer_size, small) - around}
            if flags & _ZONES and align > 4:
                break
            for size in sorted(most | obj_sizes, reverse=True):
                if not 4 <= size <= buffer_size:
                    continue
                shape = geometry(size, align, flags & ~CFLGS_OFF_SLAB, self._line, self._break, False)
                if shape.num and shape.buffer_size == buffer_size:
                    yield shape


def _fields(shape: Geometry, debug: bool) -> dict[str, int]:
    fields = {
        "buffer_size": shape.buffer_size, "reciprocal_buffer_size": reciprocal_value(shape.buffer_size),
        "num": shape.num, "gfporder": shape.gfporder, "colour": shape.colour, "colour_off": shape.colour_off,
        "slab_size": shape.slab_size,
    }  # fmt: skip
    return fields | ({"obj_offset": shape.obj_offset, "obj_size": shape.obj_size} if debug else {})


def want_geometry(cache: Cache, debug: bool) -> None:
    """Compare a cache's members that follow from its geometry. debug: of a machine with --slab-debug."""
    for name, value in _fields(cache.shape, debug).items():
        cache.view.want(name, value)
    cache.view.want("flags", cache.flags | (CFLGS_OFF_SLAB if cache.shape.off_slab else 0))
    cache.view.want("gfpflags", 1 if cache.flags & SLAB_CACHE_DMA else 0)


def is_array(memory: Memory, va: int, limit: int, batchcount: int) -> bool:
    """Whether an array_cache of this size can be at `va`: one of the two numbers that never change says so."""
    size = memory.layout["array_cache"].size + 4 * limit
    return memory.has(va, size) and (memory.word(va + 4) == limit or memory.word(va + 8) == batchcount)


def read_array(memory: Memory, va: int, limit: int) -> list[int]:
    """The objects in the array_cache at `va`; none where it says that there are more than its limit."""
    avail = memory.word(va)
    first = va + memory.layout["array_cache"].size
    return [memory.word(first + 4 * i) for i in range(avail if avail <= limit else 0)]


def check_array(memory: Memory, va: int, title: str, limit: int, batchcount: int) -> None:
    """Compare an array_cache's members; its entries are checked with the objects."""
    ac = View(memory, "array_cache", va, title)
    ac.within("avail", 0, limit)
    ac.want("limit", limit)
    ac.want("batchcount", batchcount)
    if memory.word(va + 12) > 1:
        ac.bad("touched", f"is {shown(memory.word(va + 12))}, should be 0 or 1")
    ac.free("touched")
    ac.rest_zero()
