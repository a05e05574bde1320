"""Machines for the tests of mm."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator

import pytest

from guest.kernel import Kernel
from mm.gfp import GFP_COMP, GFP_DMA, GFP_HIGHUSER, GFP_KERNEL
from mm.layout import PAGE_OFFSET
from mm.setup import BootOptions
from mm.slab import SLAB_HWCACHE_ALIGN
from mm.slab_objects import SLAB_RECLAIM_ACCOUNT


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
    held = [pages.alloc_pages(GFP_KERNEL, order) for order in (0, 1, 2, 3, 4, 5, 0, 0) * 2]
    held += [pages.alloc_pages(GFP_DMA, order) for order in (0, 2)]
    held += [pages.alloc_pages(GFP_KERNEL | GFP_COMP, order) for order in (1, 3)]
    for n in (0, 3, 7, 12):
        pages._free_pages(held[n], (0, 1, 2, 3, 4, 5, 0, 0)[n % 8])
    areas = [vmalloc.vmalloc(size) for size in (5000, 100, 30000, 5 << 20, 4096, 8 << 20)]
    for area in (areas[1], areas[5]):
        vmalloc.vfree(area)
    high = [pages.alloc_pages(GFP_HIGHUSER, 0) for _ in range(12)]
    for page in high[:8]:
        highmem.kmap(page)
    highmem.kmap(high[0])
    for page in high[:4]:
        highmem.kunmap(page)
    highmem.kmap_atomic(high[9], 3)
    for page in high[10:]:
        pages._free_pages(page, 0)
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


@pytest.fixture
def create() -> Callable[..., int]:
    """`create(kernel, name, size, align, flags)`: a slab cache."""
    return create_cache


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
def busy_hash() -> Iterator[Kernel]:
    """The same with the 32-byte `struct page`, and for two CPUs."""
    kernel = Kernel.boot(BootOptions(ram=920 << 20, page_owner=False, nr_cpus=2))
    keep_busy(kernel)
    yield kernel
    close(kernel)
