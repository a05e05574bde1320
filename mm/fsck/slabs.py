"""Slabs: their lists, their chains of free objects, their pages; and that no object is in two places."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mm.fsck.caches import (
    ALLOCATED,
    FREE,
    IN_ARRAY,
    Cache,
    Objects,
    Recognizer,
    check_array,
    is_array,
    read_array,
    want_geometry,
)
from mm.fsck.image import variable_damage
from mm.fsck.memory import MOST, Frames, Memory, View, shown
from mm.fsck.params import Kernel
from mm.fsck.report import SLAB
from mm.fsck.slab_debug import check_statistics
from mm.kernel_caches import kernel_cache
from mm.layout import PAGE_OFFSET, PAGE_SHIFT
from mm.page_flags import ZONES_SHIFT, PG_slab
from mm.slab import CREATE_MASK
from mm.slab_geometry import BUFCTL_END, DEBUG_MASK, MAX_OBJ_SIZE, SHARED_BATCHCOUNT, SLAB_SIZE, tunables
from mm.slab_objects import SLAB_RECLAIM_ACCOUNT

_BAD_ALIEN_MAGIC = 0x01020304
_LISTS = ("slabs_partial", "slabs_full", "slabs_free")
_FREE_LIST = 2
_COLOUROFF, _S_MEM, _INUSE, _FREE, _NODEID, _BUFCTL = 2, 3, 4, 5, 6, 7


@dataclass(slots=True)
class _Pages:
    """What the pages marked PG_slab say themselves: cache -> slab -> (first frame, number of frames)."""

    slabs: dict[int, dict[int, tuple[int, int]]]


class Slabs:
    """The checks of the slab allocator. They claim its frames and fill `objects`."""

    def __init__(self, memory: Memory, kernel: Kernel) -> None:
        self._memory = memory
        self._layout = kernel.layout
        self._smp = kernel.layout.smp
        self._online = memory.cpus
        self.objects = Objects(memory)
        self._lru_next = memory.column("lru")
        self._lru_prev = memory.column("lru.prev")
        self._flags = memory.column("flags")
        self._pages = self._read_pages()
        self._next = memory.offset("kmem_cache", "next")

    def _read_pages(self) -> _Pages:
        frames = np.flatnonzero(self._flags[: self._memory.limits.max_low_pfn] & np.uint32(PG_slab))
        keys = self._lru_next[frames].astype(np.uint64) << np.uint64(32) | self._lru_prev[frames]
        pairs, first, counts = np.unique(keys, return_index=True, return_counts=True)
        slabs: dict[int, dict[int, tuple[int, int]]] = {}
        for pair, start, count in zip(pairs.tolist(), frames[first].tolist(), counts.tolist()):
            slabs.setdefault(pair >> 32, {})[pair & 0xFFFFFFFF] = (start, count)
        return _Pages(slabs)

    def check(self) -> list[list[int]]:
        """Check everything; per zone the pages of reclaimable and of other slabs."""
        self._find_caches()
        self._rcu_slabs = self._read_rcu_slabs()
        for number, cache in enumerate(self.objects.caches):
            self._read_slabs(cache)
            self.objects.place(number, cache)
        for cache in self.objects.caches:
            self._read_arrays(cache)
        for cache in self.objects.caches:
            self._check_cache(cache)
        self._check_malloc_sizes()
        return self._count_pages()

    def _read_rcu_slabs(self) -> set[int]:
        """The slabs that wait for their readers."""
        memory, head = self._memory, self._layout.va("rcu_slabs")
        slabs = memory.walk(
            head, ("rcu_slabs", head, "list"), lambda slab: memory.has(slab, SLAB_SIZE),
            lambda slab: ("struct slab of", slab, "list"),
        )  # fmt: skip
        mask, cpus = memory.variable("rcu_cpumask"), memory.cpus
        if bool(mask) != bool(slabs) or mask >> cpus:
            text = f"is {mask:#x}, {len(slabs)} slabs wait, and there are {cpus} CPUs"
            variable_damage(memory, "rcu_cpumask", text)
        return set(slabs)

    def _find_caches(self) -> None:
        memory, size = self._memory, self._layout["kmem_cache"].size
        head = self._layout.va("cache_chain")
        entries = memory.walk(
            head, ("cache_chain", head, "list"), lambda entry: memory.has(entry - self._next, size),
            lambda entry: (f"struct kmem_cache {self._name(entry - self._next)}", entry - self._next, "next"),
        )  # fmt: skip
        recognizer = Recognizer(memory)
        for entry in entries:
            cache = recognizer.recognize(entry - self._next, set(self.objects.by_name))
            self.objects.caches.append(cache)
            self.objects.by_name.setdefault(cache.name, cache)
        for name in self._memory.layout.kernel_caches:  # one whose name is wrong is known by all the rest
            if name not in self.objects.by_name:
                self._rename(recognizer, name)

    def _rename(self, recognizer: Recognizer, name: str) -> None:
        for i, cache in enumerate(self.objects.caches):
            if not cache.known and recognizer.looks_like(cache.view, name):
                self.objects.by_name.pop(cache.name, None)
                self.objects.caches[i] = self.objects.by_name[name] = recognizer.named(cache.va, name)
                return

    def _name(self, va: int) -> str:
        return Recognizer(self._memory).recognize(va, set()).name

    # slabs

    def _list3(self, cache: Cache) -> int:
        """Address of the cache's lists; 0 where the pointer leads to none."""
        memory = self._memory
        l3 = cache.view["nodelists"]
        size = self._layout["kmem_list3"].size
        if not memory.has(l3, size):
            return 0
        heads = [l3 + memory.offset("kmem_list3", name) for name in _LISTS]
        sound = sum(memory.has(memory.word(h), 8) and memory.word(memory.word(h) + 4) == h for h in heads)
        return l3 if sound + (memory.word(l3 + memory.offset("kmem_list3", "alien")) == _BAD_ALIEN_MAGIC) > 1 else 0

    def _read_slabs(self, cache: Cache) -> None:
        memory, num = self._memory, cache.shape.num
        size = SLAB_SIZE + 4 * num
        l3 = self._list3(cache)
        found: dict[int, int] = {}  # slab -> its list
        for i, field in enumerate(_LISTS if l3 else ()):
            head = l3 + memory.offset("kmem_list3", field)
            for slab in memory.walk(
                head, (f"kmem_list3 of {cache.name}", l3, field), lambda slab: memory.has(slab, size),
                lambda slab: (f"struct slab of {cache.name}", slab, "list"),
            ):  # fmt: skip
                if slab in found:
                    text = f"is on {field} and {_LISTS[found[slab]]}"
                    memory.damage(f"struct slab of {cache.name}", slab, "list", text)
                found.setdefault(slab, i)
        pages = self._pages.slabs.get(cache.va, {})
        for slab, (start, _) in pages.items():
            if slab in self._rcu_slabs:
                found.setdefault(slab, _FREE_LIST)
                cache.waiting += 1
            elif slab not in found and memory.has(slab, size):
                s_mem, colouroff = memory.word(slab + 4 * _S_MEM), memory.word(slab + 4 * _COLOUROFF)
                if s_mem - colouroff == PAGE_OFFSET + (start << PAGE_SHIFT):
                    found[slab] = -1
                    if l3:
                        memory.damage(f"struct slab of {cache.name}", slab, "list", "is on no list of its cache")
        cache.slabs = list(found)
        if not found:
            cache.state = np.zeros((0, num), dtype=np.uint8)
            return
        index = (np.array(cache.slabs, dtype=np.int64) - PAGE_OFFSET) >> 2
        self._read_places(cache, index, pages)
        self._read_chains(cache, index, list(found.values()))
        starts = np.array([start for start in cache.starts if start >= 0], dtype=np.int64)
        memory.claim(starts, cache.shape.gfporder, SLAB, f"a slab of {cache.name}")
        self._check_pages(cache)

    def _read_places(self, cache: Cache, index: Frames, pages: dict[int, tuple[int, int]]) -> None:
        """Find each slab's pages and first object, and compare s_mem and colouroff with them."""
        words, shape = self._memory.words, cache.shape
        inner = 0 if shape.off_slab else shape.slab_size
        count = 1 << shape.gfporder
        s_mem, colouroff = words[index + _S_MEM].astype(np.int64), words[index + _COLOUROFF].astype(np.int64)
        start, rest = np.divmod(s_mem - colouroff - PAGE_OFFSET, 1 << PAGE_SHIFT)
        colour, colour_rest = np.divmod(colouroff - inner, shape.colour_off)
        good = (rest == 0) & (start >= 0) & (start <= self._memory.limits.max_low_pfn - count) & (colour_rest == 0)
        good &= (colour >= 0) & (colour < max(1, shape.colour))
        if not shape.off_slab:
            good &= s_mem == np.array(cache.slabs) + inner
        witness = [pages.get(slab, (-1, 0)) for slab in cache.slabs]
        whole = np.array([first if n == count else -1 for first, n in witness])
        fine = good & ((whole == start) | (whole < 0))
        cache.s_mem, cache.starts = s_mem.tolist(), np.where(fine, start, -1).tolist()
        for row in np.flatnonzero(~fine).tolist():
            self._misplaced(cache, row, witness[row][0], inner)
        for row in np.flatnonzero(words[index + _NODEID]).tolist()[:MOST]:
            value = int(words[index[row] + _NODEID])
            self._slab_damage(cache, row, "nodeid", f"is {shown(value)}, should be 0")

    def _slab_damage(self, cache: Cache, row: int, field: str, text: str) -> None:
        self._memory.damage(f"struct slab of {cache.name}", cache.slabs[row], field, text)

    def _misplaced(self, cache: Cache, row: int, first: int, inner: int) -> None:
        """Say what is wrong with a slab whose s_mem and colouroff do not lead to its pages; go on with those."""
        memory, slab = self._memory, cache.slabs[row]
        title = f"struct slab of {cache.name}"
        s_mem, colouroff = memory.word(slab + 4 * _S_MEM), memory.word(slab + 4 * _COLOUROFF)
        if first < 0:
            memory.damage(title, slab, "", f"has no pages: none says that it is its slab, s_mem is {s_mem:08x}, "
                          f"colouroff {shown(colouroff)}")  # fmt: skip
            return
        start = PAGE_OFFSET + (first << PAGE_SHIFT)
        right = slab + inner if inner else s_mem if self._colour_fits(cache, s_mem - start) else start + colouroff
        if s_mem != right:
            memory.damage(title, slab, "s_mem", f"is {s_mem:08x}, should be {right:08x}")
        if colouroff != right - start:
            memory.damage(title, slab, "colouroff", f"is {shown(colouroff)}, should be {shown(right - start)}")
        cache.s_mem[row], cache.starts[row] = right, first

    def _colour_fits(self, cache: Cache, offset: int) -> bool:
        colour, rest = divmod(offset, cache.shape.colour_off)
        return not rest and 0 <= colour < max(1, cache.shape.colour)

    def _read_chains(self, cache: Cache, index: Frames, lists: list[int]) -> None:
        """Follow the chains of free objects of all slabs at once, compare inuse and the list that each is on."""
        words, num = self._memory.words, cache.shape.num
        n = len(index)
        rows = np.arange(n)
        state = np.zeros((n, num), dtype=np.uint8)
        current = words[index + _FREE].astype(np.int64)
        before = np.full(n, -1, dtype=np.int64)
        broken = np.zeros(n, dtype=bool)
        for _ in range(num + 1):
            active = (current != BUFCTL_END) & ~broken
            if not active.any():
                break
            wild = active & (current >= num)
            self._wild_links(cache, np.flatnonzero(wild), before, current)
            active &= ~wild
            again = np.zeros(n, dtype=bool)
            again[active] = state[rows[active], current[active]] == FREE
            self._cycles(cache, np.flatnonzero(again), current)
            broken |= wild | again
            active &= ~again
            state[rows[active], current[active]] = FREE
            before = np.where(active, current, before)
            current[active] = words[index[active] + _BUFCTL + current[active]]
        cache.state, cache.sound = state, ~broken
        free = state.sum(axis=1, dtype=np.int64)
        inuse = words[index + _INUSE].astype(np.int64)
        for row in np.flatnonzero(~broken & (inuse != num - free)).tolist()[:MOST]:
            text = f"is {shown(int(inuse[row]))}, the chain of free objects leaves {num - int(free[row])}"
            self._slab_damage(cache, row, "inuse", text)
        used = np.where(broken & (inuse <= num), inuse, num - free)
        cache.free_objects = int((num - used).sum())
        wanted = np.where(used == num, 1, np.where(used == 0, 2, 0))
        on = np.array(lists)
        for row in np.flatnonzero((on >= 0) & (on != wanted)).tolist()[:MOST]:
            text = f"is on {_LISTS[on[row]]} with {int(used[row])} of {num} objects in use"
            self._slab_damage(cache, row, "list", text)

    def _wild_links(self, cache: Cache, rows: Frames, before: Frames, current: Frames) -> None:
        for row in rows[:MOST].tolist():
            field = f"bufctl[{before[row]}]" if before[row] >= 0 else "free"
            text = f"is {shown(int(current[row]))}, the slab has {cache.shape.num} objects"
            self._slab_damage(cache, row, field, text)

    def _cycles(self, cache: Cache, rows: Frames, current: Frames) -> None:
        for row in rows[:MOST].tolist():
            number = int(current[row])
            va = cache.object(row, number)
            text = f"is met twice in the chain of free objects: double free of object {va:08x}"
            self._slab_damage(cache, row, f"bufctl[{number}]", text)

    def _check_pages(self, cache: Cache) -> None:
        pairs = [(start, slab) for start, slab in zip(cache.starts, cache.slabs) if start >= 0]
        starts = np.array([start for start, _ in pairs], dtype=np.int64)
        slabs = np.array([slab for _, slab in pairs], dtype=np.uint32)
        for page in range(1 << cache.shape.gfporder):
            frames = starts + page
            for column, right, field, what in (
                (self._lru_next, np.full(len(slabs), cache.va, dtype=np.uint32), "lru.next", "its cache"),
                (self._lru_prev, slabs, "lru.prev", "its slab"),
            ):
                for i in np.flatnonzero(column[frames] != right).tolist()[:MOST]:
                    value = int(column[frames[i]])
                    self._memory.page_damage(int(frames[i]), field, f"is {value:08x}, {what} is {int(right[i]):08x}")

    # arrays

    def _tunables(self, cache: Cache) -> tuple[int, int, int]:
        """(limit, batchcount, shared) of a cache: what it began with or what was written to slabinfo."""
        first, own, arrays = self._witnesses(cache)
        limit, batch, shared = (
            it if it in (there, begun) else begun if there == begun else it
            for begun, it, there in zip(first, own, arrays)
        )
        most = MAX_OBJ_SIZE >> 2
        return (limit, batch, shared) if 1 <= batch <= limit <= most and shared * batch <= most else first

    def _witnesses(self, cache: Cache) -> tuple[tuple[int, int, int], ...]:
        """A cache's tunables: those it began with, those that it says, those that its arrays say (0 for no array)."""
        memory, view = self._memory, cache.view
        own = (view["limit"], view["batchcount"], view["shared"])
        array, l3 = view["array[0]"], self._list3(cache)
        limit, batch = (memory.word(array + 4), memory.word(array + 8)) if memory.has(array, 12) else (0, 0)
        shared = memory.word(l3 + memory.offset("kmem_list3", "shared")) if l3 else 0
        capacity = memory.word(shared + 4) if memory.has(shared, 8) else 0
        first = tunables(cache.shape.buffer_size, self._smp, self._layout.slab_debug)
        return first, own, (limit, batch, capacity // (own[1] or 1))

    def _check_tunables(self, cache: Cache) -> None:
        first, own, arrays = self._witnesses(cache)
        right = self._tunables(cache)
        for name, value, begun, said in zip(("limit", "batchcount", "shared"), right, first, arrays):
            if cache.view.want(name, value) and value not in (begun, said):
                cache.view.bad(name, f"is {value}, its arrays say {shown(said)}")

    def _arrays(self, cache: Cache) -> list[tuple[int, str, int, int, str]]:
        """(address, title, limit, batchcount, member that points to it) of each array that the cache must have."""
        limit, batch, shared = self._tunables(cache)
        found = [
            (cache.view[f"array[{cpu}]"], f"array_cache of {cache.name}, CPU {cpu}", limit, batch, f"array[{cpu}]")
            for cpu in range(self._online)
        ]
        if l3 := self._list3(cache):
            va = self._memory.word(l3 + self._memory.offset("kmem_list3", "shared"))
            found.append((va, f"shared array_cache of {cache.name}", shared * batch, SHARED_BATCHCOUNT, "shared"))
        return found

    def _read_arrays(self, cache: Cache) -> None:
        for va, title, limit, batchcount, _ in self._arrays(cache):
            place = self.objects.find(va)
            name = self.objects.general(self._layout["array_cache"].size + 4 * limit)
            if place is None or place[0].name != name or not is_array(self._memory, va, limit, batchcount):
                continue
            for i, entry in enumerate(read_array(self._memory, va, limit)):
                entry += cache.shape.obj_offset  # arrays have the place, with its red zone
                found = self.objects.find(entry)
                if found is None or found[0] is not cache:
                    self._memory.damage(title, va, f"entry[{i}]", f"is {entry:08x}, which is no object of the cache")
                    continue
                _, row, number = found
                if cache.state[row, number] != ALLOCATED:
                    where = "free in its slab" if cache.state[row, number] == FREE else "in an array already"
                    text = f"is {entry:08x}, which is {where}: double free of object {entry:08x}"
                    self._memory.damage(title, va, f"entry[{i}]", text)
                cache.state[row, number] = IN_ARRAY

    # caches

    def _check_cache(self, cache: Cache) -> None:
        view, layout = cache.view, self._layout
        self._check_tunables(cache)
        want_geometry(cache, layout.slab_debug)
        if cache.flags & ~(CREATE_MASK | (DEBUG_MASK if layout.slab_debug else 0)):
            view.bad("flags", f"is {view['flags']:#x}, with bits that no cache has")
        general = self.objects.general(cache.shape.slab_size) if cache.shape.off_slab else ""
        parent = self.objects.by_name.get(general) if general else None
        view.want("slabp_cache", parent.va if parent else 0)
        if cache.known:
            view.want("name", layout.strings[cache.name])
            own = kernel_cache(cache.name, layout) if cache.name in layout.kernel_caches else None
            view.want("ctor", layout.va(own.ctor) if own and own.ctor else 0)
            view.want("dtor", layout.va(own.dtor) if own and own.dtor else 0)
        else:
            view.free("ctor", "dtor", "name")
            if cache.name.startswith("(name at "):
                view.bad("name", f"is {view['name']:08x}, where nothing is mapped")
        view.free("next", words=2)
        for va, title, length, batchcount, field in self._arrays(cache):
            owner = (view.title, view.va) if field != "shared" else (f"kmem_list3 of {cache.name}", self._list3(cache))
            name = self.objects.general(layout["array_cache"].size + 4 * length)
            view.free("array", words=self._online)
            if not self.objects.use(va, name, title, *owner, field):
                continue
            if not is_array(self._memory, va, length, batchcount):
                self._memory.damage(*owner, field, f"is {va:08x}, where no array_cache of this size is")
            else:
                check_array(self._memory, va, title, length, batchcount)
        if cache.va != layout.va("cache_cache"):
            self.objects.use(cache.va, "kmem_cache", view.title, view.title, view.va, "")
        self._check_list3(cache)
        if cache.shape.off_slab:
            title = f"struct slab of {cache.name}"
            for slab in cache.slabs:
                self.objects.use(slab, general, title, title, slab, "")
        view.free("nodelists")
        if layout.slab_debug:
            check_statistics(cache)
        view.rest_zero()

    def _check_list3(self, cache: Cache) -> None:
        view = cache.view
        size = self._layout["kmem_list3"].size
        title = f"kmem_list3 of {cache.name}"
        va = view["nodelists"]
        if not self.objects.use(va, self.objects.general(size), title, view.title, view.va, "nodelists[0]"):
            return
        if not self._list3(cache):
            view.bad("nodelists[0]", f"is {va:08x}, where no slab lists are")
            return
        l3 = View(self._memory, "kmem_list3", va, title)
        for field in _LISTS:
            l3.list_head(field, empty=False)
        l3.want("free_objects", cache.free_objects - cache.waiting * cache.shape.num, "the slabs hold")
        batch = self._tunables(cache)[1]
        l3.want("free_limit", (1 + self._online) * batch + cache.shape.num)
        l3.within("colour_next", 0, max(0, cache.shape.colour - 1))
        l3.want("alien", _BAD_ALIEN_MAGIC)
        l3.within("free_touched", 0, 1)
        l3.free("next_reap")
        l3.free("shared")
        l3.rest_zero()

    def _check_malloc_sizes(self) -> None:
        memory, layout = self._memory, self._layout
        va = layout.va("malloc_sizes")
        rows = [(size, f"size-{size}", f"size-{size}(DMA)") for size in layout.kmalloc_sizes]
        for i, (size, plain, dma) in enumerate(rows):
            for n, name in enumerate((plain, dma)):
                cache = self.objects.by_name.get(name)
                value = memory.word(va + 12 * i + 4 + 4 * n)
                field = f"[{i}].cs_{'dma' * n}cachep"
                if cache is None:
                    memory.damage("malloc_sizes", va, field, f"is {value:08x}, and there is no cache {name}")
                elif value != cache.va:
                    memory.damage("malloc_sizes", va, field, f"is {value:08x}, the cache {name} is at {cache.va:08x}")
            if (value := memory.word(va + 12 * i)) != size:
                memory.damage("malloc_sizes", va, f"[{i}].cs_size", f"is {shown(value)}, should be {size}")
        last = memory.block(va + 12 * len(rows), 3).tolist()
        if last != [0xFFFFFFFF, 0, 0]:
            memory.damage("malloc_sizes", va, f"[{len(rows)}]", "is not the end of the table")
        for name, variable in memory.layout.kernel_caches.items():
            cache = self.objects.by_name.get(name)
            if cache is None:
                variable_damage(memory, "cache_chain", f"lacks the cache {name}")
            elif (value := memory.variable(variable)) != cache.va:
                variable_damage(memory, variable, f"is {value:08x}, the cache is at {cache.va:08x}")

    def _count_pages(self) -> list[list[int]]:
        counts = [[0, 0], [0, 0], [0, 0]]
        for cache in self.objects.caches:
            starts = np.array([start for start in cache.starts if start >= 0], dtype=np.int64)
            item = 0 if cache.flags & SLAB_RECLAIM_ACCOUNT else 1
            zones = self._flags[starts] >> np.uint32(ZONES_SHIFT)
            for zone, number in zip(*(part.tolist() for part in np.unique(zones, return_counts=True))):
                if zone < len(counts):
                    counts[zone][item] += number << cache.shape.gfporder
        return counts
