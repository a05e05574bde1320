"""Memory in use that nobody can reach any more: a conservative search in the manner of mm/kmemleak.c (2.6.31).

What is allocated are things of three kinds: objects of slab caches, blocks of pages, areas of vmalloc space. Whatever
word leads into one keeps it: an address in the direct map, in vmalloc space or of a kmap, or that of a `struct page`.
The walk begins at the kernel's variables, the stacks and registers of the tasks that live, and the kmap slots in use,
and reads only what it reaches; of a page also the words of its `struct page` by which others hang on it. What the
allocators themselves keep about their things (array caches, slab descriptors, vm_structs) holds nothing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mm.errors import KernelFault
from mm.fixmap import pkmap_base
from mm.fork import Tasks
from mm.frame_map import FrameMap
from mm.fsck.report import IN_USE, PAGE_CACHE, SLAB
from mm.layout import (
    KM_TYPE_NR,
    PAGE_OFFSET,
    PAGE_SHIFT,
    PAGE_SIZE,
    THREAD_SIZE,
    Layout,
)
from mm.list import Words, list_del
from mm.page_alloc import PageAllocator
from mm.page_flags import CHECK_AT_FREE
from mm.pgtable import PAGE_PRESENT, PageTables
from mm.sched import TASK_DEAD
from mm.slab import SlabAllocator
from mm.slab_geometry import BUFCTL_END, CFLGS_OFF_SLAB, MAX_OBJ_SIZE, SLAB_SIZE
from mm.vmalloc import Vmalloc
from mm.vmstat import cache_name

Numbers = NDArray[np.int64]
RawWords = NDArray[np.uint32]
Mask = NDArray[np.bool_]

# Symbols of the image that hold no pointers, or none that keeps something alive. Pagevecs are read up to their count.
_NO_ROOTS = frozenset((
    "boot_params", "empty_zero_page", "init_thread_union", "cpu_gdt_table", "initarray_cache", "initarray_generic",
    "initkmem_list3", "swapper_pg_dir", "vm_stat", "pkmap_count", "pkmap_owners", "kernel_strings", "__log_buf",
    "page_owners", "page_owner_hash", "page_address_htable", "page_address_maps", "lru_add_pvecs",
    "lru_add_active_pvecs", "vmlist", "vmalloc_start", "high_memory", "mem_map",
))  # fmt: skip
_PAGE_LINKS = ("private", "mapping", "lru.next", "lru.prev")
_PAGE_WORDS = PAGE_SIZE >> 2
_AT_ONCE = 4096  # pages that are read at a time: 16 MB
_MANY = 64  # objects at once
_MAPCOUNT_FREE = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Leak:
    """One unreferenced thing.

    kind: "slab", "pages" or "vmalloc". address: virtual, None for a block in HighMem. pfn: its first frame, -1 for an
    area without pages. size: in bytes. cache: the name of its cache, "" for the other kinds. order: of a block. owner:
    the owner word of its first page (of an object: the first of its slab's), 0 for none.
    """

    kind: str
    address: int | None
    pfn: int
    size: int
    cache: str
    order: int
    owner: int


@dataclass(frozen=True, slots=True)
class Unreferenced:
    """What a scan has found. objects: the addresses by cache, ascending; blocks: their first frames by order; areas."""

    objects: dict[int, Numbers]
    blocks: dict[int, Numbers]
    areas: list[int]

    def __len__(self) -> int:
        return sum(map(len, (*self.objects.values(), *self.blocks.values()))) + len(self.areas)


def _runs(starts: Numbers, lengths: Numbers) -> Numbers:
    """The numbers of all ranges [start, start + length), one range after the other."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    runs: Numbers = np.arange(total, dtype=np.int64) + np.repeat(starts - (ends - lengths), lengths)
    return runs


class _Things:
    """Everything allocated, by a number of its own: first the objects of all slabs, then the blocks, then the areas.

    live: whether a number is something in use; a free object's is not.
    """

    def __init__(self, kmemleak: Kmemleak, frames: FrameMap) -> None:
        self._k = k = kmemleak
        kinds = frames.kinds
        max_pfn = len(kinds)
        first = (k.pages.mem_map - PAGE_OFFSET) >> 2
        words = k.layout["page"].words
        self.page_table = k.memory[first : first + max_pfn * words].reshape(max_pfn, words)
        self._read_slabs(np.flatnonzero(kinds == SLAB), max_pfn)
        self.first_block = int(self.num.sum())
        numbers = np.arange(max_pfn)
        used = np.flatnonzero(((kinds == IN_USE) | (kinds == PAGE_CACHE)) & (frames.heads == numbers))
        self.block_pfn, self.block_order = used, frames.orders[used].astype(np.int64)
        self.first_area = self.first_block + len(used)
        self.areas = [(area, pfns[pfns >= 0]) for area, pfns in frames.areas]
        self.of_frame = np.full(max_pfn, -1, dtype=np.int64)
        sizes = np.left_shift(1, self.block_order)
        self.of_frame[_runs(used, sizes)] = np.repeat(np.arange(self.first_block, self.first_area), sizes)
        for n, (_, pfns) in enumerate(self.areas):
            self.of_frame[pfns] = self.first_area + n
        fields = k.layout["vm_struct"]
        index = (np.array([area for area, _ in self.areas], dtype=np.int64) - PAGE_OFFSET) >> 2
        self._area_start = k.memory[index + fields.word("addr")].astype(np.int64)
        self._area_end = self._area_start + k.memory[index + fields.word("size")] - PAGE_SIZE
        self._area_pages = k.memory[index + fields.word("pages")]
        self.total = self.first_area + len(self.areas)
        self.live = np.ones(self.total, dtype=bool)
        self._clear_free_objects()

    def _read_slabs(self, frames: Numbers, max_pfn: int) -> None:
        """Every slab, by cache and address: its descriptor, first object, size and number of objects, and the number
        that its first object has among all things.
        """
        k, page, cache = self._k, self._k.layout["page"], self._k.layout["kmem_cache"]
        links = self.page_table[frames]
        slabs, index, number = np.unique(links[:, page.word("lru.prev")], return_index=True, return_inverse=True)
        caches = links[index, page.word("lru.next")]
        s_mem = k.memory[((slabs - np.uint32(PAGE_OFFSET)) >> 2) + k.layout["slab"].word("s_mem")]
        order = np.lexsort((s_mem, caches))
        rank = np.argsort(order)
        self.slab_of_frame = np.full(max_pfn, -1, dtype=np.int64)
        self.slab_of_frame[frames] = rank[number]
        self.slab, self.cache, self.s_mem = (column[order].astype(np.int64) for column in (slabs, caches, s_mem))
        self._slab_index = (self.slab - PAGE_OFFSET) >> 2
        at = (self.cache - PAGE_OFFSET) >> 2
        self.size = k.memory[at + cache.word("buffer_size")].astype(np.int64)
        self.num = k.memory[at + cache.word("num")].astype(np.int64)
        self.off_slab = (k.memory[at + cache.word("flags")] & np.uint32(CFLGS_OFF_SLAB)) != 0
        wild = (self.size < 4) | (self.num * self.size > MAX_OBJ_SIZE)
        if wild.any():
            raise KernelFault(int(self.cache[wild][0]))
        self.first = np.cumsum(self.num) - self.num
        self._first = self.first.tolist()

    def _clear_free_objects(self) -> None:
        """Follow the chains of free objects of all slabs at once; then those that wait in arrays."""
        k = self._k
        rows = np.arange(len(self.slab))
        current = k.memory[self._slab_index + k.layout["slab"].word("free")].astype(np.int64)
        for _ in range(int(self.num.max(initial=0)) + 1):
            active = current != BUFCTL_END
            rows, current = rows[active], current[active]
            if not len(rows):
                break
            wild = current >= self.num[rows]
            if wild.any():
                raise KernelFault(int(self.slab[rows[wild][0]]))
            self.live[self.first[rows] + current] = False
            current = k.memory[self._slab_index[rows] + (SLAB_SIZE >> 2) + current].astype(np.int64)
        header = k.layout["array_cache"].words
        for array in k.array_caches():
            i = (array - PAGE_OFFSET) >> 2
            avail, limit = k.memory[i : i + 2].tolist()
            if avail > limit:
                raise KernelFault(array)
            self.live[self.find(k.memory[i + header : i + header + avail])] = False

    def held(self) -> Numbers:
        """What the allocators keep about their things: in use, but no pointer in it counts."""
        k = self._k
        descriptors = self.slab[self.off_slab].astype(np.uint32)
        areas = np.array([area for area, _ in self.areas], dtype=np.uint32)
        arrays = np.array(k.array_caches(), np.uint32)
        return self.find(np.concatenate([descriptors, arrays, areas, self._area_pages, self._pages_of_pmds()]))

    def _pages_of_pmds(self) -> RawWords:
        """With PAE, what page directories lead to by physical addresses."""
        k = self._k
        rows = np.flatnonzero(self.cache == k.pgd_cache) if k.layout.pae else np.zeros(0, dtype=np.int64)
        objects = _runs(self.first[rows], self.num[rows])
        start = np.repeat(self.s_mem[rows], self.num[rows])
        start += (objects - np.repeat(self.first[rows], self.num[rows])) * np.repeat(self.size[rows], self.num[rows])
        entries = k.memory[_runs((start[self.live[objects]] - PAGE_OFFSET) >> 2, np.full(self.live[objects].sum(), 6))]
        return (entries[::2] & np.uint32(-PAGE_SIZE & 0xFFFFFFFF)) + np.uint32(PAGE_OFFSET)

    def find(self, words: RawWords) -> Numbers:
        """The things in use that these words lead into."""
        values = words[words >= PAGE_OFFSET].astype(np.int64)
        k, max_pfn = self._k, len(self.of_frame)
        low = values < PAGE_OFFSET + k.low_bytes
        direct, high = values[low], values[~low]
        page = (direct - k.pages.mem_map) // k.pages.page_size
        named = (page >= 0) & (page < max_pfn)
        page, direct = page[named], direct[~named]
        pfn = (direct - PAGE_OFFSET) >> PAGE_SHIFT
        in_slab = self.slab_of_frame[pfn]
        direct, pfn, in_slab = direct[in_slab >= 0], pfn[in_slab < 0], in_slab[in_slab >= 0]
        number = (direct - self.s_mem[in_slab]) // self.size[in_slab]
        inside = (number >= 0) & (number < self.num[in_slab])
        found = [self.of_frame[page], self.of_frame[pfn], self.first[in_slab[inside]] + number[inside]]
        if len(high):
            found += self._find_high(high)
        things: Numbers = np.concatenate(found)
        things = things[things >= 0]
        return things[self.live[things]]

    def _find_high(self, values: Numbers) -> list[Numbers]:
        k = self._k
        found = []
        if len(self.areas):
            area = np.searchsorted(self._area_start, values, side="right") - 1
            found.append(self.first_area + area[(area >= 0) & (values < self._area_end[area])])
        slot = (values - k.pkmap_base) >> PAGE_SHIFT
        ptes = k.ptes(k.pkmap_page_table, k.layout.last_pkmap)[slot[(slot >= 0) & (slot < k.layout.last_pkmap)]]
        found.append(self.mapped(ptes))
        return found

    def mapped(self, ptes: Numbers) -> Numbers:
        """The things that page-table entries map, -1 for an entry that maps none."""
        pfns = (ptes[(ptes & PAGE_PRESENT) != 0] & 0x000F_FFFF_FFFF_F000) >> PAGE_SHIFT
        found: Numbers = self.of_frame[pfns[pfns < len(self.of_frame)]]
        return found

    def contents(self, things: Numbers) -> Iterator[RawWords]:
        """The words of these things, and those of their page structs that link."""
        k = self._k
        objects = things[things < self.first_block]
        if len(objects):
            row = np.searchsorted(self.first, objects, side="right") - 1
            start = (self.s_mem[row] + (objects - self.first[row]) * self.size[row] - PAGE_OFFSET) >> 2
            yield k.memory[_runs(start, self.size[row] >> 2)]
        blocks = things[(things >= self.first_block) & (things < self.first_area)] - self.first_block
        pfns = [_runs(self.block_pfn[blocks], np.left_shift(1, self.block_order[blocks]))]
        for n in (things[things >= self.first_area] - self.first_area).tolist():
            area, frames = self.areas[n]
            pfns.append(frames)
            if not len(frames):
                yield k.shown(area)
        frames = np.concatenate(pfns)
        by_page = k.memory[: len(k.memory) // _PAGE_WORDS * _PAGE_WORDS].reshape(-1, _PAGE_WORDS)
        links = [k.layout["page"].word(name) for name in _PAGE_LINKS]
        for start in range(0, len(frames), _AT_ONCE):
            some = frames[start : start + _AT_ONCE]
            yield by_page[some].ravel()
            yield self.page_table[some][:, links].ravel()

    def follow(self, objects: list[int], reached: Mask) -> tuple[list[int], list[int]]:
        """Reach on from a few objects to others, one by one: for a long list 15 times as fast as level by level.

        Ends with no object left, or many: those that are reached but not read, and the words that led elsewhere.
        """
        k, first, end = self._k, self._first, PAGE_OFFSET + self._k.low_bytes
        s_mem, size, num, slab_of_frame, live, marks = (
            column.data for column in (self.s_mem, self.size, self.num, self.slab_of_frame, self.live, reached)
        )
        elsewhere = []
        while objects and len(objects) < _MANY:
            number = objects.pop()
            row = bisect_right(first, number) - 1
            i = s_mem[row] + (number - first[row]) * size[row] - PAGE_OFFSET >> 2
            for value in k.memory[i : i + (size[row] >> 2)].tolist():
                if value < PAGE_OFFSET:
                    continue
                row = slab_of_frame[value - PAGE_OFFSET >> PAGE_SHIFT] if value < end else -1
                if row < 0:
                    elsewhere.append(value)
                    continue
                number = (value - s_mem[row]) // size[row]
                if 0 <= number < num[row]:
                    number += first[row]
                    if live[number] and not marks[number]:
                        marks[number] = True
                        objects.append(number)
        return objects, elsewhere


class Kmemleak:
    """The search, over the allocators. memory: all physical memory in words; w: lowmem."""

    def __init__(
        self, memory: Words, w: Words, layout: Layout, pages: PageAllocator, slab: SlabAllocator, vmalloc: Vmalloc,
        tables: PageTables, tasks: Tasks,
    ) -> None:  # fmt: skip
        self.memory: RawWords = np.frombuffer(memory, dtype=np.uint32)
        self.layout = layout
        self.pages = pages
        self.low_bytes = 4 * len(w)
        self.pkmap_base = pkmap_base(layout)
        self.pkmap_page_table = self._variable("pkmap_page_table")
        self.pgd_cache = self._variable("pgd_cache")
        self._w = w
        self._slab = slab
        self._vmalloc = vmalloc
        self._tables = tables
        self._tasks = tasks
        self._names = frozenset(layout.strings.values())

    def _variable(self, name: str) -> int:
        return int(self.memory[(self.layout.va(name) - PAGE_OFFSET) >> 2])

    def ptes(self, address: int, count: int) -> Numbers:
        """`count` page-table entries from a direct-map address on."""
        words, first = self._tables.pte_size >> 2, (address - PAGE_OFFSET) >> 2
        entries = self.memory[first : first + count * words].astype(np.int64)
        return entries if words == 1 else entries[::2] | entries[1::2] << 32

    def shown(self, area: int) -> RawWords:
        """The page structs of what an area without pages of its own shows: they are somebody else's."""
        fields, i = self.layout["vm_struct"], (area ^ 0xC0000000) >> 2
        addr, size = self._w[i + fields.word("addr")], self._w[i + fields.word("size")]
        ptes = (self._tables.get_pte(va) for va in range(addr, addr + size - PAGE_SIZE, PAGE_SIZE))
        pfns = [self._tables.pte_pfn(pte) for pte in ptes if pte & PAGE_PRESENT]
        ends = (self.pages.mem_map, PAGE_OFFSET + self.low_bytes)
        pages = [page for page in map(self.pages.pfn_to_page, pfns) if ends[0] <= page < ends[1]]
        return np.array(pages, dtype=np.uint32)

    def array_caches(self) -> list[int]:
        """Every `struct array_cache`, of the CPUs and shared ones."""
        w, cache, found = self._w, self.layout["kmem_cache"], []
        for cachep in self._slab.caches():
            c = (cachep ^ 0xC0000000) >> 2
            found += w[c : c + self.layout.nr_cpus].tolist()
            l3 = w[c + cache.word("nodelists")]
            found.append(w[((l3 ^ 0xC0000000) >> 2) + self.layout["kmem_list3"].word("shared")])
        return [array for array in found if array]

    # the walk

    def scan(self, frames: FrameMap, cpus: Sequence[Sequence[int]]) -> Unreferenced:
        """Find what nobody can reach. cpus: ESP and the other registers of each CPU, for the task at work there."""
        things = _Things(self, frames)
        reached = np.zeros(things.total, dtype=bool)
        reached[things.held()] = True
        tasks = [va for task in self._tasks.each() for va in (task, self._tasks.stack(task))]
        reached[things.find(np.array(tasks, dtype=np.uint32))] = True  # read in part only: _task_roots
        found = [things.find(words) for words in self._roots(cpus)] + [self._kmapped(things)]
        while found:
            new = np.unique(np.concatenate(found))
            new = new[~reached[new]]
            reached[new] = True
            found = []
            if 0 < len(new) < _MANY and new[-1] < things.first_block:
                some, elsewhere = things.follow(new.tolist(), reached)
                new = np.array(some, dtype=np.int64)
                found.append(things.find(np.array(elsewhere, dtype=np.uint32)))
            if len(new):
                found += [things.find(words) for words in things.contents(new)]
        return self._unreferenced(things, things.live & ~reached)

    def _roots(self, cpus: Sequence[Sequence[int]]) -> Iterator[RawWords]:
        layout, memory = self.layout, self.memory
        for symbol in layout.symbols.values():
            if symbol.section in (".data", ".bss") and symbol.size >= 4 and symbol.name not in _NO_ROOTS:
                i = (symbol.va - PAGE_OFFSET) >> 2
                yield memory[i : i + (symbol.size >> 2)]
        pagevec = layout["pagevec"]
        for name in ("lru_add_pvecs", "lru_add_active_pvecs"):
            for cpu in range(layout.nr_cpus):
                i = (layout.va(name) + cpu * pagevec.size - PAGE_OFFSET) >> 2
                yield memory[i + pagevec.word("pages") :][: int(memory[i])]
        for task in self._tasks.each():
            yield from self._task_roots(task, cpus)

    def _task_roots(self, task: int, cpus: Sequence[Sequence[int]]) -> Iterator[RawWords]:
        """A task's struct but for `thread`, which names the end of the stack; of one that lives its stack in use."""
        memory, fields = self.memory, self.layout["task_struct"]
        t, stack = (task - PAGE_OFFSET) >> 2, self._tasks.stack(task)
        yield memory[t : t + fields.word("thread")]
        yield memory[t + fields.word("fs") : t + fields.words]
        if memory[t + fields.word("state")] == TASK_DEAD:
            return
        tops = [int(memory[t + fields.word("thread.esp")])]
        for esp, *registers in cpus:
            if esp & -THREAD_SIZE == stack:
                tops.append(esp)
                yield np.array(registers, dtype=np.uint32)
        top = min((top for top in tops if top & -THREAD_SIZE == stack), default=stack)
        yield memory[(top - PAGE_OFFSET) >> 2 : (stack + THREAD_SIZE - PAGE_OFFSET) >> 2]

    def _kmapped(self, things: _Things) -> Numbers:
        """What kmap holds for somebody, and what the slots of kmap_atomic show."""
        counts = (self.layout.va("pkmap_count") - PAGE_OFFSET) >> 2
        users = self.memory[counts : counts + self.layout.last_pkmap] > 1
        kmaps = self.ptes(self.pkmap_page_table, self.layout.last_pkmap)[users]
        atomic = KM_TYPE_NR * self.layout.nr_cpus
        slots = self.ptes(self._variable("kmap_pte") - (atomic - 1) * self._tables.pte_size, atomic)
        ptes = np.concatenate([kmaps, slots])
        found = things.mapped(ptes)
        return found[found >= 0]

    def _unreferenced(self, things: _Things, lost: Mask) -> Unreferenced:
        objects = {}
        caches, starts, counts = np.unique(things.cache, return_index=True, return_counts=True)
        for cachep, start, count in zip(caches.tolist(), starts.tolist(), counts.tolist()):
            first, num = int(things.first[start]), int(things.num[start])
            row, number = np.nonzero(lost[first : first + count * num].reshape(count, num))
            if len(row):
                first_object = things.s_mem[start + row] + self._slab.obj_offset(cachep)
                objects[cachep] = first_object + number * int(things.size[start])
        blocks = np.flatnonzero(lost[things.first_block : things.first_area])
        orders = things.block_order[blocks]
        areas = np.flatnonzero(lost[things.first_area :]).tolist()
        return Unreferenced(
            objects,
            {order: things.block_pfn[blocks[orders == order]] for order in np.unique(orders).tolist()},
            [things.areas[n][0] for n in areas],
        )

    # what was found

    def leaks(self, found: Unreferenced) -> Iterator[Leak]:
        """What was found, one by one: objects by cache and address, blocks by order, areas by address."""
        pages, owner = self.pages, self.layout["page"].word("owner") if self.layout.page_owner else None

        def leak(kind: str, address: int | None, pfn: int, size: int, cache: str = "", order: int = 0) -> Leak:
            p = (pages.pfn_to_page(pfn) ^ 0xC0000000) >> 2
            word = 0 if owner is None or pfn < 0 else self._w[p + owner]
            return Leak(kind, address, pfn, size, cache, order, word)

        for cachep, objects in found.objects.items():
            name, size = cache_name(self._slab, cachep), self._slab.kmem_cache_size(cachep)
            slab_pages = (1 << self._w[((cachep ^ 0xC0000000) >> 2) + self.layout["kmem_cache"].word("gfporder")]) - 1
            for address in objects.tolist():
                yield leak("slab", address, (address - PAGE_OFFSET >> PAGE_SHIFT) & ~slab_pages, size, name)
        for order, blocks in found.blocks.items():
            for pfn in blocks.tolist():
                low = pfn << PAGE_SHIFT < self.low_bytes
                address = PAGE_OFFSET + (pfn << PAGE_SHIFT) if low else None
                yield leak("pages", address, pfn, PAGE_SIZE << order, order=order)
        for area in found.areas:
            addr, nr_pages = self._area(area)
            yield leak("vmalloc", addr, self._vmalloc.vmalloc_to_pfn(addr) if nr_pages else -1, nr_pages << PAGE_SHIFT)

    def _area(self, area: int) -> tuple[int, int]:
        """Address and number of pages of an area."""
        fields, i = self.layout["vm_struct"], (area ^ 0xC0000000) >> 2
        return self._w[i + fields.word("addr")], self._w[i + fields.word("nr_pages")]

    def size(self, found: Unreferenced) -> int:
        """Bytes of all that was found."""
        return (
            sum(len(objects) * self._slab.kmem_cache_size(cachep) for cachep, objects in found.objects.items())
            + sum(len(blocks) << order + PAGE_SHIFT for order, blocks in found.blocks.items())
            + sum(self._area(area)[1] << PAGE_SHIFT for area in found.areas)
        )

    def free(self, found: Unreferenced) -> int:
        """Give back what a scan has just found, and slabs and caches that become free with it; how many bytes.

        Objects of the kernel's own caches stay, but for those of kmalloc: that nobody reaches one is a bug. A cache
        whose name is mapped no more belongs to no program.
        """
        own = {self.layout.strings[name] for name in ("kmem_cache", *self.layout.kernel_caches)}
        objects = {c: those for c, those in found.objects.items() if self._slab.kmem_cache_name(c) not in own}
        found = Unreferenced(objects, found.blocks, found.areas)
        size = self.size(found)
        self._forget_functions()
        for area in found.areas:
            self._vmalloc.vfree(self._area(area)[0])
        for cachep, addresses in objects.items():
            self._free_objects(cachep, addresses)
        for order, blocks in found.blocks.items():
            for pfn in blocks.tolist():
                self._free_block(pfn, order)
        self._slab.reap_free_slabs()
        for cachep in self._slab.caches():
            if not self._mapped(self._slab.kmem_cache_name(cachep)) and not self._slab.kmem_cache_shrink(cachep):
                self._slab.kmem_cache_destroy(cachep)
        return size

    def _mapped(self, va: int) -> bool:
        return self._tables.translate(va) is not None

    def _free_objects(self, cachep: int, addresses: Numbers) -> None:
        """A slab with nothing else in use goes as a whole: 20 times as fast as object by object. Not where slabs are
        debugged: each object is checked when it is freed.
        """
        w, slab = self._w, self._slab
        slab.kmem_cache_shrink(cachep)  # what waited in arrays is in its slab now
        first = ((self.pages.mem_map - PAGE_OFFSET) >> 2) + self.layout["page"].word("lru.prev")
        pfns = (addresses - PAGE_OFFSET) >> PAGE_SHIFT
        slabs, number, lost = np.unique(
            self.memory[first + pfns * (self.pages.page_size >> 2)], return_inverse=True, return_counts=True
        )
        inuse = self.memory[((slabs - np.uint32(PAGE_OFFSET)) >> 2) + self.layout["slab"].word("inuse")]
        whole = (lost == inuse) & (not self.layout.slab_debug)
        c = (cachep ^ 0xC0000000) >> 2
        num = w[c + self.layout["kmem_cache"].word("num")]
        l3 = w[c + self.layout["kmem_cache"].word("nodelists")]
        free_objects = ((l3 ^ 0xC0000000) >> 2) + self.layout["kmem_list3"].word("free_objects")
        for va, used in zip(slabs[whole].tolist(), inuse[whole].tolist()):
            list_del(w, va)
            w[free_objects] -= num - used
            slab._slab_destroy(cachep, va)
        general = slab.kmem_cache_name(cachep) in self._names
        for address in addresses[~whole[number]].tolist():
            if general:
                slab.kfree(address)
            else:
                slab.kmem_cache_free(cachep, address)
        if self.layout.slab_debug:
            slab.kmem_cache_shrink(cachep)

    def _forget_functions(self) -> None:
        """Constructors and destructors that are mapped no more are not called when slabs go."""
        fields = self.layout["kmem_cache"]
        for cachep in self._slab.caches():
            for name in ("ctor", "dtor"):
                i = ((cachep ^ 0xC0000000) >> 2) + fields.word(name)
                if self._w[i] and not self._mapped(self._w[i]):
                    self._w[i] = 0

    def _free_block(self, pfn: int, order: int) -> None:
        """Whatever its pages were to those who lost them: their marks and references are gone too."""
        w, page, step = self._w, self.pages.pfn_to_page(pfn), self.pages.page_size >> 2
        first = (page ^ 0xC0000000) >> 2
        for p in range(first, first + (step << order), step):
            w[p] &= ~CHECK_AT_FREE
            w[p + 2], w[p + 4] = _MAPCOUNT_FREE, 0
        w[first + 1] = 1
        self.pages._free_pages(page, order)
