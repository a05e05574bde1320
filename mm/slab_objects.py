"""Objects and slabs: the allocating half of the slab allocator (mm/slab.c, 2.6.20).

A cache is named by the virtual address of its `struct kmem_cache`, a slab by that of its `struct slab`; 0 is NULL.
Each cache has an array of free objects per CPU (last in, first out), optionally one array shared by the CPUs, and
the node's three lists of slabs. A slab's free objects are chained through the bufctl array behind its descriptor.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable
from contextlib import suppress

from mm.errors import KernelFault
from mm.events import Events
from mm.gfp import GFP_DMA, GFP_LEVEL_MASK, GFP_NO_GROW, GFP_WAIT
from mm.layout import PAGE_OFFSET, PAGE_SHIFT, Layout
from mm.list import Words, list_add, list_add_tail, list_del, list_for_each
from mm.page_alloc import PageAllocator
from mm.page_flags import PG_compound, PG_slab
from mm.slab_geometry import BUFCTL_END, CFLGS_OFF_SLAB
from mm.traps import Traps

SLAB_RECLAIM_ACCOUNT = 0x20000
SLAB_DESTROY_BY_RCU = 0x80000
CTOR_CONSTRUCTOR = 1
CTOR_ATOMIC = 2
BATCHREFILL_LIMIT = 16
NR_SLAB_RECLAIMABLE = 3
NR_SLAB_UNRECLAIMABLE = 4

# Words of struct slab, the same in every configuration.
_S_COLOUROFF, _S_MEM, _S_INUSE, _S_FREE, _S_NODEID, _S_BUFCTL = 2, 3, 4, 5, 6, 7
# Words of struct array_cache; the entries lie behind it.
_AC_AVAIL, _AC_LIMIT, _AC_BATCH, _AC_TOUCHED = range(4)


class SlabObjects:
    """Allocating and freeing objects over a page allocator.

    w, memory: lowmem in words and in bytes. layout, events, traps: see their modules. call_guest(function,
    *arguments) runs a constructor or destructor of the guest's. read_string(va) reads a cache's name.
    """

    def __init__(
        self, w: Words, memory: memoryview, layout: Layout, events: Events, traps: Traps, pages: PageAllocator,
        call_guest: Callable[..., int], read_string: Callable[[int], str],
    ) -> None:  # fmt: skip
        self._w = w
        self._memory = memory
        self._layout = layout
        self._events = events
        self._traps = traps
        self._pages = pages
        self._call_guest = call_guest
        # Constructors and destructors that are our own code, by their address; put in where the kernel is wired.
        self.own_functions: dict[int, Callable[[int], None]] = {}
        self._read_string = read_string
        self._mem_map = pages.mem_map
        self._page_size = pages.page_size

        cache = layout["kmem_cache"]
        self._nr_cpus = layout.nr_cpus
        self._batchcount = cache.word("batchcount")
        self._limit = cache.word("limit")
        self._shared = cache.word("shared")
        self._buffer_size = cache.word("buffer_size")
        self._reciprocal = cache.word("reciprocal_buffer_size")
        self._nodelists = cache.word("nodelists")
        self._flags = cache.word("flags")
        self._num = cache.word("num")
        self._gfporder = cache.word("gfporder")
        self._gfpflags = cache.word("gfpflags")
        self._colour = cache.word("colour")
        self._colour_off = cache.word("colour_off")
        self._slabp_cache = cache.word("slabp_cache")
        self._slab_size = cache.word("slab_size")
        self._ctor = cache.word("ctor")
        self._dtor = cache.word("dtor")
        self._name = cache.word("name")
        self._next = cache.offset("next")
        l3 = layout["kmem_list3"]
        self._partial, self._full, self._free = (l3.offset(f"slabs_{kind}") for kind in ("partial", "full", "free"))
        self._free_objects = l3.word("free_objects")
        self._free_limit = l3.word("free_limit")
        self._colour_next = l3.word("colour_next")
        self._l3_shared = l3.word("shared")
        self._alien = l3.word("alien")
        self._next_reap = l3.word("next_reap")
        self._free_touched = l3.word("free_touched")
        self._entry = layout["array_cache"].words
        self._ac_size = layout["array_cache"].size

        # RCU's part, put in where the kernel is wired: keep a slab for its readers; wait for those of a cache.
        self.defer: Callable[[int], bool] = lambda slab: False
        self.synchronize: Callable[[int], None] = lambda cachep: None
        self.nr_freed = 0  # pages of slabs given back, for who frees memory to compare before and after
        self.cache_cache = layout.va("cache_cache")
        self.cache_chain = layout.va("cache_chain")
        self._sizes = layout.kmalloc_sizes
        self._malloc_sizes = (layout.va("malloc_sizes") ^ 0xC0000000) >> 2
        self._zone_stat = layout["zone"].word("vm_stat")
        self._vm_stat = (layout.va("vm_stat") ^ 0xC0000000) >> 2
        self._jiffies = (layout.va("jiffies") ^ 0xC0000000) >> 2
        self._cpucache_up = (layout.va("g_cpucache_up") ^ 0xC0000000) >> 2
        self._break_order = (layout.va("slab_break_gfp_order") ^ 0xC0000000) >> 2

    # slabs

    def _cache_grow(self, cachep: int, flags: int) -> bool:
        """Give the cache one more slab."""
        w, pages = self._w, self._pages
        if flags & ~(GFP_DMA | GFP_LEVEL_MASK):
            self._traps.bug()
        if flags & GFP_NO_GROW:
            return False
        c = (cachep ^ 0xC0000000) >> 2
        l3 = (w[c + self._nodelists] ^ 0xC0000000) >> 2
        if (flags ^ w[c + self._gfpflags]) & GFP_DMA:
            self._traps.bug()  # kmem_flagcheck
        order = w[c + self._gfporder]
        page = pages.alloc_pages(flags | w[c + self._gfpflags], order)
        if not page:
            return False
        start = PAGE_OFFSET + (pages.page_to_pfn(page) << PAGE_SHIFT)
        slab = 0
        if w[c + self._flags] & CFLGS_OFF_SLAB:
            try:
                slab = self.kmem_cache_alloc(w[c + self._slabp_cache], flags & GFP_LEVEL_MASK & ~GFP_DMA)
            finally:
                if not slab:
                    pages.free_pages(start, order)
            if not slab:
                return False
        colour = w[l3 + self._colour_next]
        w[l3 + self._colour_next] = colour + 1 if colour + 1 < w[c + self._colour] else 0
        offset = colour * w[c + self._colour_off]
        if not slab:
            slab = start + offset
            offset += w[c + self._slab_size]
        step = self._page_size >> 2
        p = (page ^ 0xC0000000) >> 2
        for i in range(p, p + (step << order), step):
            w[i] |= PG_slab
            w[i + 6], w[i + 7] = cachep, slab
        self._count_pages(page, c, 1 << order)

        s, num = (slab ^ 0xC0000000) >> 2, w[c + self._num]
        w[s + _S_COLOUROFF], w[s + _S_MEM], w[s + _S_INUSE], w[s + _S_FREE] = offset, start + offset, 0, 0
        w[s + _S_NODEID] = 0
        w[s + _S_BUFCTL : s + _S_BUFCTL + num] = words([*range(1, num), BUFCTL_END])
        try:
            self._init_objs(cachep, start + offset, CTOR_CONSTRUCTOR | (0 if flags & GFP_WAIT else CTOR_ATOMIC))
        except BaseException:
            self._free_slab(cachep, start, slab)
            raise
        list_add_tail(w, slab, w[c + self._nodelists] + self._free)
        w[l3 + self._free_objects] += num
        return True

    def _count_pages(self, page: int, c: int, pages: int) -> None:
        w = self._w
        item = NR_SLAB_RECLAIMABLE if w[c + self._flags] & SLAB_RECLAIM_ACCOUNT else NR_SLAB_UNRECLAIMABLE
        for i in (((self._pages.page_zone(page) ^ 0xC0000000) >> 2) + self._zone_stat + item, self._vm_stat + item):
            w[i] = w[i] + pages & 0xFFFFFFFF

    def _init_objs(self, cachep: int, s_mem: int, how: int) -> None:
        """cache_init_objs: construct the objects of a new slab. how: CTOR_..."""
        w, c = self._w, (cachep ^ 0xC0000000) >> 2
        if ctor := w[c + self._ctor]:
            for i in range(w[c + self._num]):
                self._call(ctor, s_mem + i * w[c + self._buffer_size], cachep, how)

    def _call(self, function: int, obj: int, cachep: int, how: int) -> None:
        """Call a constructor or destructor, a guest's or our own."""
        if own := self.own_functions.get(function):
            own(obj)
        else:
            self._call_guest(function, obj, cachep, how)

    def _destroy_objs(self, cachep: int, s_mem: int) -> None:
        """slab_destroy_objs: destroy the objects of a slab that goes."""
        w, c = self._w, (cachep ^ 0xC0000000) >> 2
        if dtor := w[c + self._dtor]:
            for i in range(w[c + self._num]):
                self._call(dtor, s_mem + i * w[c + self._buffer_size], cachep, 0)

    def _slab_destroy(self, cachep: int, slab: int) -> None:
        w, s = self._w, (slab ^ 0xC0000000) >> 2
        s_mem = w[s + _S_MEM]
        self._destroy_objs(cachep, s_mem)
        if w[((cachep ^ 0xC0000000) >> 2) + self._flags] & SLAB_DESTROY_BY_RCU and self.defer(slab):
            return
        self._free_slab(cachep, s_mem - w[s + _S_COLOUROFF] & 0xFFFFFFFF, slab)

    def cache_of(self, slab: int) -> int:
        """The cache that a slab belongs to, by its pages."""
        return self._virt_to_cache(self._w[((slab ^ 0xC0000000) >> 2) + _S_MEM])

    def free_deferred(self, slab: int) -> None:
        """Give back a slab that `defer` kept: kmem_rcu_free."""
        s = (slab ^ 0xC0000000) >> 2
        self._free_slab(self.cache_of(slab), self._w[s + _S_MEM] - self._w[s + _S_COLOUROFF] & 0xFFFFFFFF, slab)

    def _free_slab(self, cachep: int, start: int, slab: int) -> None:
        """Give back the pages of a slab, which begin at `start`, and its descriptor."""
        w, pages = self._w, self._pages
        c = (cachep ^ 0xC0000000) >> 2
        order = w[c + self._gfporder]
        self.nr_freed += 1 << order
        page = pages.virt_to_page(start)
        p, step = (page ^ 0xC0000000) >> 2, self._page_size >> 2
        self._count_pages(page, c, -1 << order)
        for i in range(p, p + (step << order), step):
            if not w[i] & PG_slab:
                self._traps.bug()
            w[i] &= ~PG_slab
        pages.free_pages(start, order)
        if w[c + self._flags] & CFLGS_OFF_SLAB:
            self.kmem_cache_free(w[c + self._slabp_cache], slab)

    def _refill(self, cachep: int, flags: int) -> int:
        """cache_alloc_refill: fill the CPU's array from the shared array or the slabs; one object, or 0."""
        w = self._w
        c = (cachep ^ 0xC0000000) >> 2
        a = (w[c + self._traps.cpu] ^ 0xC0000000) >> 2
        while True:
            batch = w[a + _AC_BATCH]
            if not w[a + _AC_TOUCHED] and batch > BATCHREFILL_LIMIT:
                batch = BATCHREFILL_LIMIT
            l3_va = w[c + self._nodelists]
            l3 = (l3_va ^ 0xC0000000) >> 2
            shared = w[l3 + self._l3_shared]
            taken = self._transfer(a, (shared ^ 0xC0000000) >> 2, batch) if shared else 0
            if not taken:
                taken = self._take_from_slabs(c, a, l3_va, batch)
                w[l3 + self._free_objects] = w[l3 + self._free_objects] - taken & 0xFFFFFFFF
            if not taken:
                grown = self._cache_grow(cachep, flags)
                a = (w[c + self._traps.cpu] ^ 0xC0000000) >> 2
                if not w[a]:
                    if not grown:
                        return 0
                    continue
            w[a + _AC_TOUCHED] = 1
            avail = w[a] - 1
            w[a] = avail
            return w[a + self._entry + avail]

    def _transfer(self, to: int, source: int, most: int) -> int:
        """transfer_objects: from the end of one array to the end of another."""
        w = self._w
        count = min(w[source], most, w[to + _AC_LIMIT] - w[to])
        if count:
            first = source + self._entry + w[source] - count
            at = to + self._entry + w[to]
            w[at : at + count] = w[first : first + count]
            w[source] -= count
            w[to] += count
            w[to + _AC_TOUCHED] = 1
        return count

    def _take_from_slabs(self, c: int, a: int, l3: int, batch: int) -> int:
        w, size, num = self._w, self._w[c + self._buffer_size], self._w[c + self._num]
        taken = 0
        while taken < batch:
            head = l3 + self._partial
            slab = w[(head ^ 0xC0000000) >> 2]
            if slab == head:
                w[((l3 ^ 0xC0000000) >> 2) + self._free_touched] = 1
                head = l3 + self._free
                slab = w[(head ^ 0xC0000000) >> 2]
                if slab == head:
                    break
            s = (slab ^ 0xC0000000) >> 2
            s_mem, inuse, free = w[s + _S_MEM], w[s + _S_INUSE], w[s + _S_FREE]
            at = a + self._entry + w[a]
            before = taken
            while inuse < num and taken < batch:
                w[at] = s_mem + size * free & 0xFFFFFFFF
                at += 1
                inuse += 1
                taken += 1
                free = w[((slab + 28 + 4 * free & 0xFFFFFFFF) ^ 0xC0000000) >> 2]
            if taken == before:
                self._traps.bug()  # a full slab on a wrong list: 2.6.20 would go round for ever
            w[s + _S_INUSE], w[s + _S_FREE] = inuse, free
            w[a] += taken - before
            list_del(w, slab)
            if free == BUFCTL_END:
                list_add(w, slab, l3 + self._full)
            else:
                list_add(w, slab, l3 + self._partial)
        return taken

    def _free_block(self, cachep: int, objects: Iterable[int]) -> None:
        """free_block: give objects back to their slabs; slabs that are free and too many go back as pages."""
        w = self._w
        c = (cachep ^ 0xC0000000) >> 2
        reciprocal = w[c + self._reciprocal]
        l3_va = w[c + self._nodelists]
        l3 = (l3_va ^ 0xC0000000) >> 2
        for obj in objects:
            slab = self._virt_to_slab(obj)
            s = (slab ^ 0xC0000000) >> 2
            list_del(w, slab)
            index = (obj - w[s + _S_MEM] & 0xFFFFFFFF) * reciprocal >> 32
            w[((slab + 28 + 4 * index & 0xFFFFFFFF) ^ 0xC0000000) >> 2] = w[s + _S_FREE]
            w[s + _S_FREE] = index
            inuse = w[s + _S_INUSE] - 1 & 0xFFFFFFFF
            w[s + _S_INUSE] = inuse
            free_objects = w[l3 + self._free_objects] + 1 & 0xFFFFFFFF
            w[l3 + self._free_objects] = free_objects
            if inuse:
                list_add_tail(w, slab, l3_va + self._partial)
            elif free_objects > w[l3 + self._free_limit]:
                w[l3 + self._free_objects] = free_objects - w[c + self._num] & 0xFFFFFFFF
                self._slab_destroy(cachep, slab)
            else:
                list_add(w, slab, l3_va + self._free)

    def _flush_array(self, cachep: int, a: int) -> None:
        """cache_flusharray: the oldest objects of a full array move to the shared array or to the slabs."""
        w = self._w
        c = (cachep ^ 0xC0000000) >> 2
        batch = w[a + _AC_BATCH]
        first = a + self._entry
        shared = w[((w[c + self._nodelists] ^ 0xC0000000) >> 2) + self._l3_shared]
        i = (shared ^ 0xC0000000) >> 2
        room = w[i + _AC_LIMIT] - w[i] if shared else 0
        if room:
            batch = min(batch, room)
            at = i + self._entry + w[i]
            w[at : at + batch] = w[first : first + batch]
            w[i] += batch
        else:
            self._free_block(cachep, w[first : first + batch])
        avail = w[a] - batch
        w[a] = avail
        w[first : first + avail] = w[first + batch : first + batch + avail]

    # objects

    def kmem_cache_alloc(self, cachep: int, flags: int) -> int:
        """An object of the cache, or 0."""
        obj = self._cache_alloc(cachep, flags)
        emit = self._events.kmem_cache_alloc
        if emit is not None:
            size = self._w[((cachep ^ 0xC0000000) >> 2) + self._buffer_size]
            emit(self._traps.caller, obj, self.kmem_cache_size(cachep), size, flags)
        return obj

    def _cache_alloc(self, cachep: int, flags: int) -> int:
        if flags & GFP_WAIT:
            self._traps.might_sleep()
        w = self._w
        a = (w[((cachep ^ 0xC0000000) >> 2) + self._traps.cpu] ^ 0xC0000000) >> 2
        avail = w[a]
        if not avail:
            return self._refill(cachep, flags)
        avail -= 1
        w[a] = avail
        w[a + _AC_TOUCHED] = 1
        return w[a + self._entry + avail]

    def kmem_cache_zalloc(self, cachep: int, flags: int) -> int:
        """An object of the cache filled with zeros, or 0."""
        obj = self.kmem_cache_alloc(cachep, flags)
        if obj:
            self._clear(obj, self.kmem_cache_size(cachep))
        return obj

    def _clear(self, obj: int, size: int) -> None:
        pa = obj ^ 0xC0000000
        self._memory[pa : pa + size] = bytes(size)

    def kmem_cache_free(self, cachep: int, objp: int) -> None:
        """Give an object back. A BUG where it is not of this cache."""
        if self._virt_to_cache(objp) != cachep:
            self._traps.bug()
        self._cache_free(cachep, objp)
        emit = self._events.kmem_cache_free
        if emit is not None:
            emit(self._traps.caller, objp)

    def _cache_free(self, cachep: int, objp: int) -> None:
        w = self._w
        a = (w[((cachep ^ 0xC0000000) >> 2) + self._traps.cpu] ^ 0xC0000000) >> 2
        avail = w[a]
        if avail >= w[a + _AC_LIMIT]:
            self._flush_array(cachep, a)
            avail = w[a]
        w[a + self._entry + avail] = objp
        w[a] = avail + 1

    def kmem_cache_size(self, cachep: int) -> int:
        """Bytes of an object, alignment included."""
        return self._w[((cachep ^ 0xC0000000) >> 2) + self._buffer_size]

    def obj_offset(self, cachep: int) -> int:
        """Bytes before an object in its place: 0, but for those with red zones."""
        return 0

    def last_user(self, cachep: int, obj: int) -> int | None:
        """The address that asked for an object or gave it back last, 0 for the kernel itself; None: it is not kept."""
        return None

    def kmem_cache_name(self, cachep: int) -> int:
        """Address of the cache's name."""
        return self._w[((cachep ^ 0xC0000000) >> 2) + self._name]

    def kmem_ptr_validate(self, cachep: int, ptr: int) -> int:
        """1 where `ptr`, which may be anything, lies in a slab of the cache on a word's border, else 0."""
        w = self._w
        size = w[((cachep ^ 0xC0000000) >> 2) + self._buffer_size]
        if ptr < PAGE_OFFSET or ptr & 3 or (ptr ^ 0xC0000000) + size > 4 * len(w):
            return 0
        p = (self._pages.virt_to_page(ptr) ^ 0xC0000000) >> 2
        return int(w[p] & PG_slab != 0 and w[p + 6] == cachep)

    def name(self, cachep: int) -> str:
        """The cache's name as text."""
        return self._read_string(self.kmem_cache_name(cachep))

    def find(self, name: str) -> int:
        """The cache of that name, 0 where there is none. A cache that has lost its name is passed over."""
        for cachep in self.caches():
            with suppress(KernelFault):
                if self.name(cachep) == name:
                    return cachep
        return 0

    def caches(self) -> list[int]:
        """All caches, the newest first: the order of /proc/slabinfo."""
        return [entry - self._next for entry in list_for_each(self._w, self.cache_chain)]

    # kmalloc

    def kmem_find_general_cachep(self, size: int, flags: int) -> int:
        """The general cache that kmalloc takes `size` bytes from; 0 for more than 128 KB."""
        index = bisect_left(self._sizes, size)
        return self._w[self._malloc_sizes + 3 * index + (2 if flags & GFP_DMA else 1)]

    def kmalloc(self, size: int, flags: int) -> int:
        """At least `size` bytes, or 0; more than 128 KB is always 0."""
        # Its helpers are written out here and in kfree: 15 % of the pair.
        if flags & GFP_WAIT:
            self._traps.might_sleep()
        w = self._w
        cachep = w[self._malloc_sizes + 3 * bisect_left(self._sizes, size) + (2 if flags & GFP_DMA else 1)]
        obj = 0
        if cachep:
            a = (w[((cachep ^ 0xC0000000) >> 2) + self._traps.cpu] ^ 0xC0000000) >> 2
            avail = w[a]
            if avail:
                avail -= 1
                w[a] = avail
                w[a + _AC_TOUCHED] = 1
                obj = w[a + self._entry + avail]
            else:
                obj = self._refill(cachep, flags)
        emit = self._events.kmalloc
        if emit is not None:
            emit(self._traps.caller, obj, size, self.kmem_cache_size(cachep) if cachep else 0, flags)
        return obj

    def kzalloc(self, size: int, flags: int) -> int:
        """kmalloc, filled with zeros."""
        obj = self.kmalloc(size, flags)
        if obj:
            self._clear(obj, size)
        return obj

    def kcalloc(self, n: int, size: int, flags: int) -> int:
        """kzalloc of n * size bytes; 0 where the product does not fit a size_t."""
        return self.kzalloc(n * size, flags) if n * size < 1 << 32 else 0

    def krealloc(self, p: int, new_size: int, flags: int) -> int:
        """Grow an object by moving it where it must (2.6.22). A new size of 0 frees it."""
        if not p:
            return self.kmalloc(new_size, flags)
        if not new_size:
            self.kfree(p)
            return 0
        old = self.ksize(p)
        if old >= new_size:
            return p
        new = self.kmalloc(new_size, flags)
        if new:
            source, to = p ^ 0xC0000000, new ^ 0xC0000000
            self._memory[to : to + old] = self._memory[source : source + old]
            self.kfree(p)
        return new

    def ksize(self, objp: int) -> int:
        """Bytes that may really be used at `objp`; 0 for NULL."""
        return self.kmem_cache_size(self._virt_to_cache(objp)) if objp else 0

    def kfree(self, objp: int) -> None:
        """Free what kmalloc gave; NULL is ignored, a pointer into no slab is a BUG."""
        emit = self._events.kfree
        if emit is not None:
            emit(self._traps.caller, objp)
        if not objp:
            return
        w = self._w
        pfn = (objp - PAGE_OFFSET & 0xFFFFFFFF) >> PAGE_SHIFT
        p = (self._mem_map + pfn * self._page_size ^ 0xC0000000) >> 2
        if w[p] & (PG_compound | PG_slab) != PG_slab:
            p = self._page_of(objp)
        cachep = w[p + 6]
        a = (w[((cachep ^ 0xC0000000) >> 2) + self._traps.cpu] ^ 0xC0000000) >> 2
        avail = w[a]
        if avail >= w[a + _AC_LIMIT]:
            self._flush_array(cachep, a)
            avail = w[a]
        w[a + self._entry + avail] = objp
        w[a] = avail + 1

    def _page_of(self, objp: int) -> int:
        page = self._mem_map + ((objp - PAGE_OFFSET & 0xFFFFFFFF) >> PAGE_SHIFT) * self._page_size
        p = ((page & 0xFFFFFFFF) ^ 0xC0000000) >> 2
        if self._w[p] & PG_compound:
            p = (self._w[p + 3] ^ 0xC0000000) >> 2
        if not self._w[p] & PG_slab:
            self._traps.bug()
        return p

    def _virt_to_cache(self, objp: int) -> int:
        return self._w[self._page_of(objp) + 6]

    def _virt_to_slab(self, objp: int) -> int:
        return self._w[self._page_of(objp) + 7]


def words(values: list[int]) -> array[int]:
    """A list of 32-bit words in a form that can be stored in guest memory at once."""
    return array("I", values)
