"""Random sequences of calls: after every one each frame is accounted for once, nothing overlaps, nothing is lost."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from guest.kernel import Kernel
from mm.fsck import fsck
from mm.gfp import GFP_COLD, GFP_COMP, GFP_ZERO
from mm.setup import BootOptions
from tests.mm.cache_rules import INDEX, CacheRules
from tests.mm.sequence import Sequence

_SCRIPT = Path(__file__).with_name("sequence.py")


ORDERS = st.sampled_from((0, 0, 0, 1, 1, 2, 3, 4, 6, 9))
PAGE_INDEX = st.sampled_from((0, 0, 1, 60, 64, 4090, 1 << 18, 0xFFFFFFE0, 0xFFFFFFFF))
STATES = st.sampled_from(("clean", "clean", "dirty", "held"))
SIZES = st.one_of(st.integers(1, 300), st.integers(1, 5000), st.integers(1, 131072))


class Accounting(CacheRules):
    """The calls of the memory manager in any order."""

    @rule(zone=st.integers(0, 2), order=ORDERS, flags=st.sampled_from((0, GFP_COMP, GFP_ZERO, GFP_COLD)))
    def alloc_pages(self, zone: int, order: int, flags: int) -> None:
        self.sequence.alloc_pages(zone, order, flags)

    @rule(zone=st.integers(0, 2), count=st.integers(1, 100))
    def alloc_single_pages(self, zone: int, count: int) -> None:
        for _ in range(count):
            self.sequence.alloc_pages(zone, 0)

    @rule(index=INDEX)
    def free(self, index: int) -> None:
        self.sequence.free(index)

    @rule(index=INDEX, count=st.integers(2, 150))
    def free_many(self, index: int, count: int) -> None:
        for n in range(count):
            self.sequence.free(index * (n + 1))

    @rule(size=SIZES, dma=st.booleans(), zero=st.booleans())
    def kmalloc(self, size: int, dma: bool, zero: bool) -> None:
        self.sequence.kmalloc(size, dma, zero)

    @rule(size=st.sampled_from((16, 60, 130, 400, 1000, 2048, 3000)), count=st.integers(2, 150))
    def kmalloc_many(self, size: int, count: int) -> None:
        for _ in range(count):
            self.sequence.kmalloc(size)

    @rule(index=INDEX, size=SIZES)
    def krealloc(self, index: int, size: int) -> None:
        self.sequence.krealloc(index, size)

    @rule(size=st.integers(4, 6000), align=st.integers(0, 5), flags=st.integers(0, 2))
    def create_cache(self, size: int, align: int, flags: int) -> None:
        self.sequence.create_cache(size, align, flags)

    @rule(index=INDEX, count=st.sampled_from((1, 5, 61, 121, 150)))
    def cache_alloc(self, index: int, count: int) -> None:
        self.sequence.cache_alloc(index, count)

    @rule(pages=st.sampled_from((1, 2, 7, 40, 1025)), low=st.booleans())
    def vmalloc(self, pages: int, low: bool) -> None:
        self.sequence.vmalloc(pages, low)

    @rule(index=INDEX, count=st.integers(1, 20))
    def kmap(self, index: int, count: int) -> None:
        for n in range(count):
            self.sequence.kmap(index + n)

    @rule(index=INDEX, count=st.integers(1, 20))
    def kunmap(self, index: int, count: int) -> None:
        for n in range(count):
            self.sequence.kunmap(index + n)

    @rule()
    def new_inode(self) -> None:
        self.sequence.new_inode()

    @rule(index=INDEX, first=PAGE_INDEX, count=st.integers(1, 70), zone=st.integers(1, 2), state=STATES)
    def add_to_cache(self, index: int, first: int, count: int, zone: int, state: str) -> None:
        self.sequence.add_to_cache(index, first, count, zone, state)

    @rule(index=INDEX, count=st.integers(1, 50))
    def access(self, index: int, count: int) -> None:
        for n in range(count):
            self.sequence.access(index + n)

    @rule(index=INDEX)
    def clean(self, index: int) -> None:
        self.sequence.clean(index)

    @rule(index=INDEX, first=PAGE_INDEX, last=PAGE_INDEX)
    def invalidate(self, index: int, first: int, last: int) -> None:
        self.sequence.invalidate(index, first, last)

    @rule(index=INDEX, first=PAGE_INDEX)
    def truncate(self, index: int, first: int) -> None:
        self.sequence.truncate(index, first)

    @rule(index=INDEX)
    def iput(self, index: int) -> None:
        self.sequence.iput(index)

    @rule(index=INDEX)
    def kmap_atomic(self, index: int) -> None:
        self.sequence.kmap_atomic(index)

    @rule()
    def kunmap_atomic(self) -> None:
        self.sequence.kunmap_atomic()

    @rule()
    def create_task(self) -> None:
        self.sequence.create_task()

    @rule(index=INDEX)
    def release_task(self, index: int) -> None:
        self.sequence.release_task(index)

    @rule()
    def attach_to_copy(self) -> None:
        self.sequence.attach_to_copy()


MACHINES = {
    "64M": BootOptions(ram=64 << 20),
    "1G": BootOptions(ram=1 << 30),
    "1G, 32-byte pages, four CPUs": BootOptions(ram=1 << 30, page_owner=False, cpus=4),
}
EACH = pytest.mark.parametrize(
    "options",
    [pytest.param(options, id=name, marks=[pytest.mark.slow] * (name == "1G")) for name, options in MACHINES.items()],
)


def run(options: BootOptions, examples: int, steps: int) -> None:
    machine = type("Accounting", (Accounting,), {"options": options})
    run_state_machine_as_test(
        machine,
        settings=settings(max_examples=examples, stateful_step_count=steps, deadline=None, derandomize=True,
                          suppress_health_check=list(HealthCheck)),  # fmt: skip
    )


def test_state_machine() -> None:
    run(MACHINES["64M"], 3, 40)


@pytest.mark.slow
@pytest.mark.parametrize("options", MACHINES.values(), ids=MACHINES)
def test_state_machine_long(options: BootOptions) -> None:
    run(options, 12, 50)


def test_small_machine_runs_out(boot: Callable[..., Kernel]) -> None:
    """Every allocation can fail; what was half done is undone."""
    sequence = Sequence(boot(ram=20 << 20))
    rng = random.Random(5)
    for n in range(40):
        sequence.vmalloc(rng.choice((200, 700, 1100)))
        sequence.kmalloc(rng.choice((40000, 120000)), zero=True)
        sequence.alloc_pages(1, rng.choice((0, 4, 8)))
        sequence.create_cache(3000, 0, 0)
        sequence.cache_alloc(n, 20)
        sequence.create_task()
        if n % 4 == 0:
            sequence.check()
    assert 0 in sequence.log
    while sequence.held:
        sequence.free(rng.randrange(1000))
    sequence.check()


@EACH
def test_everything_comes_back(options: BootOptions) -> None:
    """Freed, shrunk and drained, the machine is what it was: the same free blocks, but for page tables."""
    with Kernel.boot(options) as kernel:
        sequence = Sequence(kernel)
        sequence.give_back()
        before = fsck(kernel.ram).frames
        rng = random.Random(7)
        for _ in range(250):
            sequence.random_step(rng)
        sequence.check()
        sequence.give_back()
        sequence.check()
        after = fsck(kernel.ram).frames
        tables = after["page table"] - before["page table"]
        assert after.get("in use", 0) == after.get("vmalloc", 0) == after.get("per-cpu", 0) == 0
        assert after["slab"] == before["slab"]
        assert before["buddy 10"] - after["buddy 10"] <= tables << 10
        free = {key: sum(n for kind, n in frames.items() if kind.startswith("buddy"))
                for key, frames in (("before", before), ("after", after))}  # fmt: skip
        assert free["before"] - free["after"] == tables


@pytest.mark.parametrize("page_owner", (True, False))
def test_kmap_window_wraps(boot: Callable[..., Kernel], page_owner: bool) -> None:
    """Unused slots are flushed when the search for one wraps; those in use stay."""
    sequence = Sequence(boot(ram=1 << 30, page_owner=page_owner))
    for _ in range(1100):
        sequence.alloc_pages(2, 0)
    for n in range(9):
        sequence.kmap(n)
    for n in range(2500):
        index = 9 + n * 7 % 1091
        sequence.kmap(index)
        sequence.held[index].mapped.clear()
        sequence.kernel.highmem.kunmap(sequence.held[index].address)
        if n % 250 == 0:
            sequence.check()
    sequence.check()


@pytest.mark.slow
@pytest.mark.variants
@EACH
def test_another_process_goes_on(options: BootOptions, tmp_path: Path) -> None:
    """In the middle of a sequence, with caches half full, a new process attaches: it gets the same addresses."""
    rng = random.Random(11)
    image, model = tmp_path / "machine", tmp_path / "model"
    with Kernel.boot(options) as kernel:
        sequence = Sequence(kernel)
        for _ in range(150):
            sequence.random_step(rng)
        sequence.check()
        kernel.machine.save(image)
        model.write_text(sequence.dump())
        environment = {**os.environ, "PYTHONPATH": str(_SCRIPT.parent.parent.parent)}
        other = subprocess.run(
            [sys.executable, str(_SCRIPT), str(image), str(model), "12", "150"],
            capture_output=True, text=True, env=environment, check=False,
        )  # fmt: skip
        assert other.returncode == 0, other.stderr
        done = len(sequence.log)
        rng = random.Random(12)
        for _ in range(150):
            sequence.random_step(rng)
        sequence.check()
        assert len(sequence.log) - done > 100
        assert json.loads(other.stdout) == sequence.log[done:]
