"""Calls of the slab allocator, as C programs use them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from guest import cc, elf
from guest.kernel import Kernel
from mm.fsck import fsck
from mm.setup import BootOptions

PROGRAMS = Path(__file__).resolve().parent / "programs"


def run(kernel: Kernel, name: str) -> tuple[int, str]:
    """Status and output of one of the programs."""
    before = len(kernel.log.text())
    path = cc.build([PROGRAMS / f"{name}.c"], kernel.layout, "rel")
    status = kernel.run(elf.read(path, f"{name}.c"), [name], 20)
    return status, kernel.log.text()[before:]


@pytest.mark.parametrize(("ram", "nr_cpus"), [(64, 1), (1024, 2)])
def test_slab_calls(ram: int, nr_cpus: int) -> None:
    with Kernel.boot(BootOptions(ram=ram << 20, nr_cpus=nr_cpus)) as kernel:
        assert run(kernel, "slab_calls") == (0, "")
        assert fsck(kernel.ram).clean


@pytest.mark.variants
@pytest.mark.parametrize("options", [BootOptions(ram=64 << 20), BootOptions(ram=64 << 20, cpus=4, schedule=3)])
def test_slabs_go_while_a_program_sleeps(options: BootOptions) -> None:
    with Kernel.boot(options) as kernel:
        status, text = run(kernel, "slab_reap")
        assert status == 0
        first, second = ([int(n) for n in re.findall(r"\d+", line)[-3:]] for line in text.splitlines())
        assert first[-2] < first[-1] == second[-2] == second[-1]
        assert fsck(kernel.ram, kernel.text()).clean
