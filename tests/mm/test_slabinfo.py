"""Slab geometry and tunables against two dumps of real machines."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from guest.kernel import Kernel
from mm.fsck import fsck
from mm.kernel_caches import TABLE
from mm.layout import KERNEL_CACHES, layout_for
from mm.setup import BootOptions
from mm.slab import (
    SLAB_CACHE_DMA,
    SLAB_DESTROY_BY_RCU,
    SLAB_HWCACHE_ALIGN,
    SLAB_MEM_SPREAD,
    SLAB_MUST_HWCACHE_ALIGN,
    SLAB_PANIC,
)
from mm.slab_geometry import Geometry, cache_estimate, geometry, reciprocal_value, tunables
from mm.slab_objects import SLAB_RECLAIM_ACCOUNT
from mm.vmstat import slabinfo, slabinfo_text
from tests.mm.conftest import create_cache, write_string

DATA = Path(__file__).parent / "data"
ROW = re.compile(r"(\S+) +\d+ +\d+ +(\d+) +(\d+) +(\d+) : tunables +(\d+) +(\d+) +(\d+)")

MACHINES = [("slabinfo-up-l1-64.txt", 1, 64), ("slabinfo-smp-l1-128.txt", 2, 128)]


def rows(text: str) -> list[tuple[str, ...]]:
    return [found.groups() for line in text.splitlines() if (found := ROW.match(line))]


def text_of(nr_cpus: int, l1: int) -> str:
    kernel = Kernel.boot(BootOptions(ram=512 << 20, nr_cpus=nr_cpus, l1=l1))
    return slabinfo_text(slabinfo(kernel.ram.words[: kernel.limits.max_low_pfn << 10], kernel.layout, kernel.slab))


@pytest.mark.parametrize(("file", "nr_cpus", "l1"), MACHINES)
def test_general_caches_are_the_real_ones(file: str, nr_cpus: int, l1: int) -> None:
    """Objects and pages a slab and all tunables of size-32 ... size-131072(DMA), in the real order."""
    real = [row for row in rows((DATA / file).read_text()) if row[0].startswith("size-")]
    ours = [row for row in rows(text_of(nr_cpus, l1)) if row[0].startswith("size-")]
    assert len(real) == 2 * len([32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, *range(16, 20)]) + 2 * (l1 < 128)
    assert ours == real


def test_general_caches_with_a_32_byte_line() -> None:
    """L1 of 32 has size-96 too; the fact sheet's table of objects a slab holds for any line."""
    ours = {row[0]: row[1:4] for row in rows(text_of(1, 32))}
    assert ours["size-96"] == ("96", "40", "1")
    assert ours["size-192"] == ("192", "20", "1")


def test_header_is_the_real_one() -> None:
    real = [line for line in (DATA / "slabinfo-up-l1-64.txt").read_text().splitlines() if "<active_objs>" in line]
    ours = text_of(1, 64).splitlines()
    assert ours[0] == "slabinfo - version: 2.1"
    assert ours[1] == real[0]


def test_row_format_is_the_real_one() -> None:
    real = next(line for line in (DATA / "slabinfo-up-l1-64.txt").read_text().splitlines() if line[:10] == "size-4096(")
    assert real in text_of(1, 64).splitlines()


def test_the_cache_of_caches_ends_the_list() -> None:
    names = [row[0] for row in rows(text_of(1, 64))]
    assert names[-5:] == ["size-64(DMA)", "size-32(DMA)", "size-64", "size-32", "kmem_cache"]
    kmem_cache = next(row for row in rows((DATA / "slabinfo-up-l1-64.txt").read_text()) if row[0] == "kmem_cache")
    assert kmem_cache in rows(text_of(1, 64))


#: What the kernels of the dumps made their caches with: alignment and flags (_H and so on), and the size where it is
#: known; where SLAB_HWCACHE_ALIGN rounded it up, a word less than slabinfo shows serves as well.
_H, _R, _P, _RCU = SLAB_HWCACHE_ALIGN, SLAB_RECLAIM_ACCOUNT, SLAB_PANIC, SLAB_DESTROY_BY_RCU
CREATED: dict[str, tuple[int, int]] = {
    "reiser_inode_cache": (0, _R), "ext3_inode_cache": (0, _R | SLAB_MEM_SPREAD), "proc_inode_cache": (0, _R),
    "inode_cache": (0, _R | _P), "bdev_cache": (0, _H | _R | _P), "dentry_cache": (0, _R | _P),
    "blkdev_queue": (0, _P), "blkdev_requests": (0, _P), "bio": (0, _H | _P), "skbuff_head_cache": (0, _H | _P),
    "skbuff_fclone_cache": (0, _H | _P), "file_lock_cache": (0, _P), "sigqueue": (4, _P), "radix_tree_node": (0, _P),
    "sysfs_dir_cache": (0, 0), "mnt_cache": (0, _H | _P), "filp": (0, _H | _P), "names_cache": (0, _H | _P),
    "idr_layer_cache": (0, _P), "buffer_head": (0, _R | _P), "mm_struct": (0, _H | _P), "vm_area_struct": (0, _P),
    "fs_cache": (0, _H | _P), "files_cache": (0, _H | _P), "signal_cache": (0, _H | _P),
    "sighand_cache": (0, _H | _P | _RCU), "task_struct": (16, _P), "anon_vma": (0, _RCU | _P), "pgd": (4096, _P),
    "pid": (4, _P), "eventpoll_epi": (0, _H | _P), "UDP": (0, _H), "TCP": (0, _H), "sock_inode_cache": (0, _R),
} | {name: (0, _H | _P) for name in ("biovec-(256)", *(f"biovec-{n}" for n in (128, 64, 16, 4, 1)))}  # fmt: skip
SIZES = {"names_cache": 4096, "biovec-(256)": 3072, "biovec-128": 1536, "biovec-64": 768} | {
    f"biovec-{n}": 12 * n for n in (16, 4, 1)
}


@pytest.mark.parametrize(("file", "nr_cpus"), [("slabinfo-up-l1-64.txt", 1), ("slabinfo-smp-l1-128.txt", 2)])
def test_every_row_of_a_real_machine(file: str, nr_cpus: int) -> None:
    """Sizes and flags go in, the rest of the row comes out. (Both machines have lines of 64 bytes.)"""
    wanted = [row for row in rows((DATA / file).read_text()) if not row[0].startswith(("size-", "kmem_cache"))]
    assert len(wanted) > 25
    with Kernel.boot(BootOptions(ram=512 << 20, nr_cpus=nr_cpus)) as kernel:
        for row in wanted:
            align, flags = CREATED[row[0]]
            size = SIZES.get(row[0], int(row[1]) - 4 if flags & _H else int(row[1]))
            assert create_cache(kernel, f"{row[0]}'", size, align, flags)
        ours = {row[0].removesuffix("'"): row for row in rows(slabinfo_text(kernel.slabinfo())) if row[0][-1] == "'"}
        assert [(name, *ours[name][1:]) for name, *_ in wanted] == wanted
        assert list(ours) == [name for name, *_ in reversed(wanted)]
        assert fsck(kernel.ram).clean


@pytest.mark.parametrize(("file", "nr_cpus"), [("slabinfo-up-l1-64.txt", 1), ("slabinfo-smp-l1-128.txt", 2)])
def test_own_caches_are_the_real_ones(file: str, nr_cpus: int) -> None:
    """Those of which no struct of ours is needed have the rows of the real machine; all of them have its order."""
    real = {row[0]: row for row in rows((DATA / file).read_text())}
    ours = {row[0]: row for row in rows(text_of(nr_cpus, 64)) if row[0] in KERNEL_CACHES}
    assert ours.keys() == layout_for(nr_cpus, True, 64).kernel_caches.keys()
    if nr_cpus == 1:
        assert ours.pop("pid")[1:4] == ("36", "101", "1")  # 2.6.16 has none
    assert list(ours) == [name for name in real if name in KERNEL_CACHES]
    for name, cache in TABLE.items():
        if not isinstance(cache.objects, str) and name in ours:
            assert ours[name] == real[name]


def test_cache_of_caches_of_a_big_smp_kernel() -> None:
    """The SMP dump's kernel has NR_CPUS=128, more than ours can have; its struct kmem_cache is known all the same."""
    row = next(row for row in rows((DATA / "slabinfo-smp-l1-128.txt").read_text()) if row[0] == "kmem_cache")
    size = up(layout_for(32, False, 128)["kmem_cache"].size + 4 * (128 - 32), 64)
    num, _ = cache_estimate(0, size, 64, False)
    assert row == ("kmem_cache", *map(str, (size, num, 1, *tunables(size, True))))


# the geometry against a plain model


@dataclass
class Plain:
    """What a cache is like, found by trying."""

    size: int
    num: int
    pages: int
    off_slab: bool
    management: int
    colours: int
    colour_step: int


def up(value: int, to: int) -> int:
    return value if value % to == 0 else value + to - value % to


def plain(size: int, align: int, line_aligned: bool, reclaimable: bool, line: int, big_machine: bool) -> Plain:
    """The rules in words: a cache line, or the part of one that an object needs; objects of 512 bytes and more keep
    their management elsewhere, unless it fits into what a slab wastes; the smallest slab of which at most an eighth is
    wasted, of two pages at most where one would do (of one on a small machine, or if it can be reclaimed).
    """
    unit = 4
    if line_aligned:
        unit = next(part for part in (line >> n for n in range(8)) if up(size, 4) > part // 2)
    unit = max(unit, align)
    elsewhere = up(size, 4) >= 512
    size = up(up(size, 4), unit)

    def fits(count: int, room: int) -> bool:
        return count * size + (0 if elsewhere else up(28 + 4 * count, unit)) <= room

    best = None
    for pages in (1, 2, 4, 8, 16, 32):
        room = 4096 * pages
        count = next((n for n in range(room // size, 0, -1) if fits(n, room)), 0)
        if not count:
            continue
        if elsewhere and 28 + 4 * count > size:
            break
        best = (count, pages)
        wasted = room - count * size - (0 if elsewhere else up(28 + 4 * count, unit))
        if reclaimable or pages >= (2 if big_machine else 1) or wasted <= room / 8:
            break
    if best is None:
        return Plain(size, 0, 0, False, 0, 0, 0)
    count, pages = best
    management = 28 + 4 * count
    wasted = 4096 * pages - count * size - (0 if elsewhere else up(management, unit))
    if elsewhere and wasted >= up(management, unit):
        elsewhere = False
        wasted -= up(management, unit)
    step = max(line, unit)
    return Plain(
        size, count, pages, elsewhere, management if elsewhere else up(management, unit), wasted // step, step
    )


def as_plain(shape: Geometry) -> Plain:
    if not shape.num:
        return Plain(shape.buffer_size, 0, 0, False, 0, 0, 0)
    return Plain(
        shape.buffer_size, shape.num, 1 << shape.gfporder, shape.off_slab, shape.slab_size, shape.colour,
        shape.colour_off,
    )  # fmt: skip


SIZE = st.one_of(
    st.integers(4, 131072), st.integers(4, 1100), st.sampled_from([1 << n for n in range(2, 18)]),
    st.integers(2, 17).flatmap(lambda n: st.integers(max(4, (1 << n) - 40), min(131072, (1 << n) + 40))),
)  # fmt: skip
ALIGN = st.sampled_from([0, 0, 0, 1, 2, *(1 << n for n in range(2, 14))])
FLAGS = st.integers(0, 127).map(lambda bits: sum(flag for n, flag in enumerate(ALL_FLAGS) if bits >> n & 1))
ALL_FLAGS = (_H, _R, _P, _RCU, SLAB_MEM_SPREAD, SLAB_CACHE_DMA, SLAB_MUST_HWCACHE_ALIGN)


@pytest.mark.slow
@settings(max_examples=3000)
@given(SIZE, ALIGN, FLAGS, st.sampled_from([32, 64, 128]), st.booleans())
@example(100, 8192, _R, 64, False)  # no object fits a page
def test_geometry_is_the_plain_models(size: int, align: int, flags: int, line: int, big: bool) -> None:
    ours = geometry(size, align, flags, line, int(big), False)
    assert as_plain(ours) == plain(size, align, bool(flags & _H), bool(flags & _R), line, big)


@pytest.mark.parametrize(("l1", "nr_cpus", "ram"), [(32, 1, 16), (64, 2, 64), (128, 1, 64)])
def test_created_caches_are_the_plain_models(l1: int, nr_cpus: int, ram: int) -> None:
    chance = random.Random(l1)
    with Kernel.boot(BootOptions(ram=ram << 20, nr_cpus=nr_cpus, l1=l1)) as kernel:
        name = write_string(kernel, "any")
        for _ in range(350):
            size = min(131072, int(4 * 2 ** chance.uniform(0, 15)))
            align = chance.choice([0, 0, *(1 << n for n in range(2, 13))])
            flags = sum(flag for flag in ALL_FLAGS if flag != _P and chance.random() < 0.5)
            wanted = plain(size, align, bool(flags & _H), bool(flags & _R), l1, ram > 32)
            cachep = kernel.slab.kmem_cache_create(name, size, align, flags, 0, 0)
            assert bool(cachep) == bool(wanted.num)
            if not cachep:
                continue
            info, row = kernel.slab_cache(cachep), kernel.slabinfo()[0]
            assert (row.name, row.objsize, row.objperslab, row.pagesperslab) == (
                "any", wanted.size, wanted.num, wanted.pages
            )  # fmt: skip
            assert (info.management, bool(info.slabp_cache)) == (wanted.management, wanted.off_slab)
            assert info.colours == max(1, wanted.colours) and info.colour_off == wanted.colour_step
            if wanted.off_slab:
                assert int(info.slabp_cache.removeprefix("size-")) >= wanted.management
            limit = next(
                n for least, n in ((131073, 1), (4097, 8), (1025, 24), (257, 54), (0, 120)) if wanted.size >= least
            )
            shared = 8 if nr_cpus > 1 and wanted.size <= 4096 else 0
            assert (row.limit, row.batchcount, row.sharedfactor) == (limit, (limit + 1) // 2, shared)
            kernel.slab.kmem_cache_destroy(cachep)
        assert fsck(kernel.ram).clean


def test_well_known_shapes() -> None:
    def shape(size: int, flags: int = 0) -> tuple[int, int, bool]:
        found = geometry(size, 0, flags, 64, 1, False)
        return found.num, 1 << found.gfporder, found.off_slab

    assert [shape(size, _H)[0] for size in (32, 64, 128)] == [113, 59, 30]
    assert shape(500, _H) == (7, 1, False)
    assert shape(512, _H) == (8, 1, True)
    assert [shape(size)[:2] for size in (640, 704, 1088, 1344, 3072, 2560, 596)] == [
        (6, 1), (11, 2), (7, 2), (3, 1), (2, 2), (3, 2), (13, 2)
    ]  # fmt: skip


def test_estimate_never_exceeds_the_slab() -> None:
    for order in range(6):
        for size in range(4, 131073, 52):
            for off in (False, True):
                align = min(size & -size, 64)
                num, left = cache_estimate(order, size, align, off)
                management = 0 if off else -(-(28 + 4 * num) // align) * align
                assert num * size + management + left == 4096 << order
                assert num <= 0 or left >= 0


def test_reciprocal_divides_exactly() -> None:
    for size in (4, 12, 32, 96, 128, 192, 276, 1344, 4096, 131072):
        factor = reciprocal_value(size)
        for index in range(0, 131072 // size):
            for inside in (0, size - 1):
                assert (index * size + inside) * factor >> 32 == index
