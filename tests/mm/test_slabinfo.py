"""Slab geometry and tunables against two dumps of real machines."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from guest.kernel import Kernel
from mm.setup import BootOptions
from mm.slab_geometry import cache_estimate, geometry, reciprocal_value
from mm.vmstat import slabinfo, slabinfo_text

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


@pytest.mark.parametrize(("file", "nr_cpus", "l1"), MACHINES)
def test_objects_a_slab_of_every_row(file: str, nr_cpus: int, l1: int) -> None:
    """Objects and pages a slab come out of some size, alignment and flags that make the row's object size."""
    for name, size, objects, pages, *_ in rows((DATA / file).read_text()):
        shapes = {
            (shape.num, 1 << shape.gfporder)
            for align in (0, 4, 8, 16, 32, 64, 128, 4096)
            for reclaim in (0, 0x20000)
            for early in (name == "kmem_cache", False)
            for asked in range(max(4, int(size) - 124), int(size) + 1, 4)
            if (shape := geometry(asked, align, reclaim, 64, 1, early)).buffer_size == int(size)
        }
        assert (int(objects), int(pages)) in shapes, name


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
