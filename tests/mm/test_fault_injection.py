"""Every allocation fails once, in turn: nothing leaks, nothing is damaged, and the next try succeeds.

An allocation fails in two ways: it gives nothing, or it must wait, and then the call ends at once and is run again.
"""

from __future__ import annotations

import importlib.util
import sys
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache as cache_result
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from guest import cc, elf
from guest.elf import LoadError, Program
from guest.kernel import Kernel
from hw.errors import HighmemError
from mm.errors import Panic
from mm.fsck import fsck
from mm.gfp import GFP_ATOMIC, GFP_DMA, GFP_HIGHUSER, GFP_KERNEL, GFP_ZERO
from mm.layout import Layout
from mm.pgtable import PAGE_KERNEL
from mm.sched import Switch
from mm.setup import BootOptions
from mm.slab import SLAB_CACHE_DMA, SLAB_HWCACHE_ALIGN, SLAB_PANIC
from mm.slab_objects import SLAB_RECLAIM_ACCOUNT
from mm.vmalloc import VM_MAP

HERE = Path(__file__).resolve().parent
MB = 1 << 20
RAM = 16 * MB


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("highmem_test_failing", HERE / "failing.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


failing = _load()
Machines = Callable[..., Any]
WAYS = [(level, mode) for level in failing.LEVELS for mode in failing.MODES]


@dataclass(frozen=True)
class Operation:
    """What is tried. prepare(kernel) makes what it works on; do(kernel, prepared) gives what undo takes back.

    failed(result): whether it says that there was no memory. may_do_without: it has a way on when an allocation fails.
    """

    do: Callable[[Kernel, int], int]
    undo: Callable[[Kernel, int, int], object]
    prepare: Callable[[Kernel], int] = lambda kernel: 0
    failed: Callable[[int], bool] = lambda result: result == 0
    may_do_without: bool = False
    nr_cpus: int = 1
    pae: bool = False


def text(kernel: Kernel, string: str) -> int:
    """A C string of its own."""
    va = kernel.slab.kmalloc(len(string) + 1, GFP_KERNEL)
    kernel.vm.write(va, string.encode() + b"\0")
    return va


def kmalloc(size: int, flags: int = GFP_KERNEL) -> Operation:
    return Operation(
        lambda kernel, _: kernel.slab.kmalloc(size, flags), lambda kernel, _, p: kernel.slab.kfree(p)
    )


def cache(size: int, align: int = 0, flags: int = 0, nr_cpus: int = 1, online: int = 1) -> Operation:
    """kmem_cache_create. online: how many CPUs get an array."""

    def with_online(kernel: Kernel, action: Callable[[], int | None]) -> int:
        at = kernel.layout.va("nr_cpus_online")
        kernel.vm.set_word(at, online)
        try:
            return action() or 0
        except Panic:
            return 0
        finally:
            kernel.vm.set_word(at, 1)

    return Operation(
        lambda kernel, name: with_online(
            kernel, lambda: kernel.slab.kmem_cache_create(name, size, align, flags, 0, 0)
        ),
        lambda kernel, name, cachep: with_online(kernel, lambda: kernel.slab.kmem_cache_destroy(cachep)),
        lambda kernel: text(kernel, "a cache"),
        nr_cpus=nr_cpus,
    )


def mm_alloc(pae: bool = False) -> Operation:
    """An address space, with its page directory and, with PAE, three pages of pmds."""
    return Operation(
        lambda kernel, _: kernel.spaces.mm_alloc(), lambda kernel, _, mm: kernel.spaces.mmput(mm), pae=pae
    )


def vmalloc(size: int) -> Operation:
    return Operation(
        lambda kernel, _: kernel.vmalloc.vmalloc(size), lambda kernel, _, va: kernel.vmalloc.vfree(va)
    )


def page_array(count: int) -> Callable[[Kernel], int]:
    """Makes an array of as many pages, and in front of it its own address."""

    def make(kernel: Kernel) -> int:
        va = kernel.slab.kmalloc(4 * count + 4, GFP_KERNEL)
        pages = [kernel.page_alloc.alloc_pages(GFP_HIGHUSER, 0) for _ in range(count)]
        kernel.vm.write(va, array("I", [va + 4, *pages]).tobytes())
        return va

    return make


def map_vm_area(kernel: Kernel, pages: int) -> int:
    """Map a new area; the area."""
    area = kernel.vmalloc.get_vm_area(5 * 4096, VM_MAP)
    failed = area == 0
    try:
        failed = failed or kernel.vmalloc.map_vm_area(area, PAGE_KERNEL, pages) != 0
    except BaseException:
        failed = True
        raise
    finally:
        assert kernel.vm.word(pages) == pages + (4 if failed else 24)
        kernel.vm.set_word(pages, pages + 4)
        if area and failed:
            remove_area(kernel, pages, area)
    return 0 if failed else area


def remove_area(kernel: Kernel, _: int, area: int) -> None:
    assert kernel.vmalloc.remove_vm_area(kernel.vm.word(area + kernel.layout["vm_struct"].offset("addr"))) == area
    kernel.slab.kfree(area)


def ioremap(phys: int, size: int) -> Operation:
    return Operation(
        lambda kernel, _: kernel.ioremap.ioremap(phys, size), lambda kernel, _, va: kernel.ioremap.iounmap(va)
    )


def krealloc(kernel: Kernel, p: int) -> int:
    kernel.vm.write(p, b"content!" * 12)
    try:
        new = kernel.slab.krealloc(p, 5000, GFP_KERNEL)
    except Switch:
        assert kernel.vm.read(p, 96) == b"content!" * 12
        raise
    assert kernel.vm.read(new or p, 96) == b"content!" * 12
    return new


def undo_krealloc(kernel: Kernel, p: int, new: int) -> None:
    kernel.slab.kfree(new)
    assert kernel.slab.kmalloc(100, GFP_KERNEL) == p  # as it was before


def kthread_create(kernel: Kernel, _: int) -> int:
    return kernel.kthreads.kthread_create(0xC0100000, 5, "worker")


@cache_result
def program() -> Program:
    path = HERE / "programs" / "allocations.c"
    return elf.read(cc.build([path], Layout()), path.name)


def load(kernel: Kernel, _: int) -> int:
    """A program in memory with its arguments, as Kernel.run begins."""
    loaded = None
    ready = False
    try:
        loaded = kernel.modules.load(program())
        kernel.modules.set_arguments(loaded, ["program", "argument" * 400])
        ready = True
    except LoadError:
        return 0
    finally:
        if loaded and not ready:
            kernel.modules.unload(loaded.module)
    return loaded.module


def find_or_create_page(kernel: Kernel, inode: int) -> int:
    mapping = inode + kernel.layout["inode"].offset("i_data")
    page = kernel.filemap.find_or_create_page(mapping, 70, GFP_HIGHUSER)
    if page:
        kernel.filemap.unlock_page(page)
    return page


def put_page(kernel: Kernel, inode: int, page: int) -> None:
    mapping = inode + kernel.layout["inode"].offset("i_data")
    kernel.page_alloc.put_page(page)
    kernel.truncate.truncate_inode_pages_from(mapping, 0, 0)


OPERATIONS = {
    **{f"kmalloc {size}": kmalloc(size) for size in Layout().kmalloc_sizes},
    "kmalloc 100 DMA": kmalloc(100, GFP_KERNEL | GFP_DMA),
    "kmalloc 4096 DMA": kmalloc(4096, GFP_KERNEL | GFP_DMA),
    "kmalloc 600 atomic": kmalloc(600, GFP_ATOMIC),
    "kcalloc": Operation(
        lambda kernel, _: kernel.slab.kcalloc(50, 20, GFP_KERNEL), lambda kernel, _, p: kernel.slab.kfree(p)
    ),
    "krealloc": Operation(krealloc, undo_krealloc, lambda kernel: kernel.slab.kmalloc(100, GFP_KERNEL)),
    "cache 24": cache(24),
    "cache 200 aligned": cache(200, 0, SLAB_HWCACHE_ALIGN),
    "cache 700": cache(700, 0, SLAB_RECLAIM_ACCOUNT),
    "cache 2000 aligned": cache(2000, 4096),
    "cache 3000 DMA": cache(3000, 0, SLAB_CACHE_DMA),
    "cache 100000": cache(100000),
    "cache that must be": cache(24, 0, SLAB_PANIC),
    "cache 24, SMP": cache(24, nr_cpus=4),
    "cache 700, SMP": cache(700, nr_cpus=4),
    "cache 24, 4 CPUs": cache(24, nr_cpus=4, online=4),
    "cache 5000, 4 CPUs": cache(5000, nr_cpus=4, online=4),
    "tune": Operation(
        lambda kernel, _: kernel.slab.slabinfo_write("size-128", 60, 20, 8),
        lambda kernel, _, result: kernel.slab.slabinfo_write("size-128", 120, 60, 0),
        failed=lambda result: result == -12,
    ),
    "mm_alloc": mm_alloc(),
    "mm_alloc, PAE": mm_alloc(pae=True),
    "vmalloc a page": vmalloc(100),
    "vmalloc 20 pages": vmalloc(80000),
    "vmalloc 5 MB": vmalloc(5 * MB),  # its array of pages is vmalloc'ed too, and it needs a page table
    "vmalloc_at": Operation(
        lambda kernel, _: kernel.vmalloc.vmalloc_at(0xE0000000, 12000),
        lambda kernel, _, va: kernel.vmalloc.vfree(va),
    ),
    "vmalloc_user": Operation(
        lambda kernel, _: kernel.vmalloc.vmalloc_user(9000), lambda kernel, _, va: kernel.vmalloc.vfree(va)
    ),
    "vmap 5 pages": Operation(
        lambda kernel, pages: kernel.vmalloc.vmap(pages + 4, 5, VM_MAP, PAGE_KERNEL),
        lambda kernel, _, va: kernel.vmalloc.vunmap(va), page_array(5),
    ),
    "vmap 1300 pages": Operation(  # it needs page tables
        lambda kernel, pages: kernel.vmalloc.vmap(pages + 4, 1300, VM_MAP, PAGE_KERNEL),
        lambda kernel, _, va: kernel.vmalloc.vunmap(va), page_array(1300),
    ),
    "map_vm_area": Operation(map_vm_area, remove_area, page_array(5)),
    "get_vm_area": Operation(lambda kernel, _: kernel.vmalloc.get_vm_area(100, VM_MAP), remove_area),
    "ioremap": ioremap(0xFEE00000, 100),
    "ioremap 9 MB": ioremap(0xE0000000, 9 * MB),
    "dma_alloc_coherent": Operation(
        lambda kernel, handle: kernel.pci_dma.dma_alloc_coherent(0, 9000, handle, GFP_KERNEL),
        lambda kernel, handle, va: kernel.pci_dma.dma_free_coherent(0, 9000, va, kernel.vm.word(handle)),
        lambda kernel: kernel.slab.kmalloc(8, GFP_KERNEL),
    ),
    "kthread_create": Operation(
        kthread_create, lambda kernel, _, task: kernel.tasks.release(task),
        failed=lambda result: result == -12 & 0xFFFFFFFF,
    ),
    "create_program": Operation(
        lambda kernel, _: kernel.tasks.create_program("program", 3),
        lambda kernel, _, task: kernel.tasks.release(task),
    ),
    "load": Operation(load, lambda kernel, _, module: kernel.modules.unload(module)),
    "set_shrinker": Operation(
        lambda kernel, _: kernel.vmscan.set_shrinker(2, 0xC0100000),
        lambda kernel, _, shrinker: kernel.vmscan.remove_shrinker(shrinker),
    ),
    "get_zeroed_page": Operation(
        lambda kernel, _: kernel.page_alloc.get_zeroed_page(GFP_KERNEL | GFP_ZERO),
        lambda kernel, _, va: kernel.page_alloc.free_pages(va, 0),
    ),
    "new_inode": Operation(
        lambda kernel, _: kernel.inodes.new_inode(0), lambda kernel, _, inode: kernel.inodes.iput(inode)
    ),
    "find_or_create_page": Operation(
        find_or_create_page, put_page, lambda kernel: kernel.inodes.new_inode(0), may_do_without=True
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def faults() -> Iterator[object]:
    """The Failing that stands before the allocators of all machines here."""
    with pytest.MonkeyPatch.context() as patch:
        faults = failing.Failing()
        faults.install(patch)
        yield faults


@pytest.fixture(scope="module")
def machines(faults: object) -> Iterator[Machines]:
    """`machines(nr_cpus, pae)`: a machine as it was booted."""
    benches: dict[tuple[int, bool], Any] = {}

    def machine(nr_cpus: int, pae: bool = False) -> Any:
        key = nr_cpus, pae
        if key not in benches:
            benches[key] = failing.Bench(Kernel.boot(BootOptions(ram=RAM, nr_cpus=nr_cpus, pae=pae)))
        benches[key].restore()
        return benches[key]

    yield machine
    for bench in benches.values():
        bench.kernel.close()


def fail(bench: failing.Bench, faults: failing.Failing, operation: Operation, prepared: int, way: tuple[str, str],
         nth: int) -> None:  # fmt: skip
    """One trial: the n-th allocation of an operation fails in a way."""
    kernel, (level, mode) = bench.kernel, way
    bench.restore()
    log = kernel.log.text()
    switched = False
    result = 0
    with faults.at(nth, level, mode):
        try:
            result = operation.do(kernel, prepared)
        except Switch:
            switched = True
    assert switched == (mode == "switch")
    if switched:
        assert kernel.log.text() == log
    elif not operation.failed(result):
        assert operation.may_do_without
        operation.undo(kernel, prepared, result)
    bench.check()
    bench.check_nothing_leaked()
    result = operation.do(kernel, prepared)
    assert not operation.failed(result)
    operation.undo(kernel, prepared, result)


@pytest.mark.variants
@pytest.mark.parametrize("name", OPERATIONS)
def test_each_allocation_fails(machines: Machines, faults: failing.Failing, name: str) -> None:
    few = range(31)
    try_all(machines, faults, name, WAYS, lambda n: range(1, n + 1) if n in few else faults.one_for_each_place())


@pytest.mark.slow
@pytest.mark.parametrize("mode", failing.MODES)
def test_each_page_of_a_large_area_fails(machines: Machines, faults: failing.Failing, mode: str) -> None:
    try_all(machines, faults, "vmalloc 5 MB", [("pages", mode)], lambda count: range(1, count + 1))


def try_all(machines: Machines, faults: failing.Failing, name: str, ways: Iterable[tuple[str, str]],
            choose: Callable[[int], Iterable[int]]) -> None:  # fmt: skip
    """Make the allocations of an operation fail that `choose(how many there are)` names."""
    operation = OPERATIONS[name]
    kernel = machines(operation.nr_cpus, operation.pae).kernel
    prepared = operation.prepare(kernel)
    bench = failing.Bench(kernel)
    for way in ways:
        bench.restore()
        with faults.at(0, *way):
            assert not operation.failed(operation.do(kernel, prepared))
        assert faults.places or name in ("kmalloc 600 atomic", "get_zeroed_page", "dma_alloc_coherent")
        for nth in choose(len(faults.places)):
            fail(bench, faults, operation, prepared, way, nth)


# programs


class Runs:
    """Runs of the program, each from the same state of a machine."""

    def __init__(self, kernel: Kernel, faults: failing.Failing) -> None:
        self.kernel = kernel
        self.faults = faults
        self.program = program()
        self.bench = failing.Bench(kernel)
        self.live: Counter[int] = Counter()
        kernel.events.subscribe(("kmalloc", "kfree", "kmem_cache_*", "vmalloc", "vfree"), self._count)

    def _count(self, event: str, fields: dict[str, int]) -> None:
        if fields["ptr"] and (event != "vfree" or fields["call_site"]):  # not the program's own memory
            self.live[fields["ptr"]] += -1 if "free" in event else 1

    def run(self) -> tuple[int, str]:
        """Exit status and output; -1 where it could not be loaded."""
        before = len(self.kernel.log.text())
        try:
            status = self.kernel.run(self.program, ["program", "argument"], timeout=60)
        except HighmemError:
            status = -1
        return status, self.kernel.log.text()[before:]

    def failing(self, nth: int, way: tuple[str, str]) -> tuple[int, str]:
        """run() from the beginning, in which the n-th allocation fails."""
        self.bench.restore()
        self.live.clear()
        with self.faults.at(nth, *way, self.kernel.machine.cpus[0] if way[1] == "switch" else None):
            return self.run()

    def check(self) -> None:
        """Nothing leaked, by the machine's structures and by the trace of what was taken and given back."""
        self.bench.check()
        self.bench.check_nothing_leaked()
        assert not any(self.live.values())


@pytest.fixture(scope="module")
def runs(faults: failing.Failing) -> Iterator[Runs]:
    with Kernel.boot(BootOptions(ram=RAM)) as kernel:
        yield Runs(kernel, faults)


def steps(output: str) -> list[str]:
    return [line for line in output.splitlines() if line.startswith("step ")]


def try_program(runs: Runs, way: tuple[str, str], choose: Callable[[int], Iterable[int]]) -> None:
    """Let the allocations fail of a run of the program that `choose(how many there are)` names."""
    good = runs.failing(0, way)
    assert good[0] == 0 and all(line.endswith(": 0") for line in steps(good[1]))
    for nth in choose(len(runs.faults.places)):
        status, output = runs.failing(nth, way)
        if way[1] == "switch":  # nothing can be seen of it
            assert (status, output) == good
        elif status == -1:
            assert output == ""
        else:
            assert status == 0 and len(steps(output)) == len(steps(good[1]))
            assert sum(not line.endswith(": 0") for line in steps(output)) <= 1
        runs.check()
        if way[1] == "null":
            status, output = runs.run()
            assert status == 0 and all(line.endswith(": 0") for line in steps(output))


@pytest.mark.variants
@pytest.mark.parametrize("way", WAYS, ids=" ".join)
def test_program(runs: Runs, way: tuple[str, str]) -> None:
    try_program(runs, way, lambda count: runs.faults.one_for_each_place()[:: len(runs.faults.places) // 20])


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS, ids=" ".join)
def test_program_with_each_allocation(runs: Runs, way: tuple[str, str]) -> None:
    try_program(runs, way, lambda count: range(1, count + 1))


DYING = """
#include <linux/kernel.h>
#include <linux/slab.h>

static int number;

static void construct(void *object, struct kmem_cache *cache, unsigned long flags)
{
	if (++number == 3)
		*(volatile int *)0 = 1;
}

int main(void)
{
	struct kmem_cache *cache = kmem_cache_create("dying", %d, 0, 0, construct, NULL);

	return kmem_cache_alloc(cache, GFP_KERNEL) != NULL;
}
"""


@pytest.mark.parametrize("size", [100, 700])
def test_constructor_that_dies_leaves_no_slab(tmp_path: Path, size: int) -> None:
    (tmp_path / "dying.c").write_text(DYING % size)
    with Kernel.boot(BootOptions(ram=RAM)) as kernel:
        status = kernel.run(elf.read(cc.build([tmp_path / "dying.c"], kernel.layout), "dying.c"))
        assert status == 137 and "construct+" in kernel.log.text()
        assert fsck(kernel.ram, kernel.text()).damages == []
        assert next(row for row in kernel.slabinfo() if row.name == "dying").num_slabs == 0


WAITING = """
#include <linux/kernel.h>
#include <linux/slab.h>

static volatile int released;
static int number;

static void construct(void *object, struct kmem_cache *cache, unsigned long flags)
{
	while (++number == 3 && !released)
		number = 2;
}

int main(void)
{
	struct kmem_cache *cache = kmem_cache_create("waiting", %d, 0, 0, construct, NULL);
	void *object = kmem_cache_alloc(cache, GFP_KERNEL);

	kmem_cache_free(cache, object);
	kmem_cache_destroy(cache);
	return object ? 7 : 8;
}
"""


@pytest.mark.parametrize("size", [100, 700])
def test_constructor_that_is_halted_leaves_no_slab(tmp_path: Path, size: int) -> None:
    """A call that a halt cuts short runs again when the program is resumed."""
    (tmp_path / "waiting.c").write_text(WAITING % size)
    with Kernel.boot(BootOptions(ram=RAM)) as kernel:
        bench = failing.Bench(kernel)
        program = elf.read(cc.build([tmp_path / "waiting.c"], kernel.layout), "waiting.c")
        assert kernel.run(program, timeout=0.3) == 124
        bench.check()
        kernel.vm.set_word(kernel.symbol("released") or 0, 1)
        assert kernel.resume(timeout=30) == 7
        bench.check_nothing_leaked()
