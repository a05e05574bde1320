"""Slabs as data, and slabinfo's tunables: what the views say against what was done, and that nothing gets lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from guest.kernel import Kernel
from mm.fsck import fsck
from mm.gfp import GFP_KERNEL
from mm.layout import PAGE_OFFSET, PAGE_SIZE
from mm.slab import EINVAL, ENOMEM, SLAB_HWCACHE_ALIGN
from tests.mm.conftest import create_cache

MB = 1 << 20
Boot = Callable[..., Kernel]


def word(kernel: Kernel, va: int) -> int:
    return kernel.ram.words[va - PAGE_OFFSET >> 2]


def row(kernel: Kernel, name: str) -> tuple[int, ...]:
    found = next(row for row in kernel.slabinfo() if row.name == name)
    return found.limit, found.batchcount, found.sharedfactor


def states(kernel: Kernel, cachep: int) -> Counter[str]:
    return Counter(obj.state for slab in kernel.slabs(cachep) for obj in slab.objects)


# slabs and objects


@pytest.mark.parametrize("nr_cpus", [1, 2])
def test_every_object_is_what_was_done_to_it(boot: Boot, nr_cpus: int) -> None:
    kernel = boot(ram=64 * MB, nr_cpus=nr_cpus)
    slab = kernel.slab
    shapes = ((24, 0, 0), (100, 0, SLAB_HWCACHE_ALIGN), (300, 0, 0), (700, 0, 0), (1100, 256, 0), (9000, 0, 0))
    for size, align, flags in shapes:
        cachep = create_cache(kernel, f"of {size}", size, align, flags)
        held = [slab.kmem_cache_alloc(cachep, GFP_KERNEL) for _ in range(600 if size < 1000 else 60)]
        for obj in held[1::2]:
            slab.kmem_cache_free(cachep, obj)
        info, slabs = kernel.slab_cache(cachep), kernel.slabs(cachep)
        allocated = {obj.address for s in slabs for obj in s.objects if obj.state == "allocated"}
        assert allocated == set(held[::2])
        count = states(kernel, cachep)
        assert count["unknown"] == 0 and all(s.error == "" for s in slabs)
        assert (info.allocated, info.in_arrays) == (count["allocated"], count["cpu"] + count["shared"])
        assert info.total == count.total() == info.slabs * info.num == len(slabs) * info.num
        assert (count["shared"] > 0) == (nr_cpus > 1 and info.objsize <= PAGE_SIZE)
        assert count["cpu"] == word(kernel, word(kernel, cachep))
        for s in slabs:
            free = [obj.number for obj in s.objects if obj.state == "free"]
            assert sorted(s.chain) == free and s.inuse == info.num - len(free)
            assert s.on_list == ("full" if not free else "free" if len(free) == info.num else "partial")


def test_what_is_at_every_address_of_a_slab(boot: Boot) -> None:
    """Gap, management, objects and the rest follow each other and leave nothing out."""
    kernel = boot(ram=64 * MB)
    seen = Counter[str]()
    for size, align in ((52, 0), (100, 128), (200, 8), (500, 64), (700, 0), (1500, 0), (2560, 0), (900, 0)):
        cachep = create_cache(kernel, f"of {size}", size, align)
        for _ in range(160):
            kernel.slab.kmem_cache_alloc(cachep, GFP_KERNEL)
        info = kernel.slab_cache(cachep)
        colours = set()
        for slab in kernel.slabs(cachep)[:6]:
            colours.add(slab.colour)
            place, parts = None, []
            for address in range(slab.start, slab.start + info.slab_size, 4):
                before, place = place, kernel.slab_place(address)
                assert place is not None and (place.cache, place.slab, place.address) == (cachep, slab.address, address)
                key = (place.part, place.object)
                if before is None or key != (before.part, before.object):
                    parts.append(place.part)
                    seen[place.part] += 1
                    assert place.offset == 0
                else:
                    assert place.offset == before.offset + 4
                if place.object is not None:
                    assert place.object == slab.objects[place.object.number]
                    assert place.object.address + place.offset == address
            order = ["colour gap"] * (slab.colour > 0) + ["management"] * slab.on_slab + ["object"] * info.num
            assert [part for part in parts if part != "left over"] == order
            assert "left over" not in parts[:-1]
        assert len(colours) == min(info.colours, 6, info.slabs)
    assert all(seen[part] for part in ("colour gap", "management", "object", "left over"))
    assert kernel.slab_place(kernel.layout.va("cache_cache")) is None


def test_chain_of_free_objects_that_is_broken(boot: Boot) -> None:
    kernel = boot(ram=64 * MB)
    cachep = create_cache(kernel, "mine", 200)
    held = [kernel.slab.kmem_cache_alloc(cachep, GFP_KERNEL) for _ in range(20)]
    kernel.slab.kmem_cache_shrink(cachep)
    for obj in held[2:7]:
        kernel.slab.kmem_cache_free(cachep, obj)
    kernel.slab.kmem_cache_shrink(cachep)
    sound = next(slab for slab in kernel.slabs(cachep) if len(slab.chain) >= 5)
    at = sound.address - PAGE_OFFSET + 28 + 4 * sound.chain[2] >> 2
    right = kernel.ram.words[at]
    for value, what in ((1000, "leads to 0x3e8"), (sound.chain[1], f"comes back to {sound.chain[1]}")):
        kernel.ram.words[at] = value
        slab = next(slab for slab in kernel.slabs(cachep) if slab.address == sound.address)
        assert what in slab.error and slab.chain == sound.chain[:3]
        assert {obj.state for obj in slab.objects if obj.number not in slab.chain} == {"unknown"}
    kernel.ram.words[at] = 0xFFFFFFFF
    slab = next(slab for slab in kernel.slabs(cachep) if slab.address == sound.address)
    assert slab.error == f"inuse is {sound.inuse}, the chain leaves {len(slab.objects) - 3}"
    kernel.ram.words[at] = right
    assert fsck(kernel.ram).clean


# tunables


@pytest.mark.parametrize("nr_cpus", [1, 2])
def test_tuned_caches_lose_nothing(boot: Boot, nr_cpus: int) -> None:
    kernel = boot(ram=64 * MB, nr_cpus=nr_cpus)
    slab = kernel.slab
    cachep = create_cache(kernel, "mine", 64)
    held = [slab.kmem_cache_alloc(cachep, GFP_KERNEL) for _ in range(500)]
    for obj in held[200:]:
        slab.kmem_cache_free(cachep, obj)
    for name in ("mine", "size-64", "size-32", "kmem_cache", "size-512", "size-131072"):
        for limit, batchcount, shared in ((1, 1, 0), (500, 100, 8), (10, 10, 3), (33, 17, 1), (120, 60, 8)):
            assert kernel.slabinfo_write(name, limit, batchcount, shared) == 0
            assert row(kernel, name) == (limit, batchcount, shared)
            assert kernel.slab_cache(slab.find(name)).in_arrays <= 30  # what tuning itself has freed since
            assert fsck(kernel.ram).clean
    assert states(kernel, cachep)["allocated"] == 200
    kernel.slabinfo_write("mine", 7, 3, 2)
    most = 0
    for obj in held[:200]:
        slab.kmem_cache_free(cachep, obj)
        count = states(kernel, cachep)
        most = max(most, count["cpu"])
        assert count["cpu"] <= 7 and count["shared"] <= 6
    assert most == 7
    slab.kmem_cache_destroy(cachep)
    assert fsck(kernel.ram).clean


def test_what_slabinfo_refuses(boot: Boot) -> None:
    kernel = boot(ram=64 * MB)
    before = hash(kernel.ram.words.tobytes())
    for name, *numbers in (
        ("size-64", 0, 0, 0), ("size-64", 10, 0, 0), ("size-64", 10, 11, 0), ("size-64", 10, 5, -1),
        ("size-64", -1, -1, 0), ("size-65", 10, 5, 0), ("", 10, 5, 0),
    ):  # fmt: skip
        assert kernel.slabinfo_write(name, *numbers) == -EINVAL
    assert hash(kernel.ram.words.tobytes()) == before
    for numbers in ((40000, 1, 0), (1 << 31, 1, 0), (1000, 1000, 40), (1, 1, 1 << 31)):
        assert kernel.slabinfo_write("size-64", *numbers) == -ENOMEM
        assert row(kernel, "size-64") == (120, 60, 0)
        assert fsck(kernel.ram).clean


def test_tuning_without_memory_changes_nothing(boot: Boot) -> None:
    """Each of its allocations fails once: the new arrays, the shared one, the request for them."""
    kernel = boot(ram=64 * MB, nr_cpus=2)
    kmalloc, calls = kernel.slab.kmalloc, 0
    cachep = create_cache(kernel, "mine", 64)
    held = [kernel.slab.kmem_cache_alloc(cachep, GFP_KERNEL) for _ in range(100)]
    for failing in range(1, 10):
        calls = 0

        def counted(size: int, flags: int, failing: int = failing) -> int:
            nonlocal calls
            calls += 1
            return 0 if calls == failing else kmalloc(size, flags)

        kernel.slab.kmalloc = counted  # type: ignore[method-assign]
        result = kernel.slabinfo_write("mine", 50, 20, 4)
        kernel.slab.kmalloc = kmalloc  # type: ignore[method-assign]
        assert fsck(kernel.ram).clean
        assert states(kernel, cachep)["allocated"] == len(held)
        if result == 0:
            break
        assert result == -ENOMEM and row(kernel, "mine") == (120, 60, 8)
    assert failing == 4 and row(kernel, "mine") == (50, 20, 4)


def test_one_wrong_tunable_is_named(boot: Boot) -> None:
    """Of a tuned cache fsck knows only that it and its arrays must agree."""
    kernel = boot(ram=64 * MB, nr_cpus=2)
    cachep = create_cache(kernel, "mine", 64)
    assert kernel.slabinfo_write("mine", 50, 20, 4) == 0
    fields = kernel.layout["kmem_cache"]
    l3 = word(kernel, cachep + fields.offset("nodelists"))
    shared = word(kernel, l3 + kernel.layout["kmem_list3"].offset("shared"))
    places = [(cachep, cachep + fields.offset(name)) for name in ("limit", "batchcount", "shared")]
    places += [(array, array + at) for array in (word(kernel, cachep), shared) for at in (4, 8)]
    places.append((l3, l3 + kernel.layout["kmem_list3"].offset("free_limit")))
    for owner, va in places:
        for bit in range(0, 32, 3):
            kernel.ram.words[va - PAGE_OFFSET >> 2] ^= 1 << bit
            report = fsck(kernel.ram)
            kernel.ram.words[va - PAGE_OFFSET >> 2] ^= 1 << bit
            assert owner in {damage.address for damage in report.damages}, (f"{va:08x}", bit)
    assert fsck(kernel.ram).clean
