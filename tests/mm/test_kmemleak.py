"""Memory that nobody can reach: what the search finds, what keeps something, and that all of it can be given back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guest.kernel import Kernel
from mm.errors import DamagedMemory
from mm.fsck import fsck
from mm.gfp import GFP_COMP, GFP_HIGHUSER, GFP_KERNEL, GFP_ZERO
from mm.kmemleak import Leak
from mm.layout import PAGE_OFFSET, PAGE_SHIFT, PAGE_SIZE
from mm.page_flags import PG_locked, PG_private
from mm.setup import BootOptions

MB = 1 << 20
Boot = Callable[..., Kernel]
Load = Callable[[Kernel, str, int], int]


def found(kernel: Kernel) -> list[Leak]:
    return kernel.leaks(kernel.unreferenced())


def keys(kernel: Kernel) -> set[tuple[str, int]]:
    return {(leak.kind, leak.pfn if leak.kind == "pages" else leak.address or 0) for leak in found(kernel)}


def give_back(kernel: Kernel) -> int:
    return kernel._kmemleak().free(kernel.unreferenced())


def free(kernel: Kernel) -> int:
    kernel.slab.reap_free_slabs()
    kernel.page_alloc.drain_local_pages(0)
    return kernel.meminfo()["MemFree"]


@pytest.mark.parametrize(
    "options",
    [
        {"ram": 16 * MB}, {"ram": 1024 * MB}, {"ram": 920 * MB, "page_owner": False, "nr_cpus": 2},
        {"ram": 64 * MB, "l1": 32},
    ],
    ids=str,
)  # fmt: skip
def test_the_kernel_itself_loses_nothing(boot: Boot, options: dict[str, int]) -> None:
    kernel = boot(**options)
    assert found(kernel) == []
    inode = kernel.inodes.new_inode(0)
    mapping = inode + kernel.layout["inode"].offset("i_data")
    for index in (0, 5, 70, 5000):
        page = kernel.filemap.find_or_create_page(mapping, index, GFP_HIGHUSER)
        kernel.filemap.unlock_page(page)
        kernel.page_alloc.put_page(page)
    kernel.tasks.create("sleeper")
    assert found(kernel) == []


def test_what_is_lost_is_described(boot: Boot) -> None:
    kernel = boot(ram=1024 * MB)
    pages = kernel.page_alloc
    small = [kernel.slab.kmalloc(100, GFP_KERNEL) for _ in range(3)]
    kernel.slab.kfree(small.pop(1))
    large = kernel.slab.kmalloc(100000, GFP_KERNEL)
    low, high = pages.alloc_pages(GFP_KERNEL, 3), pages.alloc_pages(GFP_HIGHUSER, 0)
    area = kernel.vmalloc.vmalloc(10000)
    objects = [Leak("slab", va, va - PAGE_OFFSET >> PAGE_SHIFT, 128, "size-128", 0, 0) for va in small]
    first = pages.page_to_pfn(low)
    expected = [
        *objects,
        Leak("slab", large, large - PAGE_OFFSET >> PAGE_SHIFT, 131072, "size-131072", 0, 0),
        Leak("pages", None, pages.page_to_pfn(high), PAGE_SIZE, "", 0, 0),
        Leak("pages", PAGE_OFFSET + (first << PAGE_SHIFT), first, PAGE_SIZE << 3, "", 3, 0),
        Leak("vmalloc", area, kernel.vmalloc.vmalloc_to_pfn(area), 3 * PAGE_SIZE, "", 0, 0),
    ]
    leaks = found(kernel)
    assert sorted((leak.kind, leak.pfn) for leak in leaks) == sorted((leak.kind, leak.pfn) for leak in expected)
    for leak in leaks:
        word = kernel.ram.words[(pages.pfn_to_page(leak.pfn) - PAGE_OFFSET >> 2) + kernel.layout["page"].word("owner")]
        assert leak.owner == word != 0
        assert Leak(leak.kind, leak.address, leak.pfn, leak.size, leak.cache, leak.order, 0) in expected
    assert kernel.size_of(kernel.unreferenced()) == sum(leak.size for leak in expected)
    assert kernel.leaks(kernel.unreferenced(), 2) == leaks[:2]


# what keeps


@pytest.fixture
def program(boot: Boot, load_module: Load) -> tuple[Kernel, int]:
    """A machine with HighMem and a loaded program of 8 KB: the address of its data."""
    kernel = boot(ram=1024 * MB)
    module = load_module(kernel, "program", 2 * PAGE_SIZE)
    core = kernel.vm.word(module + kernel.layout["module"].offset("module_core"))
    return kernel, core + PAGE_SIZE


def test_a_program_keeps_what_it_points_into(program: tuple[Kernel, int]) -> None:
    kernel, data = program
    obj, area = kernel.slab.kmalloc(300, GFP_KERNEL), kernel.vmalloc.vmalloc(20000)
    low, high = (kernel.page_alloc.alloc_pages(flags, 2) for flags in (GFP_KERNEL, GFP_HIGHUSER))
    lowmem = PAGE_OFFSET + (kernel.page_alloc.page_to_pfn(low) << PAGE_SHIFT)
    size = kernel.page_alloc.page_size
    assert len(found(kernel)) == 4
    for pointers in (
        (obj, area, lowmem, high),
        (obj + 299, area + 5 * PAGE_SIZE - 1, lowmem + (4 << PAGE_SHIFT) - 1, high + 3 * size),
        (obj + 8, area + 4, low + 2 * size, high + 3 * size + 24),
    ):
        for n, pointer in enumerate(pointers):
            kernel.vm.set_word(data + 40 * n, pointer)
        assert found(kernel) == []
    for n, pointer in enumerate((obj + 512, area + 5 * PAGE_SIZE, lowmem - 1, high + 4 * size)):
        kernel.vm.set_word(data + 40 * n, pointer)
    assert len(found(kernel)) == 4  # each points right behind, or before


def test_a_list_of_pages(program: tuple[Kernel, int]) -> None:
    """Through page->lru, which is nobody's contents."""
    kernel, data = program
    pages = [kernel.page_alloc.alloc_pages(GFP_HIGHUSER, 0) for _ in range(200)]
    entries = [data, *(page + 24 for page in pages)]
    for entry, following in zip(entries, entries[1:] + entries[:1]):
        kernel.vm.set_word(entry, following)
        kernel.vm.set_word(following + 4, entry)
    assert found(kernel) == []
    kernel.vm.set_word(pages[100] + 24, 0)  # from the other end the rest is found still
    assert found(kernel) == []
    kernel.vm.set_word(pages[120] + 28, 0)
    assert len(found(kernel)) == 19


def test_a_long_list_of_objects(program: tuple[Kernel, int]) -> None:
    kernel, data = program
    before = data
    objects = [kernel.slab.kzalloc(32, GFP_KERNEL) for _ in range(5000)]
    for obj in objects:
        kernel.vm.set_word(before, obj)
        before = obj + 12
    assert found(kernel) == []
    kernel.vm.set_word(objects[4000] + 12, 0)
    assert {leak.address for leak in found(kernel)} == set(objects[4001:])


def test_kmaps(program: tuple[Kernel, int]) -> None:
    kernel, data = program
    used, unused, atomic, inside = (kernel.page_alloc.alloc_pages(GFP_HIGHUSER, 0) for _ in range(4))
    kernel.highmem.kmap(used)
    window = kernel.highmem.kmap(unused)
    kernel.highmem.kunmap(unused)
    kernel.highmem.kmap_atomic(atomic, 3)
    pfn = kernel.page_alloc.page_to_pfn
    assert {leak.pfn for leak in found(kernel)} == {pfn(unused), pfn(inside)}
    kernel.vm.set_word(data, window + 100)
    assert {leak.pfn for leak in found(kernel)} == {pfn(inside)}
    kernel.ram.words[(pfn(unused) << PAGE_SHIFT) + 8 >> 2] = inside  # from a page in HighMem to another
    assert found(kernel) == []


def test_stacks(boot: Boot) -> None:
    """What a task has on its stack counts, what it had there does not; of a dead one nothing."""
    kernel = boot(ram=64 * MB)
    task, obj = kernel.tasks.create("sleeper"), kernel.slab.kmalloc(64, GFP_KERNEL)
    stack, fields = kernel.tasks.stack(task), kernel.layout["task_struct"]
    kernel.vm.set_word(task + fields.offset("thread.esp"), stack + 6000)
    kernel.vm.set_word(stack + 5996, obj)
    assert [leak.address for leak in found(kernel)] == [obj]
    kernel.vm.set_word(stack + 6000, obj)
    assert found(kernel) == []
    kernel.sched.forget(task)
    assert [leak.address for leak in found(kernel)] == [obj]


def test_free_objects_keep_nothing(boot: Boot) -> None:
    kernel = boot(ram=64 * MB)
    obj, lost = kernel.slab.kmalloc(700, GFP_KERNEL), kernel.slab.kmalloc(50, GFP_KERNEL)
    kernel.vm.set_word(obj, lost)
    kernel.vm.set_word(kernel.layout.va("kthread_stop_k"), obj)
    assert found(kernel) == []
    kernel.slab.kfree(obj)
    assert [leak.address for leak in found(kernel)] == [lost]


# giving back


def test_whatever_its_pages_are_marked_with(boot: Boot) -> None:
    kernel = boot(ram=1024 * MB)
    before, page = free(kernel), kernel.layout["page"]
    for order, flags in ((0, GFP_HIGHUSER), (0, GFP_KERNEL), (4, GFP_KERNEL), (3, GFP_KERNEL | GFP_COMP)):
        block = kernel.page_alloc.alloc_pages(flags, order)
        for offset, value in (("flags", PG_locked | PG_private), ("_count", 3), ("_mapcount", 1), ("mapping", 0x1234)):
            i = (block - PAGE_OFFSET >> 2) + page.word(offset)
            kernel.ram.words[i] = kernel.ram.words[i] | value if offset == "flags" else value
    assert give_back(kernel) == (1 + 1 + 16 + 8) * PAGE_SIZE
    assert fsck(kernel.ram).damages == [] and "Bad page" not in kernel.log.text()
    assert free(kernel) == before


def test_the_kernels_own_objects_stay(boot: Boot) -> None:
    kernel = boot(ram=64 * MB)
    cachep = kernel.vm.word(kernel.layout.va("mm_cachep"))
    lost, small = kernel.slab.kmem_cache_alloc(cachep, GFP_KERNEL), kernel.slab.kmalloc(60, GFP_KERNEL)
    assert keys(kernel) == {("slab", lost), ("slab", small)}
    assert give_back(kernel) == 64
    assert keys(kernel) == {("slab", lost)}


def test_a_cache_without_a_program(boot: Boot) -> None:
    """Its functions and its name are mapped no more: nothing is called, and the cache goes when it is empty."""
    kernel = boot(ram=64 * MB)
    area = kernel.vmalloc.vmalloc(PAGE_SIZE)
    kernel.vm.write(area, b"orphans\0")
    cachep = kernel.slab.kmem_cache_create(area, 200, 0, 0, 0, 0)
    fields = kernel.layout["kmem_cache"]
    for _ in range(500):
        assert kernel.slab.kmem_cache_alloc(cachep, GFP_KERNEL)
    assert give_back(kernel) == 500 * 200  # the cache keeps the area, which has its name
    kernel.slab.kmem_cache_alloc(cachep, GFP_KERNEL)
    for name in ("ctor", "dtor"):
        kernel.vm.set_word(cachep + fields.offset(name), area + 64)
    kernel.vmalloc.vfree(area)
    assert give_back(kernel) == 200
    assert cachep not in kernel.slab.caches() and fsck(kernel.ram).damages == [] and found(kernel) == []


def test_damage(boot: Boot) -> None:
    kernel = boot(ram=64 * MB)
    obj = kernel.slab.kmalloc(32, GFP_KERNEL)
    kernel.vm.set_word(kernel.slab._virt_to_slab(obj) + 20, 5000)  # slab->free
    with pytest.raises(DamagedMemory):
        kernel.unreferenced()


# a model


@dataclass
class Thing:
    """Something allocated. key: what a leak of it must say; pages: where its contents are, physically."""

    key: tuple[str, int]
    size: int
    pages: list[int]
    addresses: list[int]  # of its parts, one after the other: [0] is the first page's
    structs: list[int] = field(default_factory=list)
    pointers: int = 0

    def address(self, kernel: Kernel, form: str, at: float) -> int:
        """A pointer into it."""
        if form == "page" and self.structs:
            return self.structs[int(at * len(self.structs))]
        if not self.addresses:  # HighMem: through a window that nobody uses
            page = self.structs[0]
            va = kernel.highmem.kmap(page)
            kernel.highmem.kunmap(page)
            return va + int(at * PAGE_SIZE)
        return self.addresses[0] + int(at * self.size)

    def point(self, kernel: Kernel, pointer: int) -> None:
        """Store a pointer: in its contents, or every third time in its first `struct page`."""
        n, self.pointers = self.pointers, self.pointers + 1
        if n in (2, 5) and self.structs and self.key[0] == "pages":
            kernel.vm.set_word(self.structs[0] + kernel.layout["page"].offset(("lru.prev", "mapping")[n == 5]), pointer)
            return
        at = n * (self.size // 8 & -4)
        kernel.ram.words[self.pages[at // PAGE_SIZE] + at % PAGE_SIZE >> 2] = pointer


def make(kernel: Kernel, cache: int, kind: str, size: int) -> Thing:
    pages = kernel.page_alloc
    if kind in ("kmalloc", "cache"):
        size = (32, 100, 700, 5000, 20000)[size]
        zalloc, what = (kernel.slab.kzalloc, size) if kind == "kmalloc" else (kernel.slab.kmem_cache_zalloc, cache)
        va = zalloc(what, GFP_KERNEL)
        size = kernel.slab.ksize(va)
        return Thing(("slab", va), size, [va - PAGE_OFFSET + at for at in range(0, size, PAGE_SIZE)], [va])
    if kind == "vmalloc":
        va = kernel.vmalloc.vzalloc((1 + size) * 5000)
        size = (1 + size) * 5000 + PAGE_SIZE - 1 & -PAGE_SIZE
        structs = [kernel.vmalloc.vmalloc_to_page(va + at) for at in range(0, size, PAGE_SIZE)]
        return Thing(("vmalloc", va), size, [pages.page_to_pfn(p) << PAGE_SHIFT for p in structs], [va], structs)
    flags = {"pages": GFP_KERNEL, "compound": GFP_KERNEL | GFP_COMP, "highmem": GFP_HIGHUSER}[kind]
    page = pages.alloc_pages(flags | GFP_ZERO, size)
    first = pages.page_to_pfn(page)
    frames = range(first, first + (1 << size))
    addresses = [] if kind == "highmem" else [PAGE_OFFSET + (first << PAGE_SHIFT)]
    structs = [pages.pfn_to_page(pfn) for pfn in frames]
    return Thing(("pages", first), PAGE_SIZE << size, [pfn << PAGE_SHIFT for pfn in frames], addresses, structs)


@pytest.fixture(scope="module", params=[{}, {"page_owner": False, "nr_cpus": 2}], ids=["owner", "hash"])
def machine(request: pytest.FixtureRequest) -> Iterator[Kernel]:
    with Kernel.boot(BootOptions(ram=920 * MB, **request.param)) as kernel:
        yield kernel
        assert fsck(kernel.ram, kernel.text()).damages == []


THINGS = st.lists(
    st.tuples(st.sampled_from(["kmalloc", "cache", "vmalloc", "pages", "compound", "highmem"]), st.integers(0, 4)),
    min_size=1, max_size=25,
)  # fmt: skip
EDGES = st.lists(
    st.tuples(
        st.integers(-1, 24), st.integers(0, 24), st.sampled_from(["address", "page"]), st.floats(0, 0.99)
    ), max_size=40,
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.variants
@given(shapes=THINGS, edges=EDGES)
@settings(max_examples=40)
def test_exactly_what_is_not_reached_is_found(
    machine: Kernel, root: tuple[int, int], shapes: list[tuple[str, int]], edges: list[tuple[int, int, str, float]]
) -> None:
    kernel, (data, cache) = machine, root
    things = [make(kernel, cache, *shape) for shape in shapes]
    reaches: dict[int, set[int]] = {}
    for source, target, form, at in edges:
        if source >= len(things) or target >= len(things) or (source >= 0 and things[source].pointers > 6):
            continue
        pointer = things[target].address(kernel, form, at)
        if source < 0:
            kernel.vm.set_word(data + 4 * len(reaches.setdefault(-1, set())), pointer)
            if target in reaches[-1]:
                continue
        else:
            things[source].point(kernel, pointer)
        reaches.setdefault(source, set()).add(target)
    reached, new = set(), set(reaches.get(-1, ()))
    while new:
        reached |= new
        new = {target for source in new for target in reaches.get(source, ())} - reached
    lost = {n for n in range(len(things))} - reached
    assert keys(kernel) == {things[n].key for n in lost}
    assert give_back(kernel) == sum(things[n].size for n in lost)
    assert keys(kernel) == set()
    kernel.vm.write(data, bytes(160))
    assert give_back(kernel) == sum(things[n].size for n in reached)


@pytest.fixture(scope="module")
def root(machine: Kernel, load_module: Load, create: Callable[..., int]) -> tuple[int, int]:
    """The data of a loaded program, and its cache."""
    module = load_module(machine, "root", 2 * PAGE_SIZE)
    core = machine.vm.word(module + machine.layout["module"].offset("module_core"))
    machine.vm.write(core, bytes(2 * PAGE_SIZE))
    return core + PAGE_SIZE, create(machine, "of_60", 60)
