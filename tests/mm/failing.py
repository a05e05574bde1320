"""Allocations that fail on purpose, one at a time, and what must not be left behind.

`Failing` stands before the page allocator and the slab of every kernel that is booted while it is installed, as
fail_page_alloc and failslab do in later kernels. `Bench` runs an operation again and again from one state of a machine.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from pytest import MonkeyPatch

from guest.kernel import Kernel
from hw.cpu import CPU
from mm.fsck import fsck
from mm.gfp import GFP_KERNEL, GFP_WAIT
from mm.layout import PAGE_OFFSET
from mm.page_alloc import PageAllocator
from mm.sched import Switch
from mm.slab_debug import DebugSlabAllocator
from mm.slab_objects import SlabObjects

Level = Literal["pages", "objects"]
Mode = Literal["null", "switch"]
LEVELS: tuple[Level, ...] = ("pages", "objects")
MODES: tuple[Mode, ...] = ("null", "switch")

_WRAPPED: tuple[tuple[type, str, Level], ...] = (
    (PageAllocator, "alloc_pages", "pages"), (SlabObjects, "kmalloc", "objects"),
    (SlabObjects, "kmem_cache_alloc", "objects"), (DebugSlabAllocator, "kmalloc", "objects"),
)  # fmt: skip
_DEPTH = 12  # callers that tell one place from another


class Failing:
    """Counts the allocations of a level and makes the n-th fail: "null" gives 0; "switch" sends the caller to sleep.

    With "switch" those alone count that may sleep.
    """

    def __init__(self) -> None:
        self._level: Level | None = None
        self._mode: Mode = "null"
        self._nth = 0
        self._counts: Callable[[], bool] = lambda: True
        self.places: list[tuple[str, ...]] = []  # who asked, for each allocation counted

    def install(self, patch: MonkeyPatch) -> None:
        """Stand before the allocators of every kernel that is made from now on."""
        for owner, name, level in _WRAPPED:
            patch.setattr(owner, name, self._wrapper(getattr(owner, name), level))

    def _wrapper(self, function: Callable[..., int], level: Level) -> Callable[..., int]:
        gfp_mask = 0 if level == "pages" else 1  # which argument

        def allocate(this: Any, *arguments: int) -> int:
            if self._level == level and self._fails(arguments[gfp_mask], this._traps.caller):
                if self._mode == "null":
                    return 0
                pages = this if level == "pages" else this._pages
                pages.pause(1)  # raises, where a task is served
                raise Switch(again=True)
            return function(this, *arguments)

        return allocate

    def _fails(self, gfp_mask: int, caller: int) -> bool:
        if self._mode == "switch" and not gfp_mask & GFP_WAIT:
            return False
        if not self._counts():
            return False
        frame, names = sys._getframe(2), [f"{caller:x}"]
        while len(names) < _DEPTH and (frame := frame.f_back) is not None:  # type: ignore[assignment]
            names.append(f"{frame.f_code.co_name}:{frame.f_lineno}")
        self.places.append(tuple(names))
        return len(self.places) == self._nth

    @contextmanager
    def at(self, nth: int, level: Level, mode: Mode, cpu: CPU | None = None) -> Iterator[None]:
        """Let the n-th allocation fail from here on, none for 0. cpu: count only what a task on it asks for itself."""
        self._level, self._mode, self._nth = level, mode, nth
        self._counts = lambda: cpu is None or cpu.depth == 1
        self.places = []
        try:
            yield
        finally:
            self._level = None

    def one_for_each_place(self) -> list[int]:
        """The numbers of the first and the last allocation that each place asked for."""
        first, last = {}, {}
        for n, place in enumerate(self.places, 1):
            first.setdefault(place, n)
            last[place] = n
        return sorted({*first.values(), *last.values()})


def drain(kernel: Kernel) -> None:
    """Give back what rests in pools, in arrays, in free slabs and on the lists of the CPU."""
    kernel.swap.lru_add_drain()
    pool = kernel.layout.va("radix_tree_preloads")
    nodes = kernel.vm.word(kernel.layout.va("radix_tree_node_cachep"))
    while count := kernel.vm.word(pool):
        kernel.slab.kmem_cache_free(nodes, kernel.vm.word(pool + 4 * count))
        kernel.vm.set_word(pool + 4 * count, 0)
        kernel.vm.set_word(pool, count - 1)
    for _ in range(3):  # descriptors and arrays are objects themselves
        for cachep in kernel.slab.caches():
            kernel.slab.kmem_cache_shrink(cachep)
    kernel.page_alloc.drain_local_pages(0)


def fill(kernel: Kernel) -> None:
    """Take every free object of the slabs that there are, so that the next one needs a new slab; but not of those that
    only tasks have, all of them one.
    """
    for row in kernel.slabinfo():
        if row.name in ("signal_cache", "sighand_cache"):
            continue
        cachep = kernel.slab.find(row.name)
        for _ in range(row.num_objs - row.active_objs):
            if row.name == "inode_cache":  # all of them are in lists
                assert kernel.inodes.new_inode(0)
            else:
                assert kernel.slab.kmem_cache_alloc(cachep, GFP_KERNEL)


def held(kernel: Kernel) -> Counter[str]:
    """What is in use on a drained machine: pages, and the objects of every cache.

    Page tables of the kernel are kept for ever once they are made: they count as free.
    """
    found = Counter({f"objects of {row.name}": row.active_objs for row in kernel.slabinfo()})
    tables = sum(1 for va in range(PAGE_OFFSET, 1 << 32, 4 << 20) if kernel.tables.pte_address(va))
    found["pages"] = -kernel.page_alloc.nr_free_pages() - tables
    found["tasks"] = sum(1 for _ in kernel.tasks.each())
    found["areas"] = len(kernel.vmallocinfo())
    found["caches"] = len(kernel.slab.caches())
    return found


@dataclass
class Bench:
    """A drained machine in the state in which each trial begins: nothing is to be had without a free page."""

    kernel: Kernel
    image: bytes = field(init=False, repr=False)
    before: Counter[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        drain(self.kernel)
        fill(self.kernel)
        drain(self.kernel)
        self.image = bytes(self.kernel.ram.bytes)
        self.before = held(self.kernel)
        self.check()

    def restore(self) -> None:
        """Back to the state: all of it is in RAM."""
        self.kernel.ram.bytes[:] = self.image
        self.kernel.machine.flush_tlb()

    def check(self) -> None:
        """No structure is damaged."""
        assert fsck(self.kernel.ram, self.kernel.text()).damages == []

    def check_nothing_leaked(self) -> None:
        """All that is in use was so at the beginning. Changes what rests in caches."""
        drain(self.kernel)
        now = held(self.kernel)
        assert now == self.before
