"""Caches (mm/slab.c, 2.6.20): the bootstrap, making and unmaking them, the sizes of their arrays.

`SlabAllocator` is the whole allocator; the way of an object is in `mm.slab_objects`, arithmetic in `mm.slab_geometry`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable

from mm.errors import BootError, KernelFault
from mm.events import Events
from mm.gfp import GFP_DMA, GFP_KERNEL
from mm.layout import Layout
from mm.list import Words, init_list_head, list_add, list_add_tail, list_del, list_empty, list_for_each
from mm.page_alloc import PageAllocator
from mm.slab_geometry import (
    CFLGS_OFF_SLAB,
    MAX_OBJ_SIZE,
    SHARED_BATCHCOUNT,
    SLAB_SIZE,
    Geometry,
    cache_estimate,
    geometry,
    reciprocal_value,
    tunables,
)  # fmt: skip
from mm.slab_objects import SLAB_DESTROY_BY_RCU, SLAB_RECLAIM_ACCOUNT
from mm.slab_reap import REAPTIMEOUT_LIST3, SlabReap
from mm.traps import Traps

SLAB_HWCACHE_ALIGN = 0x2000
SLAB_CACHE_DMA = 0x4000
SLAB_MUST_HWCACHE_ALIGN = 0x8000
SLAB_PANIC = 0x40000
SLAB_MEM_SPREAD = 0x100000
CREATE_MASK = (
    SLAB_HWCACHE_ALIGN | SLAB_CACHE_DMA | SLAB_MUST_HWCACHE_ALIGN | SLAB_RECLAIM_ACCOUNT | SLAB_PANIC
    | SLAB_DESTROY_BY_RCU | SLAB_MEM_SPREAD
)  # fmt: skip
BAD_ALIEN_MAGIC = 0x01020304

BOOT_CPUCACHE_ENTRIES = 1
_ALL = 1 << 20  # slabs: more than there can be

_NONE, _PARTIAL_AC, _PARTIAL_L3, _FULL = range(4)  # g_cpucache_up
ENOMEM, EINVAL = 12, 22


class SlabAllocator(SlabReap):
    """The slab allocator. See SlabObjects for the arguments; panic(text) does not return."""

    _create_mask = CREATE_MASK

    def __init__(
        self, w: Words, memory: memoryview, layout: Layout, events: Events, traps: Traps, pages: PageAllocator,
        call_guest: Callable[..., int], read_string: Callable[[int], str], panic: Callable[[str], None],
    ) -> None:  # fmt: skip
        super().__init__(w, memory, layout, events, traps, pages, call_guest, read_string)
        self._panic = panic
        self._nr_online = (layout.va("nr_cpus_online") ^ 0xC0000000) >> 2

    # boot

    def kmem_cache_init(self) -> None:
        """Bootstrap: a static cache of caches, then the caches that its arrays and lists come from, then all."""
        w, layout = self._w, self._layout
        l3_size = layout["kmem_list3"].size
        initlists = [layout.va("initkmem_list3") + i * l3_size for i in range(3)]
        for l3 in initlists:
            self._list3_init(l3)
        w[self._break_order] = 1 if w[(layout.va("num_physpages") ^ 0xC0000000) >> 2] > 32 << 8 else 0
        init_list_head(w, self.cache_chain)
        line = layout.l1

        c = (self.cache_cache ^ 0xC0000000) >> 2
        size = layout["kmem_cache"].size + line - 1 & -line
        order, num, left = next(
            (order, *estimate) for order in range(6) if (estimate := cache_estimate(order, size, line, False))[0]
        )
        w[c + self._buffer_size] = size
        w[c + self._reciprocal] = reciprocal_value(size)
        w[c + self._num], w[c + self._gfporder] = num, order
        w[c + self._colour_off], w[c + self._colour] = line, left // line
        w[c + self._slab_size] = SLAB_SIZE + 4 * num + line - 1 & -line
        w[c + self._name] = layout.strings["kmem_cache"]
        w[c + self._batchcount], w[c + self._limit], w[c + self._shared] = 1, BOOT_CPUCACHE_ENTRIES, 1
        self._boot_array(layout.va("initarray_cache"))
        w[c] = layout.va("initarray_cache")
        w[c + self._nodelists] = initlists[0]
        list_add(w, self.cache_cache + self._next, self.cache_chain)

        w[self._cpucache_up] = _NONE
        index_ac = bisect_left(self._sizes, layout["arraycache_init"].size)
        index_l3 = bisect_left(self._sizes, l3_size)
        self._boot_lists = [initlists[1], initlists[2]]
        for i in (index_ac, index_l3):
            w[self._malloc_sizes + 3 * i] = self._sizes[i]
            w[self._malloc_sizes + 3 * i + 1] = self._create_general(i, 0)
        for i, object_size in enumerate(self._sizes):
            w[self._malloc_sizes + 3 * i] = object_size
            if not w[self._malloc_sizes + 3 * i + 1]:
                w[self._malloc_sizes + 3 * i + 1] = self._create_general(i, 0)
            w[self._malloc_sizes + 3 * i + 2] = self._create_general(i, SLAB_CACHE_DMA)
        w[self._malloc_sizes + 3 * len(self._sizes)] = 0xFFFFFFFF

        ac_cache, l3_cache = (w[self._malloc_sizes + 3 * i + 1] for i in (index_ac, index_l3))
        for cache in (self.cache_cache, ac_cache):
            self._replace_array(cache)
        for cache, l3 in ((self.cache_cache, initlists[0]), (ac_cache, initlists[1]), (l3_cache, initlists[2])):
            self._replace_list3(cache, l3)
        for entry in list_for_each(w, self.cache_chain):
            self._enable_cpucache(entry - self._next)
        w[self._cpucache_up] = _FULL

    def _create_general(self, i: int, flags: int) -> int:
        name = f"size-{self._sizes[i]}" + ("(DMA)" if flags else "")
        return self._create(
            self._layout.strings[name], self._sizes[i], 0, SLAB_HWCACHE_ALIGN | SLAB_PANIC | flags, 0, 0,
            early=self._w[self._cpucache_up] < _PARTIAL_L3,
        )  # fmt: skip

    def _list3_init(self, l3: int) -> None:
        w = self._w
        for head in (self._full, self._partial, self._free):
            init_list_head(w, l3 + head)
        i = (l3 ^ 0xC0000000) >> 2
        for word in (
            self._free_objects, self._free_limit, self._colour_next, self._l3_shared, self._next_reap,
            self._free_touched,
        ):  # fmt: skip
            w[i + word] = 0
        w[i + self._alien] = 0
        if self._layout.smp:
            w[i + self._layout["kmem_list3"].word("list_lock")] = 0

    def _boot_array(self, ac: int) -> None:
        i = (ac ^ 0xC0000000) >> 2
        self._w[i], self._w[i + 1], self._w[i + 2], self._w[i + 3] = 0, BOOT_CPUCACHE_ENTRIES, 1, 0

    def _replace_array(self, cachep: int) -> None:
        w = self._w
        new = self.kmalloc(self._layout["arraycache_init"].size, GFP_KERNEL)
        c, i, j = ((va ^ 0xC0000000) >> 2 for va in (cachep, w[(cachep ^ 0xC0000000) >> 2], new))
        words = self._layout["arraycache_init"].words
        w[j : j + words] = w[i : i + words]
        w[c] = new

    def _replace_list3(self, cachep: int, l3: int) -> None:
        w = self._w
        new = self.kmalloc(self._layout["kmem_list3"].size, GFP_KERNEL)
        i, j = (l3 ^ 0xC0000000) >> 2, (new ^ 0xC0000000) >> 2
        words = self._layout["kmem_list3"].words
        w[j : j + words] = w[i : i + words]
        for head in (self._partial, self._full, self._free):  # MAKE_LIST: the entries move to the new head
            entries = list(list_for_each(w, l3 + head))
            init_list_head(w, new + head)
            for entry in entries:
                list_add_tail(w, entry, new + head)
        w[((cachep ^ 0xC0000000) >> 2) + self._nodelists] = new

    # making and unmaking caches

    def kmem_cache_create(self, name: int, size: int, align: int, flags: int, ctor: int, dtor: int) -> int:
        """A cache of objects of `size` bytes; 0 where the name is taken or there is no memory.

        name: address of a C string that must live as long as the cache. ctor, dtor: guest functions, 0 for none.
        BUG for a size of less than 4 bytes or more than 128 KB, no name, a destructor alone, an unknown flag.
        """
        if not name or size < 4 or size > MAX_OBJ_SIZE or (dtor and not ctor):
            shown = self._read_string(name) if name else "<NULL>"
            self._traps.printk(f"<3>kmem_cache_create: Early error in slab {shown}\n")
            self._traps.bug()
        return self._create(name, size, align, flags, ctor, dtor, early=False)

    def _create(self, name: int, size: int, align: int, flags: int, ctor: int, dtor: int, early: bool) -> int:
        w, text = self._w, self._read_string(name)
        for other in self.caches():
            try:
                taken = self.name(other) == text
            except KernelFault:
                size_of_other = self.kmem_cache_size(other)
                self._traps.printk(f"SLAB: cache with size {size_of_other} has lost its name\n")
                continue
            if taken:
                self._traps.printk(f"kmem_cache_create: duplicate cache {text}\n")
                self._traps.dump_stack()
                return self._create_failed(text, flags)
        flags = self._debug_flags(text, size, align, flags, ctor)
        if flags & ~self._create_mask or (flags & SLAB_DESTROY_BY_RCU and dtor):
            self._traps.bug()
        shape = geometry(size, align, flags, self._layout.l1, w[self._break_order], early)
        cachep = self.kmem_cache_zalloc(self.cache_cache, GFP_KERNEL)
        if not cachep:
            return self._create_failed(text, flags)
        if not shape.num:
            self._traps.printk(f"kmem_cache_create: couldn't create cache {text}.\n")
            self.kmem_cache_free(self.cache_cache, cachep)
            return self._create_failed(text, flags)
        self._fill(cachep, name, flags, ctor, dtor, shape)
        well = False
        try:
            well = self._setup_cpu_cache(cachep)
        finally:
            if not well:
                self._release_cache(cachep)
        if not well:
            return self._create_failed(text, flags)
        list_add(w, cachep + self._next, self.cache_chain)
        return cachep

    def _debug_flags(self, name: str, size: int, align: int, flags: int, ctor: int) -> int:
        return flags

    def _create_failed(self, name: str, flags: int) -> int:
        if flags & SLAB_PANIC:
            self._panic(f"kmem_cache_create(): failed to create slab `{name}'\n")
        return 0

    def _fill(self, cachep: int, name: int, flags: int, ctor: int, dtor: int, shape: Geometry) -> None:
        w = self._w
        c = (cachep ^ 0xC0000000) >> 2
        w[c + self._flags] = flags | (CFLGS_OFF_SLAB if shape.off_slab else 0)
        w[c + self._num] = shape.num
        w[c + self._gfporder] = shape.gfporder
        w[c + self._gfpflags] = GFP_DMA if flags & SLAB_CACHE_DMA else 0
        w[c + self._buffer_size] = shape.buffer_size
        w[c + self._reciprocal] = reciprocal_value(shape.buffer_size)
        w[c + self._slab_size] = shape.slab_size
        w[c + self._colour_off] = shape.colour_off
        w[c + self._colour] = shape.colour
        if shape.off_slab:
            w[c + self._slabp_cache] = self.kmem_find_general_cachep(shape.slab_size, 0)
            if not w[c + self._slabp_cache]:
                self._traps.bug()
        w[c + self._ctor], w[c + self._dtor], w[c + self._name] = ctor, dtor, name

    def _setup_cpu_cache(self, cachep: int) -> bool:
        w = self._w
        state = w[self._cpucache_up]
        if state == _FULL:
            well = self._enable_cpucache(cachep)
            if not well:
                self._traps.printk(f"<3>enable_cpucache failed for {self.name(cachep)}, error 12.\n")
            return well
        c = (cachep ^ 0xC0000000) >> 2
        if state == _NONE:
            w[c] = self._layout.va("initarray_generic")
            w[c + self._nodelists] = self._boot_lists[0]
        else:
            w[c] = self.kmalloc(self._layout["arraycache_init"].size, GFP_KERNEL)
            if state == _PARTIAL_AC:
                w[c + self._nodelists] = self._boot_lists[1]
            else:
                w[c + self._nodelists] = self.kmalloc(self._layout["kmem_list3"].size, GFP_KERNEL)
                self._list3_init(w[c + self._nodelists])
        w[self._cpucache_up] = min(state + 1, _PARTIAL_L3)
        self._boot_array(w[c])
        w[((w[c + self._nodelists] ^ 0xC0000000) >> 2) + self._next_reap] = self._reap_time(cachep)
        w[c + self._batchcount], w[c + self._limit] = 1, BOOT_CPUCACHE_ENTRIES
        return True

    def _reap_time(self, cachep: int) -> int:
        return self._w[self._jiffies] + REAPTIMEOUT_LIST3 + cachep % REAPTIMEOUT_LIST3 & 0xFFFFFFFF

    def _enable_cpucache(self, cachep: int) -> bool:
        size = self._w[((cachep ^ 0xC0000000) >> 2) + self._buffer_size]
        return self._tune_cpucache(cachep, *tunables(size, self._layout.smp, self._layout.slab_debug))

    def _online(self) -> range:
        return range(min(self._w[self._nr_online], self._nr_cpus))

    def cpuup_prepare(self, cpu: int) -> None:
        """A CPU comes up: an array for it in every cache (cpuup_callback). BootError without memory."""
        w = self._w
        for cachep in self.caches():
            c = (cachep ^ 0xC0000000) >> 2
            ac = self._alloc_arraycache(w[c + self._limit], w[c + self._batchcount])
            if not ac:
                raise BootError(f"the kernel has no memory for the arrays of CPU {cpu}")
            w[c + cpu] = ac
            i = (w[c + self._nodelists] ^ 0xC0000000) >> 2
            w[i + self._free_limit] = (1 + cpu + 1) * w[c + self._batchcount] + w[c + self._num]

    def _tune_cpucache(self, cachep: int, limit: int, batchcount: int, shared: int) -> bool:
        """do_tune_cpucache: new arrays of the new size for every online CPU, then the node's shared array.

        Without memory nothing changes; 2.6.20 gets the shared array last and keeps the old one where it fails.
        """
        w = self._w
        c = (cachep ^ 0xC0000000) >> 2
        update = self.kzalloc(self._layout["ccupdate_struct"].size, GFP_KERNEL)
        if not update:
            return False
        new = ((update ^ 0xC0000000) >> 2) + 1
        new_shared = 0
        try:
            for cpu in self._online():
                w[new + cpu] = self._alloc_arraycache(limit, batchcount)
                if not w[new + cpu]:
                    return False
            new_shared = self._alloc_arraycache(shared * batchcount, SHARED_BATCHCOUNT)
            if not new_shared or not self._have_list3(cachep):
                return False
            w[new - 1] = cachep
            for cpu in self._online():
                w[c + cpu], w[new + cpu] = w[new + cpu], w[c + cpu]
            w[c + self._batchcount], w[c + self._limit], w[c + self._shared] = batchcount, limit, shared
        finally:  # the new arrays where something is missing, else the old ones
            for cpu in self._online():
                if unused := w[new + cpu]:
                    self._free_entries(cachep, unused)
                    self.kfree(unused)
            if new_shared and not w[new - 1]:
                self.kfree(new_shared)
            self.kfree(update)
        self._replace_shared(cachep, new_shared)
        return True

    def _alloc_arraycache(self, entries: int, batchcount: int) -> int:
        ac = self.kmalloc(self._ac_size + 4 * entries, GFP_KERNEL)
        if ac:
            i = (ac ^ 0xC0000000) >> 2
            self._w[i], self._w[i + 1], self._w[i + 2], self._w[i + 3] = 0, entries, batchcount, 0
            if self._layout.smp:
                self._w[i + 4] = 0
        return ac

    def _have_list3(self, cachep: int) -> bool:
        """Give the cache its slab lists if it has none yet."""
        w = self._w
        c = (cachep ^ 0xC0000000) >> 2
        if w[c + self._nodelists]:
            return True
        l3 = self.kmalloc(self._layout["kmem_list3"].size, GFP_KERNEL)
        if not l3:
            return False
        self._list3_init(l3)
        w[((l3 ^ 0xC0000000) >> 2) + self._next_reap] = self._reap_time(cachep)
        w[c + self._nodelists] = l3
        return True

    def _replace_shared(self, cachep: int, new_shared: int) -> None:
        w = self._w
        c = (cachep ^ 0xC0000000) >> 2
        i = (w[c + self._nodelists] ^ 0xC0000000) >> 2
        old = w[i + self._l3_shared]
        if old:
            self._free_entries(cachep, old)
        w[i + self._l3_shared] = new_shared
        w[i + self._alien] = BAD_ALIEN_MAGIC  # not NUMA
        w[i + self._free_limit] = (1 + len(self._online())) * w[c + self._batchcount] + w[c + self._num]
        self.kfree(old)

    def slabinfo_write(self, name: str, limit: int, batchcount: int, shared: int) -> int:
        """Tune a cache: 0, or -EINVAL (no such cache, or the numbers do not fit together), or -ENOMEM.

        Objects in the old arrays go back to their slabs. 2.6.20 takes wrong numbers in silence and does nothing.
        """
        cachep = self.find(name)
        if not cachep or limit < 1 or batchcount < 1 or batchcount > limit or shared < 0:
            return -EINVAL
        return 0 if self._tune_cpucache(cachep, limit, batchcount, shared) else -ENOMEM

    def kmem_cache_destroy(self, cachep: int) -> None:
        """Free a cache. With live objects it stays, and the kernel says so."""
        if not cachep:
            self._traps.bug()
        w = self._w
        list_del(w, cachep + self._next)
        if self._cache_shrink(cachep):
            self._slab_error("kmem_cache_destroy", cachep, "Can't free all objects")
            list_add(w, cachep + self._next, self.cache_chain)
            return
        try:
            self.synchronize(cachep)
        except BaseException:
            list_add(w, cachep + self._next, self.cache_chain)
            raise
        self._release_cache(cachep)

    def _release_cache(self, cachep: int) -> None:
        w = self._w
        c = (cachep ^ 0xC0000000) >> 2
        for cpu in range(self._nr_cpus):
            self.kfree(w[c + cpu])
        if l3 := w[c + self._nodelists]:
            self.kfree(w[((l3 ^ 0xC0000000) >> 2) + self._l3_shared])
            self.kfree(l3)
        self.kmem_cache_free(self.cache_cache, cachep)

    def kmem_cache_shrink(self, cachep: int) -> int:
        """Give every free slab back; 1 where slabs with objects remain, else 0."""
        if not cachep:
            self._traps.bug()
        return self._cache_shrink(cachep)

    def _cache_shrink(self, cachep: int) -> int:
        w = self._w
        c = (cachep ^ 0xC0000000) >> 2
        for cpu in self._online():
            self._free_entries(cachep, w[c + cpu])
        l3 = w[c + self._nodelists]
        i = (l3 ^ 0xC0000000) >> 2
        if w[i + self._l3_shared]:
            self._free_entries(cachep, w[i + self._l3_shared])
        self._drain_freelist(cachep, _ALL)
        return int(not list_empty(w, l3 + self._full) or not list_empty(w, l3 + self._partial))

    def reap_free_slabs(self) -> None:
        """Give every slab back that has no objects in use. 2.6.20 leaves that to cache_reap, every two seconds."""
        for cachep in self.caches():
            self._drain_freelist(cachep, _ALL)

    def _free_entries(self, cachep: int, ac: int) -> None:
        a = (ac ^ 0xC0000000) >> 2
        avail = self._w[a]
        self._free_block(cachep, self._w[a + self._entry : a + self._entry + avail].tolist())
        self._w[a] = 0

    def _slab_error(self, function: str, cachep: int, message: str) -> None:
        self._traps.printk(f"<3>slab error in {function}(): cache `{self.name(cachep)}': {message}\n")
        self._traps.dump_stack()
