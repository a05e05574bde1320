"""A program that is killed gives back what it held; one that ends by itself leaks as in life."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from guest import cc, elf
from guest.elf import Program
from guest.kernel import Kernel
from mm.fsck import fsck
from mm.setup import BootOptions

PROGRAMS = Path(__file__).resolve().parent / "programs"
MB = 1 << 20


def build(kernel: Kernel, path: Path) -> Program:
    return elf.read(cc.build([path], kernel.layout), path.name)


def hog(kernel: Kernel, arguments: str) -> tuple[int, str]:
    """Runs programs/hog.c: its status and what it printed."""
    before = len(kernel.log.text())
    status = kernel.run(build(kernel, PROGRAMS / "hog.c"), ["hog", *arguments.split()], timeout=300)
    assert fsck(kernel.ram, kernel.text()).damages == []
    return status, re.sub(r"^<\d>", "", kernel.log.text()[before:], flags=re.MULTILINE)


def free(kernel: Kernel) -> int:
    """Kilobytes, with those that wait on the CPUs' lists and in slabs without objects."""
    kernel.slab.reap_free_slabs()
    kernel.page_alloc.drain_local_pages(0)
    return kernel.meminfo()["MemFree"]


@pytest.mark.variants
@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param("kmalloc 32", marks=pytest.mark.slow), "kmalloc 4096", "kmalloc 32768",
        pytest.param("cache 60", marks=pytest.mark.slow), "cache 700", "pages 0",
        pytest.param("pages 3", marks=pytest.mark.slow), pytest.param("compound 2", marks=pytest.mark.slow),
        pytest.param("vmalloc 50000", marks=pytest.mark.slow), "vmalloc 5000000", "mixed 0", "mixed without-owners",
    ],
)  # fmt: skip
def test_who_is_killed_gives_all_back(arguments: str) -> None:
    with Kernel.boot(BootOptions(ram=64 * MB, page_owner="without" not in arguments)) as kernel:
        before = free(kernel)
        status, text = hog(kernel, arguments)
        assert status == 137, text
        given = re.search(r"^hog: gave back (\d+) kB that the killed program held$", text, re.MULTILINE)
        assert given and int(given[1]) > 50000
        assert before - free(kernel) < 200 and len(kernel.unreferenced()) == 0
        assert kernel.run(build(kernel, cc.PROGRAMS / "tour.c"), ["tour"]) == 0
        assert fsck(kernel.ram, kernel.text()).damages == []


@pytest.mark.slow
@pytest.mark.parametrize("arguments", ["highuser 0", "pages 3"])
def test_with_highmem(arguments: str) -> None:
    with Kernel.boot(BootOptions(ram=1024 * MB)) as kernel:
        before = free(kernel)
        assert hog(kernel, arguments)[0] == 137
        assert before - free(kernel) < 2000
        assert kernel.run(build(kernel, cc.PROGRAMS / "tour.c"), ["tour"]) == 0


@pytest.mark.variants
@pytest.mark.parametrize(
    "arguments", ["kmalloc 4096", "kmalloc 131072", "pages 10", "compound 3", "highuser 0", "vmalloc 50000"]
)
def test_who_ends_by_itself_does_not(arguments: str) -> None:
    with Kernel.boot(BootOptions(ram=64 * MB)) as kernel:
        before = free(kernel)
        status, text = hog(kernel, f"{arguments} atomic")
        assert status == 0 and "gave back" not in text
        assert before - free(kernel) > 40000
        assert kernel.size_of(kernel.unreferenced()) > 40000 << 10


@pytest.mark.variants
@pytest.mark.parametrize(
    "arguments",
    [
        "kmalloc 4096", "compound 3", "vmalloc 50000",
        *(
            pytest.param(kind, marks=pytest.mark.slow)
            for kind in ("kmalloc 131072", "pages 10", "highuser 0", "cache 700")
        ),
    ],
)
def test_who_frees_has_nothing_to_give_back(arguments: str) -> None:
    with Kernel.boot(BootOptions(ram=64 * MB)) as kernel:
        before = free(kernel)
        for _ in range(2):
            status, text = hog(kernel, f"{arguments} atomic free")
            assert status == 0 and "gave back" not in text
            assert before - free(kernel) < 1024 and len(kernel.unreferenced()) == 0  # arrays hold some objects


def test_a_halted_program_keeps_what_it_has() -> None:
    with Kernel.boot(BootOptions(ram=1024 * MB)) as kernel:
        program = build(kernel, PROGRAMS / "kmemleak.c")
        assert kernel.run(program, ["kmemleak", "one", "two"], timeout=1) == 124
        lost = {int(line, 16) for line in re.findall(r"^(?:<\d>)?([0-9a-f]{8})$", kernel.log.text(), re.MULTILINE)}
        assert len(lost) == 4
        assert {leak.address for leak in kernel.leaks(kernel.unreferenced())} == lost
