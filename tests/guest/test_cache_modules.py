"""Kernel modules in the style of the books, as C and as objects: their words, and nothing of theirs stays."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from guest import cc, elf
from guest.kernel import Kernel
from mm.fsck import fsck
from mm.setup import BootOptions

ROOT = Path(__file__).resolve().parents[2]
MODULES = cc.PROGRAMS / "modules"

SESSIONS = "".join(f"ctor_cache: session {n} with 192.168.0.{n + 1} ends\n" for n in range(5))
OUTPUT = {
    "ctor_cache": (
        'ctor_cache: cache "session" has objects of 64 bytes, 0 are constructed\n'
        "ctor_cache: 5 sessions open, 5 came ready for use\n"
        "ctor_cache: 5 sessions open, 5 came ready for use\n"
        "ctor_cache: the second time 0 were constructed\n"
        f"{SESSIONS}"
        "ctor_cache: every constructed object was destroyed\n"
    ),
    "reorder_list": (
        "reorder_list: 200 items are queued\n"
        "reorder_list: items 26, 52 and 78 were the first of 100 that are done\n"
        "reorder_list: 100 items were left\n"
    ),
}  # fmt: skip
MACHINES = {"one CPU": BootOptions(ram=64 << 20), "four CPUs": BootOptions(ram=64 << 20, cpus=4)}


def run(kernel: Kernel, path: Path, *arguments: str) -> tuple[int, str]:
    """Loads and unloads a module: the status and what was printed."""
    before = len(kernel.log.text())
    status = kernel.run(elf.read(path, path.name), [path.name, *arguments], timeout=60)
    return status, re.sub(r"^<\d>", "", kernel.log.text()[before:], flags=re.MULTILINE)


def in_use(kernel: Kernel) -> dict[str, int]:
    """Frames by what they are for, once no cache holds a free slab and no CPU a page."""
    for _ in range(3):  # descriptors and arrays are objects themselves
        for cachep in kernel.slab.caches():
            kernel.slab.kmem_cache_shrink(cachep)
    for cpu in range(len(kernel.machine.cpus)):
        kernel.page_alloc.drain_local_pages(cpu)
    report = fsck(kernel.ram, kernel.text())
    assert report.damages == []
    return {kind: n for kind, n in report.frames.items() if kind != "page table" and not kind.startswith("buddy")}


@pytest.mark.parametrize("name", OUTPUT)
def test_from_c(name: str) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "tools.cli", "run", "--ram", "64M", str(MODULES / f"{name}.c"), "-ex", "fsck"],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert result.stdout.startswith(OUTPUT[name]) and result.stdout.endswith("no damage found\n")


@pytest.mark.parametrize(
    "options", [MACHINES["one CPU"], pytest.param(MACHINES["four CPUs"], marks=pytest.mark.slow)],
    ids=list(MACHINES),
)  # fmt: skip
@pytest.mark.parametrize("name", OUTPUT)
def test_as_a_relocatable_object(name: str, options: BootOptions, every_compiler: str, tmp_path: Path) -> None:
    module = tmp_path / f"{name}.ko"
    module.write_bytes(cc.build([MODULES / f"{name}.c"], options.layout, "rel").read_bytes())
    with Kernel.boot(options) as kernel:
        caches, before = kernel.slab.caches(), in_use(kernel)
        for _ in range(2):
            assert run(kernel, module) == (0, OUTPUT[name])
            assert kernel.slab.caches() == caches and not kernel.modules.newest()
            assert in_use(kernel) == before and len(kernel.unreferenced()) == 0


def test_many_items() -> None:
    path = cc.build([MODULES / "reorder_list.c"], MACHINES["one CPU"].layout, "rel")
    with Kernel.boot(MACHINES["one CPU"]) as kernel:
        status, text = run(kernel, path, "items=1000")
        assert status == 0 and text.endswith("reorder_list: 500 items were left\n") and "late" not in text
        assert fsck(kernel.ram, kernel.text()).clean
