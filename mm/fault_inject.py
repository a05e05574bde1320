"""Allocations that fail on demand (lib/fault-inject.c, mm/failslab.c and fail_page_alloc of mm/page_alloc.c).

Counted are the calls of a program that allocate, each once however much is allocated inside: what fails is the first
allocation within it, so that the call comes back by the way that it takes where there is no memory. With `deep` each
allocation is counted, those too that the kernel makes inside a call, as fail-nth of Linux 4.14 does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mm.gfp import GFP_NOFAIL
from mm.page_alloc import PageAllocator
from mm.slab import SlabAllocator
from mm.time import Clock
from mm.traps import Traps


@dataclass(frozen=True, slots=True)
class Attempt:
    """An allocation that was counted. number: from 1. call_site: return address of the program's call. function, size:
    what was asked for: bytes, for a cache those of an object.
    """

    number: int
    call_site: int
    function: str
    size: int


@dataclass(frozen=True)
class Plan:
    """What fails: the allocation with the number `nth`, each one whose number is a multiple of `every` (0: none), and
    those whose call site `site` accepts. most: how many fail at the most; 0 for no limit.
    """

    nth: int = 0
    every: int = 0
    site: Callable[[int], bool] | None = None
    most: int = 0
    deep: bool = False


class FaultInject:
    """Counts the allocations of programs and makes some fail. `attempts` are those so far, `failed` those that did."""

    def __init__(self, plan: Plan | None = None) -> None:
        self.plan = plan or Plan()
        self.attempts: list[Attempt] = []
        self.failed: list[Attempt] = []
        self.report: Callable[[Attempt], None] = lambda attempt: None
        self._call: tuple[int, int] | None = None  # the call that was counted last

    def install(self, pages: PageAllocator, slab: SlabAllocator, traps: Traps, clock: Clock) -> None:
        """Stand before the allocators of a kernel that is being wired."""
        self._traps, self._clock = traps, clock
        sizes: dict[str, Callable[[int, int], int]] = {
            "kmalloc": lambda size, flags: size,
            "kmem_cache_alloc": lambda cachep, flags: slab.kmem_cache_size(cachep),
            "alloc_pages": lambda gfp_mask, order: 4096 << order,
        }
        owners: tuple[tuple[Any, str, int], ...] = (
            (slab, "kmalloc", 1), (slab, "kmem_cache_alloc", 1), (pages, "alloc_pages", 0)
        )
        for owner, name, flags_at in owners:
            setattr(owner, name, self._around(getattr(owner, name), name, sizes[name], flags_at))

    def start(self, plan: Plan) -> None:
        """Begin to count anew."""
        self.plan, self._call = plan, None
        self.attempts.clear()
        self.failed.clear()

    def _around(
        self, allocate: Callable[[int, int], int], name: str, size: Callable[[int, int], int], flags_at: int
    ) -> Callable[[int, int], int]:
        traps = self._traps

        def may_fail(first: int, second: int) -> int:
            if traps.caller and not (second if flags_at else first) & GFP_NOFAIL:
                if self._should_fail(name, size(first, second)):
                    return 0
            return allocate(first, second)

        return may_fail

    def _should_fail(self, function: str, size: int) -> bool:
        call = self._traps.caller, self._clock()  # each trap has its time
        if call == self._call and not self.plan.deep:
            return False
        self._call = call
        plan, number = self.plan, len(self.attempts) + 1
        attempt = Attempt(number, self._traps.caller, function, size)
        self.attempts.append(attempt)
        chosen = (
            number == plan.nth or bool(plan.every) and number % plan.every == 0
            or plan.site is not None and plan.site(attempt.call_site)
        )  # fmt: skip
        if not chosen or plan.most and len(self.failed) >= plan.most:
            return False
        self.failed.append(attempt)
        self.report(attempt)
        return True
