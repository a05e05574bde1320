"""Machines for the tests of mm."""

from __future__ import annotations

import gc
from array import array
from collections.abc import Callable, Iterable, Iterator

import pytest

from guest.kernel import Kernel
from mm.gfp import GFP_COMP, GFP_DMA, GFP_HIGHUSER, GFP_KERNEL
from mm.layout import PAGE_OFFSET, THREAD_SIZE
from mm.pgtable import PAGE_KERNEL
from mm.setup import BootOptions
from mm.slab import SLAB_HWCACHE_ALIGN
from mm.slab_objects import SLAB_RECLAIM_ACCOUNT
from mm.vmalloc import VM_MAP


def close(kernel: Kernel) -> None:
    """Close a machine, also where a damaged one left an exception that holds its memory."""
    try:
        kernel.close()
    except BufferError:
        gc.collect()
        kernel.machine.close()


def write_string(kernel: Kernel, text: str) -> int:
    """A C string in memory of its own; its address."""
    va = kernel.slab.kmalloc(len(text) + 1, GFP_KERNEL)
    kernel.ram.write(va - PAGE_OFFSET, text.encode() + b"\0")
    return va


def create_cache(kernel: Kernel, name: str, size: int, align: int = 0, flags: int = 0) -> int:
    """A slab cache without constructor."""
    return kernel.slab.kmem_cache_create(write_string(kernel, name), size, align, flags, 0, 0)


def load_module(kernel: Kernel, name: str, size: int) -> int:
    """A `struct module` in the list, with code space and arguments, as the loader makes it."""
    module = kernel.layout["module"]
    core = kernel.vmalloc.vmalloc_exec(size)
    va = kernel.slab.kzalloc(module.size, GFP_KERNEL)
    args = kernel.slab.kmalloc(100, GFP_KERNEL)
    w = kernel.ram.words
    for field, value in (
        ("module_core", core), ("core_size", size), ("text_size", size // 2), ("init", core + 16), ("exit", core + 64),
        ("extable", core + 256), ("num_exentries", 2), ("bug_table", core + 512), ("num_bugs", 3), ("args", args),
    ):  # fmt: skip
        w[(va - PAGE_OFFSET >> 2) + module.word(field)] = value
    kernel.ram.write(va - PAGE_OFFSET + module.offset("name"), name.encode() + b"\0")
    entry, head = va + module.offset("list"), kernel.layout.va("modules")
    first = w[head - PAGE_OFFSET >> 2]
    w[entry - PAGE_OFFSET >> 2], w[(entry - PAGE_OFFSET >> 2) + 1] = first, head
    w[(first - PAGE_OFFSET >> 2) + 1] = w[head - PAGE_OFFSET >> 2] = entry
    return va


def add_pages(kernel: Kernel, inode: int, indexes: Iterable[int], gfp_mask: int = GFP_HIGHUSER) -> list[int]:
    """Pages of an inode's page cache, new where there is none; nobody but the cache holds them afterwards."""
    mapping, pages = inode + kernel.layout["inode"].offset("i_data"), []
    for index in indexes:
        page = kernel.filemap.find_or_create_page(mapping, index, gfp_mask)
        kernel.filemap.unlock_page(page)
        kernel.page_alloc.put_page(page)
        pages.append(page)
    return pages


def fill_page_cache(kernel: Kernel) -> None:
    """Inodes with trees of every form, pages on every list of reclaim and in the pagevecs."""
    filemap, swap, pages = kernel.filemap, kernel.swap, kernel.page_alloc
    one, many, high, low, empty = (kernel.inodes.new_inode(0) for _ in range(5))
    kernel.inodes.new_inode(0)
    kernel.inodes.iput(empty)
    add_pages(kernel, one, [0])
    dirty = add_pages(kernel, many, [*range(0, 200, 3), 4095, 4096, 300000])
    add_pages(kernel, high, [0xFFFFFFFF, 0x40000000, 0])
    add_pages(kernel, low, [70, 71, 72], GFP_KERNEL)
    for page in dirty[::4]:
        filemap.set_page_dirty(page)
    for page in dirty[5::7]:
        filemap.test_set_page_writeback(page)
    for page in dirty[::3] * 2:
        swap.mark_page_accessed(page)
    filemap.trylock_page(dirty[1])
    swap.lru_cache_add(pages.alloc_pages(GFP_KERNEL, 0))  # one that is in no page cache
    for _ in range(3):
        swap.lru_cache_add_active(pages.alloc_pages(GFP_HIGHUSER, 0))
    swap.lru_add_drain()
    add_pages(kernel, low, [5, 6, 7])
    swap.lru_cache_add_active(pages.alloc_pages(GFP_HIGHUSER, 0))


def vmap(kernel: Kernel, pages: list[int], flags: int = VM_MAP, prot: int = PAGE_KERNEL) -> int:
    """Map pages one behind the other."""
    va = kernel.slab.kmalloc(4 * len(pages), GFP_KERNEL)
    kernel.vm.write(va, array("I", pages).tobytes())
    area = kernel.vmalloc.vmap(va, len(pages), flags, prot)
    kernel.slab.kfree(va)
    return area


def keep_mappings(kernel: Kernel) -> None:
    """Areas of vmalloc space that have no pages of their own."""
    for count, gfp_mask in ((1, GFP_KERNEL), (7, GFP_HIGHUSER), (1500, GFP_HIGHUSER)):
        vmap(kernel, [kernel.page_alloc.alloc_pages(gfp_mask, 0) for _ in range(count)])
    kernel.vmalloc.vmalloc_user(20000)
    kernel.ioremap.ioremap(0xFEE00010, 100)
    kernel.ioremap.ioremap_nocache(0xE0000000, 0x123456)
    kernel.ioremap.ioremap(0, 0x800)
    kernel.vmalloc.get_vm_area(30000, VM_MAP)


def keep_spaces(kernel: Kernel) -> None:
    """Address spaces with and without new page tables, borrowed ones, and page directories that rest in the cache."""
    spaces, first = kernel.spaces, kernel.sched.idle_task(0)
    programs = [kernel.tasks.create_program(f"program{n}", n) for n in range(4)]
    second, third = (spaces.mm_alloc() for _ in range(2))
    spaces.get_task_mm(programs[0])
    kernel.vmalloc.vmalloc(5 << 20)
    for name, mm in (("in the second", second), ("in the third", third), ("as well", third)):
        thread = kernel.tasks.create(name)
        before = kernel.traps.esp
        spaces.context_switch(0, first, thread)
        kernel.traps.esp = kernel.tasks.stack(thread) + THREAD_SIZE - 64
        spaces.use_mm(mm)
        kernel.traps.esp = before
        spaces.context_switch(0, thread, first)
    spaces.mmput(second)  # only borrowed from now on
    spaces.leave_mm(0, first)
    for program in programs[2:]:
        kernel.tasks.release(program)


def keep_busy(kernel: Kernel) -> None:
    """Give every kind of structure some work and leave it half done."""
    slab, pages, vmalloc, highmem = kernel.slab, kernel.page_alloc, kernel.vmalloc, kernel.highmem
    objects = [slab.kmalloc(size, GFP_KERNEL) for size in (8, 33, 64, 100, 200, 300, 700, 1500, 3000, 5000) * 30]
    objects += [slab.kmalloc(size, GFP_KERNEL) for size in (9000, 20000, 40000, 100000)]
    objects += [slab.kmalloc(size, GFP_KERNEL | GFP_DMA) for size in (20, 600, 4096)]
    for obj in objects[::2]:
        slab.kfree(obj)
    shapes = ((24, 0, 0), (200, 0, SLAB_HWCACHE_ALIGN), (700, 0, SLAB_RECLAIM_ACCOUNT), (500, 128, 0), (2000, 4096, 0))
    for n, (size, align, flags) in enumerate(shapes):
        cache = create_cache(kernel, f"cache{n}", size, align, flags)
        taken = [slab.kmem_cache_alloc(cache, GFP_KERNEL) for _ in range(3000 // size + 40)]
        for obj in taken[::3]:
            slab.kmem_cache_free(cache, obj)
    for name, limit, batchcount, shared in (("cache1", 50, 7, 3), ("size-64", 200, 20, 0), ("size-2048", 24, 12, 5)):
        slab.slabinfo_write(name, limit, batchcount, shared)
    held = [pages.alloc_pages(GFP_KERNEL, order) for order in (0, 1, 2, 3, 4, 5, 0, 0) * 2]
    held += [pages.alloc_pages(GFP_DMA, order) for order in (0, 2)]
    held += [pages.alloc_pages(GFP_KERNEL | GFP_COMP, order) for order in (1, 3)]
    for n in (0, 3, 7, 12):
        pages._free_pages(held[n], (0, 1, 2, 3, 4, 5, 0, 0)[n % 8])
    areas = [vmalloc.vmalloc(size) for size in (5000, 100, 30000, 5 << 20, 4096, 8 << 20)]
    for area in (areas[1], areas[5]):
        vmalloc.vfree(area)
    keep_mappings(kernel)
    high = [pages.alloc_pages(GFP_HIGHUSER, 0) for _ in range(12)]
    for page in high[:8]:
        highmem.kmap(page)
    highmem.kmap(high[0])
    for page in high[:4]:
        highmem.kunmap(page)
    highmem.kmap_atomic(high[9], 3)
    for page in high[10:]:
        pages._free_pages(page, 0)
    fill_page_cache(kernel)
    keep_spaces(kernel)
    task = kernel.tasks.create("one")
    kernel.tasks.create("another task with a long name")
    kernel.tasks.release(task)
    kernel.tasks.create("third")
    load_module(kernel, "hello", 7000)
    load_module(kernel, "world", 4096)


Boot = Callable[..., Kernel]


@pytest.fixture
def boot() -> Iterator[Boot]:
    """Boots machines, `boot(ram=..., ...)`, that are closed after the test."""
    kernels: list[Kernel] = []

    def make(**options: object) -> Kernel:
        kernels.append(Kernel.boot(BootOptions(**options)))  # type: ignore[arg-type]
        return kernels[-1]

    yield make
    for kernel in kernels:
        close(kernel)


@pytest.fixture(scope="session")
def create() -> Callable[..., int]:
    """`create(kernel, name, size, align, flags)`: a slab cache."""
    return create_cache


@pytest.fixture(scope="session", name="load_module")
def module_loader() -> Callable[[Kernel, str, int], int]:
    """`load_module(kernel, name, size)`: a `struct module`, loaded."""
    return load_module


@pytest.fixture(scope="session", name="vmap")
def mapper() -> Callable[..., int]:
    """`vmap(kernel, pages, flags, prot)`: pages mapped one behind the other."""
    return vmap


@pytest.fixture(scope="session")
def make_busy() -> Callable[[Kernel], None]:
    """`make_busy(kernel)` gives every kind of structure some work."""
    return keep_busy


@pytest.fixture(scope="session")
def busy() -> Iterator[Kernel]:
    """A machine with HighMem on which every kind of structure is in use. Restore what you change."""
    kernel = Kernel.boot(BootOptions(ram=920 << 20))
    keep_busy(kernel)
    yield kernel
    close(kernel)


@pytest.fixture(scope="session")
def busy_debug() -> Iterator[Kernel]:
    """The same with debugged slabs, on two CPUs."""
    kernel = Kernel.boot(BootOptions(ram=920 << 20, cpus=2, slab_debug=",*"))
    keep_busy(kernel)
    yield kernel
    close(kernel)


@pytest.fixture(scope="session")
def busy_hash() -> Iterator[Kernel]:
    """The same with the 32-byte `struct page`, with two of three possible CPUs, and with PAE."""
    kernel = Kernel.boot(BootOptions(ram=920 << 20, page_owner=False, nr_cpus=3, cpus=2, pae=True))
    keep_busy(kernel)
    yield kernel
    close(kernel)
