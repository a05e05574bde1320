"""Many caches on many CPUs: after each step every object is in one place, and the lists, chains and counts say which.

fsck compares a slab's `inuse` with its chain of free objects and the list that it is on, finds a chain that does not
end, and an object that rests in two arrays or in an array and in its slab; `Sequence.check` adds that what is out of
the slabs is what callers hold and what rests in arrays, and that nothing held lies over anything else.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule, run_state_machine_as_test

from mm.setup import BootOptions
from tests.mm.cache_rules import INDEX, CacheRules
from tests.mm.sequence import ALIGNS, CACHE_FLAGS

COUNT = st.one_of(st.integers(1, 8), st.integers(1, 250))
SIZES = (256, 500, 512, 700, 1024, 1400, 2048, 4096)
SIZE = st.one_of(st.integers(4, 130), st.sampled_from(SIZES), st.integers(4, 9000))
ALIGN, FLAGS = st.integers(0, len(ALIGNS) - 1), st.integers(0, len(CACHE_FLAGS) - 1)


class Caches(CacheRules):
    """The calls of the slab allocator in any order, on any CPU."""

    def teardown(self) -> None:
        self.sequence.give_back()
        self.sequence.check()
        super().teardown()

    @initialize(sizes=st.lists(SIZE, min_size=4, max_size=8))
    def begin(self, sizes: list[int]) -> None:
        for n, size in enumerate(sizes):
            self.sequence.create_cache(size, n % len(ALIGNS), n % len(CACHE_FLAGS))

    @rule(size=SIZE, align=ALIGN, flags=FLAGS)
    def create(self, size: int, align: int, flags: int) -> None:
        self.sequence.create_cache(size, align, flags)

    @rule(index=INDEX, count=COUNT)
    def alloc(self, index: int, count: int) -> None:
        self.sequence.cache_alloc(index, count)

    @rule(index=INDEX, count=COUNT, step=st.integers(1, 1000))
    def free(self, index: int, count: int, step: int) -> None:
        for n in range(count):
            self.sequence.free(index + n * step)

    @rule(size=SIZE, count=COUNT, dma=st.booleans())
    def kmalloc(self, size: int, count: int, dma: bool) -> None:
        for _ in range(count):
            self.sequence.kmalloc(size, dma)


MACHINES = {
    "one CPU": BootOptions(ram=32 << 20),
    "four CPUs": BootOptions(ram=64 << 20, cpus=4),
    "two of three CPUs, long lines": BootOptions(ram=64 << 20, cpus=2, nr_cpus=3, l1=128, page_owner=False),
}


def run(options: BootOptions, examples: int, steps: int) -> None:
    run_state_machine_as_test(
        type("Caches", (Caches,), {"options": options}),
        settings=settings(max_examples=examples, stateful_step_count=steps, deadline=None, derandomize=True,
                          suppress_health_check=list(HealthCheck)),  # fmt: skip
    )


@pytest.mark.slow
def test_caches_on_four_cpus() -> None:
    run(MACHINES["four CPUs"], 3, 30)


@pytest.mark.slow
@pytest.mark.parametrize("options", MACHINES.values(), ids=MACHINES)
def test_caches_for_long(options: BootOptions) -> None:
    run(options, 15, 60)
