"""The slab allocator of a kernel with CONFIG_DEBUG_SLAB (mm/slab.c, include/linux/poison.h; 2.6.20).

A debugged cache's objects have a red zone of a word before and behind them, and behind that the address that asked for
the object or gave it back last. A free object is poisoned. Which caches get which of this is a matter of --slab-debug;
`obj_offset` and `obj_size` of the cache say where the object is in its place. In this module `objp` is the place's
address, as in arrays and chains, and `obj` what the caller knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache

from mm.errors import KernelBug
from mm.events import Events
from mm.gfp import GFP_DMA, GFP_WAIT
from mm.layout import PAGE_OFFSET, PAGE_SHIFT, Layout
from mm.list import Words, list_for_each
from mm.page_alloc import PageAllocator
from mm.slab import CREATE_MASK, SlabAllocator
from mm.slab_geometry import (
    BUFCTL_END,
    BUFCTL_FREE,
    DEBUG_MASK,
    SLAB_DEBUG_FREE,
    SLAB_DEBUG_INITIAL,
    SLAB_LIMIT,
    SLAB_POISON,
    SLAB_RED_ZONE,
    SLAB_SIZE,
    SLAB_STORE_USER,
    Geometry,
    debug_flags,
    debug_option,
)  # fmt: skip
from mm.slab_objects import CTOR_ATOMIC, CTOR_CONSTRUCTOR, SLAB_DESTROY_BY_RCU
from mm.traps import Traps

RED_INACTIVE, RED_ACTIVE = 0x5A2CF071, 0x170FC2A5
POISON_INUSE, POISON_FREE, POISON_END = 0x5A, 0x6B, 0xA5
CTOR_VERIFY = 4
_MOST_LINES = 6
_LINE = 16
_S_MEM, _S_INUSE, _S_FREE, _S_BUFCTL = 3, 4, 5, 7  # words of struct slab

STATISTICS = (
    "num_allocations", "high_mark", "grown", "reaped", "errors", "max_freeable", "node_allocs", "node_frees",
    "node_overflow", "allochit", "allocmiss", "freehit", "freemiss",
)  # fmt: skip


@lru_cache(maxsize=64)
def poison(value: int, size: int) -> bytes:
    """What a poisoned object of `size` bytes holds."""
    return bytes([value]) * (size - 1) + bytes([POISON_END])


def setup_slab_debug(memory: memoryview, layout: Layout, option: str) -> None:
    """Note what --slab-debug asks for where the allocator finds it. memory: lowmem in bytes."""
    flags, slabs = debug_option(option)
    at = layout.va("slab_debug_flags") - PAGE_OFFSET
    memory[at : at + 4] = flags.to_bytes(4, "little")
    at = layout.va("slab_debug_slabs") - PAGE_OFFSET
    memory[at : at + len(slabs)] = slabs.encode()


class DebugSlabAllocator(SlabAllocator):
    """The slab allocator that checks. place(va): an address of code in words, and "FILE:LINE" of the call that returns
    there, "" where that is unknown.
    """

    _create_mask = CREATE_MASK | DEBUG_MASK

    def __init__(
        self, w: Words, memory: memoryview, layout: Layout, events: Events, traps: Traps, pages: PageAllocator,
        call_guest: Callable[..., int], read_string: Callable[[int], str], panic: Callable[[str], None],
        place: Callable[[int], tuple[str, str]],
    ) -> None:  # fmt: skip
        super().__init__(w, memory, layout, events, traps, pages, call_guest, read_string, panic)
        self._place = place
        cache = layout["kmem_cache"]
        self._obj_offset, self._obj_size = cache.word("obj_offset"), cache.word("obj_size")
        self._num_active, self._num_allocations = cache.word("num_active"), cache.word("num_allocations")
        self._high_mark, self._grown, self._reaped = (cache.word(name) for name in ("high_mark", "grown", "reaped"))
        self._max_freeable = cache.word("max_freeable")
        self._allochit, self._allocmiss = cache.word("allochit"), cache.word("allocmiss")
        self._freehit, self._freemiss = cache.word("freehit"), cache.word("freemiss")
        self._asked = (layout.va("slab_debug_flags") ^ 0xC0000000) >> 2
        self._max_mapnr = (layout.va("max_mapnr") ^ 0xC0000000) >> 2

    # caches

    def kmem_cache_init(self) -> None:
        """The bootstrap. The cache of caches has no red zones and no poison."""
        c = (self.cache_cache ^ 0xC0000000) >> 2
        self._w[c + self._obj_size] = self._layout["kmem_cache"].size
        self._w[c + self._flags] = self._forced("kmem_cache", 4, 4, 0) & SLAB_DEBUG_FREE
        super().kmem_cache_init()

    def _forced(self, name: str, size: int, align: int, flags: int) -> int:
        slabs = self._read_string(self._layout.va("slab_debug_slabs"))
        return debug_flags(self._w[self._asked], slabs, name, size, align, flags)

    def _debug_flags(self, name: str, size: int, align: int, flags: int, ctor: int) -> int:
        if " " in name:
            self._traps.warn()
        if flags & SLAB_DEBUG_INITIAL and not ctor:
            self._traps.printk(f"<3>kmem_cache_create: No con, but init state check requested - {name}\n")
            flags &= ~SLAB_DEBUG_INITIAL
        if flags & SLAB_DESTROY_BY_RCU and flags & SLAB_POISON:
            self._traps.bug()
        return self._forced(name, size, align, flags)

    def _fill(self, cachep: int, name: int, flags: int, ctor: int, dtor: int, shape: Geometry) -> None:
        super()._fill(cachep, name, flags, ctor, dtor, shape)
        c = (cachep ^ 0xC0000000) >> 2
        self._w[c + self._obj_offset], self._w[c + self._obj_size] = shape.obj_offset, shape.obj_size

    def kmem_cache_size(self, cachep: int) -> int:
        """Bytes of an object."""
        return self._w[((cachep ^ 0xC0000000) >> 2) + self._obj_size]

    def obj_offset(self, cachep: int) -> int:
        """Bytes before an object in its place: its red zone."""
        return self._w[((cachep ^ 0xC0000000) >> 2) + self._obj_offset]

    def last_user(self, cachep: int, obj: int) -> int | None:
        """The address that asked for an object or gave it back last, 0 for the kernel itself; None: it is not kept."""
        c = (cachep ^ 0xC0000000) >> 2
        if not self._w[c + self._flags] & SLAB_STORE_USER:
            return None
        return self._w[self._user_at(c, obj - self._w[c + self._obj_offset])]

    # an object's place, in word indexes

    def _red_zones(self, c: int, objp: int) -> tuple[int, int]:
        w = self._w
        i = (objp ^ 0xC0000000) >> 2
        last = i + (w[c + self._buffer_size] >> 2) - 1
        return i, last - 1 if w[c + self._flags] & SLAB_STORE_USER else last

    def _user_at(self, c: int, objp: int) -> int:
        return ((objp ^ 0xC0000000) >> 2) + (self._w[c + self._buffer_size] >> 2) - 1

    def _set_red_zones(self, c: int, objp: int, value: int) -> None:
        for i in self._red_zones(c, objp):
            self._w[i] = value

    def _bytes(self, c: int, objp: int) -> slice:
        start = (objp ^ 0xC0000000) + self._w[c + self._obj_offset]
        return slice(start, start + self._w[c + self._obj_size])

    def _poison(self, c: int, objp: int, value: int) -> None:
        self._memory[self._bytes(c, objp)] = poison(value, self._w[c + self._obj_size])

    def _index(self, c: int, slab: int, objp: int) -> int:
        s_mem = self._w[((slab ^ 0xC0000000) >> 2) + _S_MEM]
        return (objp - s_mem & 0xFFFFFFFF) * self._w[c + self._reciprocal] >> 32

    def _bufctl(self, slab: int, number: int) -> int:
        return ((slab + SLAB_SIZE + 4 * number & 0xFFFFFFFF) ^ 0xC0000000) >> 2

    # slabs

    def _cache_grow(self, cachep: int, flags: int) -> bool:
        grown = super()._cache_grow(cachep, flags)
        if grown:
            self._w[((cachep ^ 0xC0000000) >> 2) + self._grown] += 1
        return grown

    def _init_objs(self, cachep: int, s_mem: int, how: int) -> None:
        w, c = self._w, (cachep ^ 0xC0000000) >> 2
        flags, size, ctor = w[c + self._flags], w[c + self._buffer_size], w[c + self._ctor]
        for objp in range(s_mem, s_mem + w[c + self._num] * size, size):
            if flags & SLAB_POISON:
                self._poison(c, objp, POISON_FREE)
            if flags & SLAB_STORE_USER:
                w[self._user_at(c, objp)] = 0
            if flags & SLAB_RED_ZONE:
                self._set_red_zones(c, objp, RED_INACTIVE)
            if ctor and not flags & SLAB_POISON:
                self._call(ctor, objp + w[c + self._obj_offset], cachep, how)
            if flags & SLAB_RED_ZONE:
                before, behind = self._red_zones(c, objp)
                if w[behind] != RED_INACTIVE:
                    self._slab_error("cache_init_objs", cachep, "constructor overwrote the end of an object")
                if w[before] != RED_INACTIVE:
                    self._slab_error("cache_init_objs", cachep, "constructor overwrote the start of an object")

    def _destroy_objs(self, cachep: int, s_mem: int) -> None:
        w, c = self._w, (cachep ^ 0xC0000000) >> 2
        flags, size, dtor = w[c + self._flags], w[c + self._buffer_size], w[c + self._dtor]
        for objp in range(s_mem, s_mem + w[c + self._num] * size, size):
            if flags & SLAB_POISON:
                self._check_poison_obj(cachep, objp)
            if flags & SLAB_RED_ZONE:
                before, behind = self._red_zones(c, objp)
                if w[before] != RED_INACTIVE:
                    self._slab_error("slab_destroy_objs", cachep, "start of a freed object was overwritten")
                if w[behind] != RED_INACTIVE:
                    self._slab_error("slab_destroy_objs", cachep, "end of a freed object was overwritten")
            if dtor and not flags & SLAB_POISON:
                self._call(dtor, objp + w[c + self._obj_offset], cachep, 0)

    def _take_from_slabs(self, c: int, a: int, l3: int, batch: int) -> int:
        w = self._w
        if w[c + self._flags] & SLAB_DEBUG_FREE:
            taken = self._take_checked(c, a, l3, batch)
        else:
            taken = super()._take_from_slabs(c, a, l3, batch)
        w[c + self._num_active] += taken
        w[c + self._num_allocations] = w[c + self._num_allocations] + taken & 0xFFFFFFFF
        w[c + self._high_mark] = max(w[c + self._high_mark], w[c + self._num_active])
        return taken

    def _take_checked(self, c: int, a: int, l3: int, batch: int) -> int:
        """Objects one by one, each marked as out of its slab; every slab is checked before and afterwards."""
        w, taken = self._w, 0
        while taken < batch and (slab := self._first_slab(l3)):
            s = (slab ^ 0xC0000000) >> 2
            self._check_slabp(c, slab)
            for _ in range(max(1, min(batch - taken, w[c + self._num] - w[s + _S_INUSE]))):
                number = w[s + _S_FREE]
                taken += super()._take_from_slabs(c, a, l3, 1)
                w[self._bufctl(slab, number)] = BUFCTL_FREE
            self._check_slabp(c, slab)
        return taken + super()._take_from_slabs(c, a, l3, batch - taken)

    def _first_slab(self, l3: int) -> int:
        """The slab that the next object comes from; 0 for none."""
        for head in (l3 + self._partial, l3 + self._free):
            if (slab := self._w[(head ^ 0xC0000000) >> 2]) != head:
                return slab
        return 0

    def _free_block(self, cachep: int, objects: Iterable[int]) -> None:
        w, c = self._w, (cachep ^ 0xC0000000) >> 2
        for objp in objects:
            if w[c + self._flags] & SLAB_DEBUG_FREE:
                slab = self._virt_to_slab(objp)
                self._check_slabp(c, slab)
                if w[self._bufctl(slab, self._index(c, slab, objp))] + 1 & 0xFFFFFFFF <= SLAB_LIMIT + 1:
                    name = self.name(cachep)
                    self._traps.printk(f"<3>slab: double free detected in cache '{name}', objp {objp:08x}\n")
                    self._traps.bug()
            w[c + self._num_active] = w[c + self._num_active] - 1 & 0xFFFFFFFF
            super()._free_block(cachep, (objp,))

    def _flush_array(self, cachep: int, a: int) -> None:
        super()._flush_array(cachep, a)
        w, c = self._w, (cachep ^ 0xC0000000) >> 2
        freeable = sum(1 for _ in list_for_each(w, w[c + self._nodelists] + self._free))
        w[c + self._max_freeable] = max(w[c + self._max_freeable], freeable)

    def _check_slabp(self, c: int, slab: int) -> None:
        """BUG where a slab's chain of free objects does not fit its count."""
        w, num = self._w, self._w[c + self._num]
        s = (slab ^ 0xC0000000) >> 2
        inuse, number, entries = w[s + _S_INUSE], w[s + _S_FREE], 0
        while number != BUFCTL_END:
            entries += 1
            if entries > num or number >= num:
                break
            number = w[s + _S_BUFCTL + number]
        else:
            if entries == num - inuse:
                return
        signed = inuse - (inuse >> 31 << 32)
        self._traps.printk(
            f"<3>slab: Internal list corruption detected in cache '{self.name(PAGE_OFFSET ^ c << 2)}'({num}), "
            f"slabp {slab:08x}({signed}). Hexdump:\n"
        )
        data = w[s : s + _S_BUFCTL + num].tobytes()
        for at in range(0, len(data), _LINE):
            self._traps.printk(f"\n{at:03x}: {data[at : at + _LINE].hex(' ')}")
        self._traps.printk("\n")
        self._traps.bug()

    # objects

    def _cache_alloc(self, cachep: int, flags: int) -> int:
        w, c = self._w, (cachep ^ 0xC0000000) >> 2
        if w[c + self._flags] & SLAB_DEBUG_FREE and (flags ^ w[c + self._gfpflags]) & GFP_DMA:
            self._traps.bug()  # kmem_flagcheck
        hit = w[(w[c + self._traps.cpu] ^ 0xC0000000) >> 2]
        try:
            objp = super()._cache_alloc(cachep, flags)
        except KernelBug:
            self._say_source(self._traps.caller)
            raise
        count = c + (self._allochit if hit else self._allocmiss)
        w[count] = w[count] + 1 & 0xFFFFFFFF
        return self._debugcheck_after(cachep, flags, objp) if objp else 0

    def _debugcheck_after(self, cachep: int, gfp_mask: int, objp: int) -> int:
        """cache_alloc_debugcheck_after: nobody has written to it since it was free; from now on it is in use."""
        w, c = self._w, (cachep ^ 0xC0000000) >> 2
        flags, ctor = w[c + self._flags], w[c + self._ctor]
        if flags & SLAB_POISON:
            self._check_poison_obj(cachep, objp)
            self._poison(c, objp, POISON_INUSE)
        if flags & SLAB_STORE_USER:
            w[self._user_at(c, objp)] = self._traps.caller
        if flags & SLAB_RED_ZONE:
            before, behind = self._red_zones(c, objp)
            if w[before] != RED_INACTIVE or w[behind] != RED_INACTIVE:
                message = "double free, or memory outside object was overwritten"
                self._slab_error("cache_alloc_debugcheck_after", cachep, message)
                self._traps.printk(f"<3>{objp:08x}: redzone 1:{w[before]:#x}, redzone 2:{w[behind]:#x}\n")
            w[before] = w[behind] = RED_ACTIVE
        obj = objp + w[c + self._obj_offset]
        if ctor and flags & SLAB_POISON:
            try:
                self._call(ctor, obj, cachep, CTOR_CONSTRUCTOR | (0 if gfp_mask & GFP_WAIT else CTOR_ATOMIC))
            except BaseException:
                self._make_free(c, objp)
                super()._cache_free(cachep, objp)
                raise
        return obj

    def _make_free(self, c: int, objp: int) -> None:
        flags = self._w[c + self._flags]
        if flags & SLAB_RED_ZONE:
            self._set_red_zones(c, objp, RED_INACTIVE)
        if flags & SLAB_POISON:
            self._poison(c, objp, POISON_FREE)

    def _cache_free(self, cachep: int, objp: int) -> None:
        w, c = self._w, (cachep ^ 0xC0000000) >> 2
        objp = self._free_debugcheck(cachep, objp)
        a = (w[c + self._traps.cpu] ^ 0xC0000000) >> 2
        count = c + (self._freehit if w[a] < w[a + 1] else self._freemiss)
        w[count] = w[count] + 1 & 0xFFFFFFFF
        super()._cache_free(cachep, objp)

    def _free_debugcheck(self, cachep: int, obj: int) -> int:
        """cache_free_debugcheck: the object is one, and nobody has written beside it; its place."""
        w, c = self._w, (cachep ^ 0xC0000000) >> 2
        flags = w[c + self._flags]
        objp = obj - w[c + self._obj_offset]
        slab = self._virt_to_slab(objp)
        if flags & SLAB_RED_ZONE:
            self._verify_redzone_free(cachep, objp)
            self._set_red_zones(c, objp, RED_INACTIVE)
        if flags & SLAB_STORE_USER:
            w[self._user_at(c, objp)] = self._traps.caller
        if flags & SLAB_DEBUG_FREE:
            number = self._index(c, slab, objp)
            if number >= w[c + self._num]:
                self._traps.bug()
            if objp != w[((slab ^ 0xC0000000) >> 2) + _S_MEM] + number * w[c + self._buffer_size]:
                self._traps.bug()
        try:
            if flags & SLAB_DEBUG_INITIAL:
                self._call(w[c + self._ctor], obj, cachep, CTOR_CONSTRUCTOR | CTOR_VERIFY)
            if flags & SLAB_POISON and (dtor := w[c + self._dtor]):
                self._call(dtor, obj, cachep, 0)
        except BaseException:
            if flags & SLAB_RED_ZONE:
                self._set_red_zones(c, objp, RED_ACTIVE)
            raise
        if flags & SLAB_POISON:
            self._poison(c, objp, POISON_FREE)
        return objp

    def kmalloc(self, size: int, flags: int) -> int:
        """At least `size` bytes, or 0; more than 128 KB is always 0."""
        cachep = self.kmem_find_general_cachep(size, flags)
        obj = self._cache_alloc(cachep, flags) if cachep else 0
        if (emit := self._events.kmalloc) is not None:
            room = self._w[((cachep ^ 0xC0000000) >> 2) + self._buffer_size] if cachep else 0
            emit(self._traps.caller, obj, size, room, flags)
        return obj

    def kfree(self, objp: int) -> None:
        """Free what kmalloc gave; NULL is ignored, a pointer outside of memory or into no slab is a BUG."""
        if (emit := self._events.kfree) is not None:
            emit(self._traps.caller, objp)
        if not objp:
            return
        try:
            if (objp - PAGE_OFFSET & 0xFFFFFFFF) >> PAGE_SHIFT >= self._w[self._max_mapnr]:
                self._traps.printk(f"<3>kfree_debugcheck: out of range ptr {objp:x}h.\n")
                self._traps.bug()
            self._cache_free(self._virt_to_cache(objp), objp)
        except KernelBug:
            self._say_source(self._traps.caller)
            raise

    def kmem_cache_free(self, cachep: int, objp: int) -> None:
        """Give an object back. A BUG where it is not of this cache."""
        try:
            super().kmem_cache_free(cachep, objp)
        except KernelBug:
            self._say_source(self._traps.caller)
            raise

    def _count_reaped(self, c: int, slabs: int) -> None:
        self._w[c + self._reaped] += slabs

    # reports

    def _slab_error(self, function: str, cachep: int, message: str) -> None:
        super()._slab_error(function, cachep, message)
        self._say_source(self._traps.caller)

    def _say_source(self, address: int) -> None:
        """The line of the program that made a call; the kernel itself knows the address only."""
        if source := self._place(address)[1]:
            self._traps.printk(f"<3>Source: {source}\n")

    def _verify_redzone_free(self, cachep: int, objp: int) -> None:
        w, c = self._w, (cachep ^ 0xC0000000) >> 2
        before, behind = (w[i] for i in self._red_zones(c, objp))
        if before == behind == RED_ACTIVE:
            return
        twice = before == behind == RED_INACTIVE
        message = "double free detected" if twice else "memory outside object was overwritten"
        self._slab_error("verify_redzone_free", cachep, message)
        self._traps.printk(f"<3>{objp:08x}: redzone 1:{before:#x}, redzone 2:{behind:#x}.\n")
        self._say_user(c, objp)  # which 2.6.20 keeps to itself here

    def _say_user(self, c: int, objp: int) -> None:
        if self._w[c + self._flags] & SLAB_STORE_USER:
            user = self._w[self._user_at(c, objp)]
            self._traps.printk(f"<3>Last user: [<{user:08x}>]({self._place(user)[0]})\n")
            self._say_source(user)

    def _check_poison_obj(self, cachep: int, objp: int) -> None:
        """Report who has written to a free object: what it holds now, and its neighbours."""
        w, c = self._w, (cachep ^ 0xC0000000) >> 2
        size = w[c + self._obj_size]
        data, right = self._memory[self._bytes(c, objp)].tobytes(), poison(POISON_FREE, size)
        if data == right:
            return
        obj = objp + w[c + self._obj_offset]
        self._traps.printk(f"<3>Slab corruption: start={obj:08x}, len={size}\n")
        self._say_object(c, objp, 0)
        at = lines = 0
        while at < size and lines < _MOST_LINES:
            if data[at] != right[at]:
                at &= -_LINE
                self._dump_line(data, at)
                at += _LINE  # and one more: 2.6.20 does not look at the first byte behind a line that it shows
                lines += 1
            at += 1
        slab = self._virt_to_slab(objp)
        number = self._index(c, slab, objp)
        for word, other in (("Prev", number - 1), ("Next", number + 1)):
            if 0 <= other < w[c + self._num]:
                neighbour = objp + (other - number) * w[c + self._buffer_size]
                self._traps.printk(f"<3>{word} obj: start={neighbour + w[c + self._obj_offset]:08x}, len={size}\n")
                self._say_object(c, neighbour, 2)

    def _say_object(self, c: int, objp: int, lines: int) -> None:
        """print_objinfo: an object's red zones and last user, and its first `lines` lines of 16 bytes."""
        w = self._w
        if w[c + self._flags] & SLAB_RED_ZONE:
            before, behind = (w[i] for i in self._red_zones(c, objp))
            self._traps.printk(f"<3>Redzone: {before:#x}/{behind:#x}.\n")
        self._say_user(c, objp)
        data = self._memory[self._bytes(c, objp)].tobytes()
        for at in range(0, min(len(data), _LINE * lines), _LINE):
            self._dump_line(data, at)

    def _dump_line(self, data: bytes, at: int) -> None:
        line = data[at : at + _LINE]
        self._traps.printk(f"<3>{at:03x}: {line.hex(' ')}\n")
        wrong = [byte for byte in line if byte != POISON_FREE]
        if len(wrong) == 1 and (wrong[0] ^ POISON_FREE).bit_count() == 1:
            self._traps.printk("<3>Single bit error detected. Probably bad RAM.\n")
            self._traps.printk("<3>Run memtest86+ or a similar memory test tool.\n")
