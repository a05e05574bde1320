"""cache_reap: what nobody has used for a while goes back, a part at a time."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from guest.kernel import Kernel
from mm.fsck import fsck
from mm.gfp import GFP_KERNEL
from mm.list import list_for_each
from mm.slab_reap import REAPTIMEOUT_CPUC
from mm.time import HZ
from tests.mm.conftest import create_cache

Boot = Callable[..., Kernel]


def jiffies(kernel: Kernel) -> int:
    return kernel.vm.word(kernel.layout.va("jiffies"))


def wait(kernel: Kernel, ticks: int) -> None:
    """Time passes, and nothing runs but what the kernel does by itself."""
    for _ in range(ticks):
        kernel.runner.stand_on(0)
        kernel.clock.tick()
        kernel.sched.run_timers()


def array(kernel: Kernel, cachep: int, cpu: int = 0) -> list[int]:
    """avail, limit, batchcount and touched of a CPU's array."""
    return [kernel.vm.word(kernel.vm.word(cachep + 4 * cpu) + 4 * n) for n in range(4)]


def list3(kernel: Kernel, cachep: int, name: str) -> int:
    l3 = kernel.vm.word(cachep + kernel.layout["kmem_cache"].offset("nodelists"))
    return kernel.vm.word(l3 + kernel.layout["kmem_list3"].offset(name))


def free_slabs(kernel: Kernel, cachep: int) -> list[int]:
    l3 = kernel.vm.word(cachep + kernel.layout["kmem_cache"].offset("nodelists"))
    return list(list_for_each(kernel.ram.words, l3 + kernel.layout["kmem_list3"].offset("slabs_free")))


def until_reap(kernel: Kernel, cpu: int = 0) -> None:
    """Wait until a CPU has just reaped."""
    timer = kernel.layout.va("reap_work") + cpu * kernel.layout["timer_list"].size
    wait(kernel, (kernel.vm.word(timer + kernel.layout["timer_list"].offset("expires")) - jiffies(kernel)) & 0xFFFFFFFF)


@pytest.mark.parametrize("cpus", [1, 4])
def test_first_after_a_second_then_every_two(boot: Boot, cpus: int) -> None:
    kernel = boot(ram=32 << 20, cpus=cpus)
    size, expires = kernel.layout["timer_list"].size, kernel.layout["timer_list"].offset("expires")
    timers = [kernel.layout.va("reap_work") + cpu * size for cpu in range(cpus)]
    start = jiffies(kernel)
    assert [kernel.vm.word(timer + expires) - start for timer in timers] == [HZ + 3 * cpu for cpu in range(cpus)]
    wait(kernel, 2 * HZ)
    assert [kernel.vm.word(timer + expires) - start for timer in timers] == [
        HZ + 3 * cpu + REAPTIMEOUT_CPUC for cpu in range(cpus)
    ]
    assert REAPTIMEOUT_CPUC == 2 * HZ and fsck(kernel.ram, kernel.text()).clean


def test_an_array_is_drained_by_a_fifth_of_its_limit_where_it_was_not_touched(boot: Boot) -> None:
    kernel = boot(ram=32 << 20)
    cachep = create_cache(kernel, "some", 100)
    objects = [kernel.slab.kmem_cache_alloc(cachep, GFP_KERNEL) for _ in range(100)]
    for obj in objects:
        kernel.slab.kmem_cache_free(cachep, obj)
    avail, limit, _, touched = array(kernel, cachep)
    assert (limit, touched) == (120, 1) and avail >= 100
    entries = kernel.vm.word(cachep) + kernel.layout["array_cache"].size
    kept = [kernel.vm.word(entries + 4 * n) for n in range(24, avail)]
    until_reap(kernel)
    assert array(kernel, cachep) == [avail, 120, 60, 0]
    until_reap(kernel)
    assert array(kernel, cachep) == [avail - 24, 120, 60, 0]
    assert [kernel.vm.word(entries + 4 * n) for n in range(avail - 24)] == kept  # the oldest went
    expected = avail - 24
    while expected:
        until_reap(kernel)
        expected -= 24 if expected >= 24 else (expected + 1) // 2
        assert array(kernel, cachep)[0] == expected
        assert fsck(kernel.ram, kernel.text()).clean


def test_free_slabs_go_every_four_seconds_the_last_first(boot: Boot) -> None:
    kernel = boot(ram=32 << 20)
    cachep = create_cache(kernel, "some", 1000)
    objects = [kernel.slab.kmem_cache_alloc(cachep, GFP_KERNEL) for _ in range(400)]
    for obj in objects:
        kernel.slab.kmem_cache_free(cachep, obj)
    limit, num = list3(kernel, cachep, "free_limit"), 4
    assert limit == 2 * 27 + num and len(free_slabs(kernel, cachep)) == (limit // num)
    assert list3(kernel, cachep, "free_touched") == 1
    seen, counts = jiffies(kernel), []
    before, cleared = free_slabs(kernel, cachep), 0
    for _ in range(12):
        until_reap(kernel)
        now = free_slabs(kernel, cachep)
        new = [slab for slab in now if slab not in before]  # emptied by what left the array
        if list3(kernel, cachep, "next_reap") == jiffies(kernel) + 4 * HZ:
            counts.append((jiffies(kernel) - seen, len(before) + len(new) - len(now)))
            cleared = cleared or jiffies(kernel)
            seen = jiffies(kernel)
            assert [slab for slab in before if slab in now] == before[: len(before) - counts[-1][1]]
        before = now
    assert counts[0][1] == 0  # slabs were taken from the list since the last time
    assert counts[1:] == [(4 * HZ, (limit + 5 * num - 1) // (5 * num))] * len(counts[1:]) and len(counts) > 4
    assert list3(kernel, cachep, "free_touched") == 0 and fsck(kernel.ram, kernel.text()).clean


def test_each_cpu_drains_its_own_array_and_the_shared_one_goes_too(boot: Boot) -> None:
    kernel = boot(ram=32 << 20, cpus=2)
    cachep = create_cache(kernel, "some", 100)
    kernel.runner.stand_on(1)
    objects = [kernel.slab.kmem_cache_alloc(cachep, GFP_KERNEL) for _ in range(400)]
    for obj in objects:
        kernel.slab.kmem_cache_free(cachep, obj)
    shared = list3(kernel, cachep, "shared")
    assert array(kernel, cachep)[0] == 0 and array(kernel, cachep, 1)[0] > 0 and kernel.vm.word(shared) > 96
    first = kernel.vm.word(shared), array(kernel, cachep, 1)[0]
    until_reap(kernel)
    assert array(kernel, cachep, 1) == [first[1], 120, 60, 1]
    until_reap(kernel, 1)
    assert array(kernel, cachep, 1) == [first[1], 120, 60, 0]
    wait(kernel, 60 * HZ)
    assert kernel.vm.word(shared) == 0 and array(kernel, cachep, 1)[0] == 0 and not free_slabs(kernel, cachep)
    assert fsck(kernel.ram, kernel.text()).clean


def test_the_kernel_alone_comes_to_rest(boot: Boot) -> None:
    """After some minutes every cache has just the objects in use, and all that a program had taken is free again."""
    kernel = boot(ram=32 << 20)
    for _ in range(20):
        objects = [kernel.slab.kmalloc(size, GFP_KERNEL) for size in (30, 60, 100, 200, 900, 4000) * 30]
        for obj in objects:
            kernel.slab.kfree(obj)
    full = sum(row.num_slabs for row in kernel.slabinfo())
    wait(kernel, 300 * HZ)
    rows = kernel.slabinfo()
    assert sum(row.num_slabs for row in rows) < full / 2
    assert all(row.num_slabs == row.active_slabs and row.sharedavail == 0 for row in rows)
    assert fsck(kernel.ram, kernel.text()).clean
