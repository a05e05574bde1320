"""A model of what a kernel's callers hold, and the calls that change it.

`Sequence` makes calls of the memory manager and keeps what they gave: `check` compares all of it with the machine.
Run as a script it attaches to a saved machine and goes on with a random sequence where another process was.
"""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
from collections import Counter
from dataclasses import asdict, dataclass, field

from guest.kernel import Kernel
from hw.machine import Machine
from mm.fsck import fsck
from mm.gfp import GFP_COLD, GFP_COMP, GFP_DMA, GFP_HIGHUSER, GFP_KERNEL, GFP_ZERO
from mm.layout import PAGE_OFFSET, PAGE_SIZE
from mm.page_flags import PG_compound, PG_lru
from mm.slab import EINVAL, ENOMEM, SLAB_HWCACHE_ALIGN
from mm.slab_objects import SLAB_RECLAIM_ACCOUNT

ZONES = (GFP_DMA, GFP_KERNEL, GFP_HIGHUSER)
CACHE_FLAGS = (0, SLAB_HWCACHE_ALIGN, SLAB_RECLAIM_ACCOUNT)
ALIGNS = (0, 0, 8, 16, 128, 1024)


@dataclass
class Held:
    """Something that a caller holds: its address (a struct page for pages), its place in physical memory as
    [start, end) runs, and the byte it is filled with. `extra`: the order of pages, the cache of an object, the inode
    of a page of the page cache, whose index and state (clean, dirty, held) are `index` and `state`.
    """

    kind: str
    address: int
    runs: list[list[int]]
    fill: int
    extra: int = 0
    mapped: list[int] = field(default_factory=list)  # of a page: its kmaps' addresses
    index: int = 0
    state: str = "clean"


class Sequence:
    """A machine and everything that is held on it. The address of every allocation is noted in `log`."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.held: list[Held] = []
        self.caches: list[int] = []
        self.tasks: list[int] = []
        self.inodes: list[int] = []
        self.atomic: list[tuple[int, int, int]] = []  # page, address, CPU
        self.cpu = 0
        self.made = 0
        self.log: list[int] = []

    # the model

    def _hold(self, held: Held) -> Held:
        for start, end in held.runs:
            self.kernel.ram.bytes[start:end] = bytes([held.fill]) * (end - start)
        self.held.append(held)
        return held

    def _fill(self) -> int:
        self.made += 1
        return self.made * 37 & 0xFF

    def of(self, *kinds: str) -> list[Held]:
        """What is held of these kinds."""
        return [held for held in self.held if held.kind in kinds]

    def check(self) -> None:
        """fsck finds nothing, no two objects overlap, everything that was written is still there."""
        self.forget_reclaimed()
        report = fsck(self.kernel.ram)
        assert report.damages == []
        assert report.frames.get("page cache", 0) == len(self.of("cached"))
        assert sum(report.frames.values()) == self.kernel.limits.max_pfn
        pages = sum(1 << held.extra for held in self.of("pages"))
        assert report.frames.get("in use", 0) == pages
        runs = sorted(run for held in self.held for run in held.runs)
        for (_, end), (start, _) in zip(runs, runs[1:]):
            assert end <= start, "two live objects overlap"
        memory = self.kernel.ram.bytes
        for held in self.held:
            for start, end in held.runs:
                assert memory[start:end] == bytes([held.fill]) * (end - start), f"{held.kind} was overwritten"
            for va in held.mapped:
                assert self.kernel.vm.read(va, PAGE_SIZE) == bytes([held.fill]) * PAGE_SIZE
        for page, va, _ in self.atomic:
            assert self.kernel.highmem.kmap_atomic_to_page(va) == page
        self.check_caches()

    def check_caches(self) -> None:
        """Of each cache made here: out of its slabs are the objects that are held and those that rest in arrays."""
        objects = Counter(held.extra for held in self.of("object"))
        out = {row.name: row.active_objs for row in self.kernel.slabinfo()}
        for cache in self.caches:
            info = self.kernel.slab_cache(cache)
            assert info.allocated == objects[cache]
            assert out[info.name] == info.allocated + info.in_arrays <= info.total == info.slabs * info.num

    def on_cpu(self, cpu: int) -> None:
        """What follows is done by this CPU."""
        self.cpu = cpu
        self.kernel.runner.stand_on(cpu)

    def cpus(self) -> range:
        """The numbers of all CPUs."""
        return range(len(self.kernel.machine.cpus))

    # pages

    def alloc_pages(self, zone: int, order: int, flags: int = 0) -> None:
        """alloc_pages; flags: of GFP_COMP, GFP_ZERO, GFP_COLD."""
        page = self.kernel.page_alloc.alloc_pages(ZONES[zone] | flags, order)
        self.log.append(page)
        if not page:
            return
        start = self.kernel.page_alloc.page_to_pfn(page) << 12
        end = start + (PAGE_SIZE << order)
        if flags & GFP_ZERO:
            assert not any(self.kernel.ram.bytes[start:end])
        self._hold(Held("pages", page, [[start, end]], self._fill(), order))

    def free(self, index: int) -> None:
        """Give back any one thing."""
        free = [held for held in self.held if held.kind != "cached" and not held.mapped
                and all(held.address != page for page, *_ in self.atomic)]  # fmt: skip
        if not free:
            return
        held = free[index % len(free)]
        self.held.remove(held)
        if held.kind == "pages":
            flags = self.kernel.ram.words[held.address - PAGE_OFFSET >> 2]
            if flags & PG_lru or held.extra and index & 1 and flags & PG_compound:
                self.kernel.page_alloc.put_page(held.address)
            else:
                self.kernel.page_alloc._free_pages(held.address, held.extra)
        elif held.kind == "kmalloc":
            self.kernel.slab.kfree(held.address)
        elif held.kind == "object":
            self.kernel.slab.kmem_cache_free(held.extra, held.address)
        else:
            self.kernel.vmalloc.vfree(held.address)

    # objects

    def kmalloc(self, size: int, dma: bool = False, zero: bool = False) -> None:
        """kmalloc or kzalloc."""
        slab = self.kernel.slab
        flags = GFP_KERNEL | (GFP_DMA if dma else 0)
        va = slab.kzalloc(size, flags) if zero else slab.kmalloc(size, flags)
        self.log.append(va)
        if va:
            start = va - PAGE_OFFSET
            if zero:
                assert not any(self.kernel.ram.bytes[start : start + size])
            self._hold(Held("kmalloc", va, [[start, start + slab.ksize(va)]], self._fill()))

    def krealloc(self, index: int, size: int) -> None:
        """krealloc of something kmalloc'ed: its content goes with it."""
        objects = self.of("kmalloc")
        if not objects:
            return
        held = objects[index % len(objects)]
        old = held.runs[0][1] - held.runs[0][0]
        va = self.kernel.slab.krealloc(held.address, size, GFP_KERNEL)
        self.log.append(va)
        if not va:
            return
        start = va - PAGE_OFFSET
        assert self.kernel.ram.bytes[start : start + old] == bytes([held.fill]) * old
        self.held.remove(held)
        self._hold(Held("kmalloc", va, [[start, start + self.kernel.slab.ksize(va)]], held.fill))

    def create_cache(self, size: int, align: int, flags: int) -> None:
        """kmem_cache_create; its name is an object of kmalloc's."""
        text = b"cache-%d\0" % self.made
        name = self.kernel.slab.kmalloc(len(text), GFP_KERNEL)
        self.made += 1
        if not name:
            return
        self.kernel.ram.write(name - PAGE_OFFSET, text)
        cache = self.kernel.slab.kmem_cache_create(name, size, ALIGNS[align], CACHE_FLAGS[flags], 0, 0)
        self.log.append(cache)
        if cache:
            self.caches.append(cache)

    def cache_alloc(self, index: int, count: int) -> None:
        """Some objects of one of the caches made here."""
        for _ in range(count if self.caches else 0):
            cache = self.caches[index % len(self.caches)]
            va = self.kernel.slab.kmem_cache_alloc(cache, GFP_KERNEL)
            self.log.append(va)
            if va:
                start = va - PAGE_OFFSET
                size = self.kernel.slab.kmem_cache_size(cache)
                self._hold(Held("object", va, [[start, start + size]], self._fill(), cache))

    def shrink(self, index: int) -> None:
        """kmem_cache_shrink of any cache."""
        caches = self.kernel.slab.caches()
        self.log.append(self.kernel.slab.kmem_cache_shrink(caches[index % len(caches)]))

    def tune(self, index: int, limit: int, batchcount: int, shared: int) -> None:
        """slabinfo_write of any cache; those made here come first."""
        caches = self.caches + self.kernel.slab.caches()
        name = self.kernel.slab.name(caches[index % len(caches)])
        self.log.append(self.kernel.slab.slabinfo_write(name, limit, batchcount, shared))
        assert self.log[-1] in ((-EINVAL,) if batchcount > limit else (0, -ENOMEM))

    def pass_time(self, ticks: int) -> None:
        """Time passes: each CPU calls cache_reap every 500 ticks."""
        for _ in range(ticks):
            self.kernel.clock.tick()
            self.kernel.sched.run_timers()

    def destroy_cache(self, index: int) -> None:
        """kmem_cache_destroy; it fails where objects are held."""
        if not self.caches:
            return
        cache = self.caches[index % len(self.caches)]
        name = self.kernel.slab.kmem_cache_name(cache)
        busy = any(held.extra == cache for held in self.of("object"))
        self.kernel.slab.kmem_cache_destroy(cache)
        assert (cache in self.kernel.slab.caches()) == busy
        if not busy:
            self.caches.remove(cache)
            self.kernel.slab.kfree(name)

    # vmalloc, kmap

    def vmalloc(self, pages: int, low: bool = False) -> None:
        """vmalloc or vmalloc_32."""
        vmalloc = self.kernel.vmalloc
        size = pages * PAGE_SIZE - 100
        va = vmalloc.vmalloc_32(size) if low else vmalloc.vmalloc(size)
        self.log.append(va)
        if va:
            pfns = [vmalloc.vmalloc_to_pfn(va + n * PAGE_SIZE) for n in range(pages)]
            self._hold(Held("vmalloc", va, [[pfn << 12, pfn + 1 << 12] for pfn in pfns], self._fill()))

    def kmap(self, index: int) -> None:
        """kmap of a single page."""
        single = [held for held in self.of("pages") if not held.extra]
        if single and sum(len(held.mapped) for held in single) < 200:
            held = single[index % len(single)]
            held.mapped.append(self.kernel.highmem.kmap(held.address))
            self.log.append(held.mapped[-1])

    def kunmap(self, index: int) -> None:
        """kunmap of one that is mapped."""
        mapped = [held for held in self.of("pages") if held.mapped]
        if mapped:
            held = mapped[index % len(mapped)]
            self.kernel.highmem.kunmap(held.address)
            held.mapped.pop()

    def kmap_atomic(self, index: int) -> None:
        """Push a kmap_atomic, four deep at most."""
        single = [held for held in self.of("pages") if not held.extra]
        if single and len(self.atomic) < 4:
            page = single[index % len(single)].address
            self.atomic.append((page, self.kernel.highmem.kmap_atomic_push(page), self.cpu))
            self.log.append(self.atomic[-1][1])

    def kunmap_atomic(self) -> None:
        """Pop the last one."""
        if self.atomic:
            _, va, cpu = self.atomic.pop()
            self.on_cpu(cpu)
            self.kernel.highmem.kunmap_atomic_pop(va)

    # the page cache

    def _mapping(self, inode: int) -> int:
        return inode + self.kernel.layout["inode"].offset("i_data")

    def forget_reclaimed(self) -> None:
        """Reclaim may have taken pages of the page cache that are clean and that nobody holds."""
        for held in self.of("cached"):
            if self.kernel.radix.lookup(self._mapping(held.extra) + 4, held.index) != held.address:
                assert held.state == "clean", "reclaim took a page in use"
                self.held.remove(held)

    def new_inode(self) -> None:
        """An inode without pages."""
        inode = self.kernel.inodes.new_inode(0)
        self.log.append(inode)
        if inode:
            self.inodes.append(inode)

    def _add_to_cache(self, inode: int, index: int, zone: int, state: str) -> None:
        page = self.kernel.filemap.find_or_create_page(self._mapping(inode), index, ZONES[zone])
        self.log.append(page)
        self.forget_reclaimed()
        if not page:
            return
        self.kernel.filemap.unlock_page(page)
        old = [held for held in self.of("cached") if held.address == page]
        if old or state != "held":
            self.kernel.page_alloc.put_page(page)
        if state == "dirty" and not (old and old[0].state == "held"):
            self.kernel.filemap.set_page_dirty(page)
            for held in old:
                held.state = state
        if not old:
            start = self.kernel.page_alloc.page_to_pfn(page) << 12
            self._hold(Held("cached", page, [[start, start + PAGE_SIZE]], self._fill(), inode, [], index, state))

    def add_to_cache(self, index: int, first: int, count: int, zone: int, state: str) -> None:
        """Pages of an inode from index `first` on; state: clean, dirty, or held by a caller too."""
        for n in range(count if self.inodes else 0):
            self._add_to_cache(self.inodes[index % len(self.inodes)], first + n & 0xFFFFFFFF, zone, state)

    def _mark(self, index: int) -> Held | None:
        cached = self.of("cached")
        return cached[index % len(cached)] if cached else None

    def access(self, index: int) -> None:
        """mark_page_accessed."""
        if held := self._mark(index):
            self.kernel.swap.mark_page_accessed(held.address)

    def clean(self, index: int) -> None:
        """Write a dirty page back, or let one go that is held."""
        filemap, held = self.kernel.filemap, self._mark(index)
        if held and held.state == "dirty":
            filemap._lock_page(held.address)
            assert filemap.clear_page_dirty_for_io(held.address)
            filemap.test_set_page_writeback(held.address)
            filemap.unlock_page(held.address)
            filemap.end_page_writeback(held.address)
        elif held and held.state == "held":
            self.kernel.page_alloc.put_page(held.address)
        if held:
            held.state = "clean"

    def invalidate(self, index: int, first: int, last: int) -> None:
        """invalidate_mapping_pages: some of what is clean goes."""
        if not self.inodes:
            return
        self.forget_reclaimed()
        inode = self.inodes[index % len(self.inodes)]
        self.drain_pagevecs()
        clean = [held for held in self.of("cached")
                 if held.extra == inode and first <= held.index <= last and held.state == "clean"]  # fmt: skip
        gone = self.kernel.truncate.invalidate_mapping_pages(self._mapping(inode), first, last)
        assert gone == len(clean)
        self.held = [held for held in self.held if all(held is not other for other in clean)]

    def drain_pagevecs(self) -> None:
        """lru_add_drain of every CPU: a pagevec holds its pages, and the CPU at work sees to its own only."""
        before = self.cpu
        for cpu in self.cpus():
            self.on_cpu(cpu)
            self.kernel.swap.lru_add_drain()
        self.on_cpu(before)

    def truncate(self, index: int, first: int) -> None:
        """truncate_inode_pages: everything from an index on goes, but what is held stays with who holds it."""
        if not self.inodes:
            return
        self.forget_reclaimed()
        inode = self.inodes[index % len(self.inodes)]
        self.drain_pagevecs()
        self.kernel.truncate.truncate_inode_pages_from(self._mapping(inode), first, 0)
        self._cut(inode, first)

    def _cut(self, inode: int, first: int) -> None:
        for held in self.of("cached"):
            if held.extra == inode and held.index >= first:
                self.held.remove(held)
                if held.state == "held":
                    self.held.append(Held("pages", held.address, held.runs, held.fill))

    def iput(self, index: int) -> None:
        """Let an inode go, with its pages."""
        if self.inodes:
            self.forget_reclaimed()
            inode = self.inodes.pop(index % len(self.inodes))
            self.drain_pagevecs()
            self.kernel.inodes.iput(inode)
            self._cut(inode, 0)

    def give_back(self) -> None:
        """Give back everything, also what lies in caches and on lists."""
        for cpu in self.cpus():
            self.on_cpu(cpu)
            self.kernel.radix.preload(GFP_KERNEL)  # these nodes stay
        while self.inodes:
            self.iput(0)
        while self.atomic:
            self.kunmap_atomic()
        while any(held.mapped for held in self.held):
            self.kunmap(0)
        while self.held:
            self.free(len(self.held) - 1)
        while self.tasks:
            self.release_task(0)
        while self.caches:
            self.destroy_cache(0)
        for _ in range(3):  # descriptors and arrays are objects themselves
            for cache in self.kernel.slab.caches():
                self.kernel.slab.kmem_cache_shrink(cache)
        for cpu in self.cpus():
            self.kernel.page_alloc.drain_local_pages(cpu)

    # tasks, and going on elsewhere

    def create_task(self) -> None:
        """A task with its stack."""
        task = self.kernel.tasks.create(f"task{self.made}")
        self.log.append(task)
        if task:
            self.tasks.append(task)

    def release_task(self, index: int) -> None:
        """End one."""
        if self.tasks:
            self.kernel.tasks.release(self.tasks.pop(index % len(self.tasks)))

    def attach_to_copy(self) -> None:
        """Save the machine, close it, attach to what was saved and go on there."""
        path = tempfile.mktemp(prefix="highmem-test-")
        try:
            self.kernel.machine.save(path)
            self.kernel.close()
            self.kernel = Kernel.attach(Machine.load(path))
            self.on_cpu(self.cpu)
        finally:
            os.unlink(path)

    def random_step(self, rng: random.Random) -> None:
        """Any one call."""
        if len(self.cpus()) > 1:
            self.on_cpu(rng.choice(self.cpus()))
        n = rng.randrange(1 << 16)
        match rng.choices(range(21), (8, 18, 12, 2, 2, 6, 1, 1, 3, 4, 3, 2, 1, 1, 1, 6, 3, 2, 1, 1, 1))[0]:
            case 0:
                flags = rng.choice((0, 0, GFP_COMP, GFP_ZERO, GFP_COLD))
                self.alloc_pages(rng.randrange(3), rng.choice((0, 0, 0, 1, 2, 3, 5)), flags)
            case 1:
                for step in range(rng.choice((1, 1, 1, 1, 5, 200))):
                    self.free(n + step)
            case 2:
                size = rng.choice((8, 40, 100, 200, 500, 1000, 2000, 4000, 9000, 70000))
                for _ in range(rng.choice((1, 5, 40, 130)) if size < 5000 else 1):
                    self.kmalloc(size, rng.random() < 0.1, rng.random() < 0.2)
            case 3:
                self.krealloc(n, rng.choice((10, 300, 5000)))
            case 4:
                self.create_cache(rng.choice((12, 60, 300, 600, 3000)), n % 6, n % 3)
            case 5:
                self.cache_alloc(n, rng.choice((1, 10, 70, 130)))
            case 6:
                self.shrink(n)
            case 7:
                self.destroy_cache(n)
            case 8:
                self.vmalloc(rng.choice((1, 3, 30, 1100)), rng.random() < 0.2)
            case 9:
                self.kmap(n)
            case 10:
                self.kunmap(n)
            case 11:
                self.kmap_atomic(n)
            case 12:
                self.kunmap_atomic()
            case 13:
                self.create_task() if n & 1 else self.release_task(n)
            case 14:
                self.new_inode()
            case 15:
                first = rng.choice((0, 0, 50, 4000, 1 << 20, 0xFFFFFFF0))
                state = rng.choice(("clean", "clean", "dirty", "held"))
                self.add_to_cache(n, first + n % 70, rng.choice((1, 5, 30)), rng.randrange(1, 3), state)
            case 16:
                for step in range(20):
                    self.access(n + step)
                self.clean(n)
            case 17:
                self.invalidate(n, n % 100, rng.choice((60, 4050, 0xFFFFFFFF)))
            case 18:
                self.truncate(n, n % 90) if n & 1 else self.iput(n)
            case 19:
                if self.caches:  # another array of one of the kernel's would stay
                    self.tune(n % len(self.caches), n % 200 + 1, n % 60 + 1, n % 9)
            case 20:
                self.pass_time(500)

    def dump(self) -> str:
        """The model as text, for another process."""
        return json.dumps({
            "held": [asdict(held) for held in self.held], "caches": self.caches, "tasks": self.tasks,
            "atomic": self.atomic, "made": self.made, "inodes": self.inodes, "cpu": self.cpu,
        })  # fmt: skip

    def restore(self, text: str) -> None:
        """Take over what `dump` wrote."""
        state = json.loads(text)
        self.held = [Held(**held) for held in state["held"]]
        self.caches, self.tasks, self.made = state["caches"], state["tasks"], state["made"]
        self.inodes = state["inodes"]
        self.atomic = [(page, va, cpu) for page, va, cpu in state["atomic"]]
        self.on_cpu(state["cpu"])


def go_on(image: str, model: str, seed: int, steps: int) -> list[int]:
    """Attach to a saved machine and do `steps` random calls; the addresses they gave."""
    sequence = Sequence(Kernel.attach(Machine.load(image)))
    with open(model) as file:
        sequence.restore(file.read())
    sequence.check()
    rng = random.Random(seed)
    for _ in range(steps):
        sequence.random_step(rng)
    sequence.check()
    return sequence.log


if __name__ == "__main__":
    print(json.dumps(go_on(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))))
