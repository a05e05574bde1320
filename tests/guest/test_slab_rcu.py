"""SLAB_DESTROY_BY_RCU: pages outlive their readers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from guest import cc, elf
from guest.kernel import Kernel
from mm.fsck import fsck
from mm.setup import BootOptions

SOURCE = Path(__file__).resolve().parent / "programs" / "slab_rcu.c"
KEPT, FREE = "a slab's page still", "free"


def run(cpus: int, *arguments: str, schedule: int | None = None) -> list[str]:
    with Kernel.boot(BootOptions(ram=64 << 20, cpus=cpus, schedule=schedule)) as kernel:
        before = len(kernel.log.text())
        program = elf.read(cc.build([SOURCE], kernel.layout), "slab_rcu")
        status = kernel.run(program, ["slab_rcu", *arguments], 30)
        damages = [str(damage) for damage in fsck(kernel.ram).damages]
        text = re.sub(r"^<\d>", "", kernel.log.text()[before:], flags=re.MULTILINE)
        assert (status, damages) == (0, []), text
        assert kernel.slab.find("rcu_objects") == 0
        return text.splitlines()


def test_one_cpu() -> None:
    assert run(1) == [f"after the shrink: {KEPT}", f"after a sleep: {FREE}", "destroyed"]


def test_without_the_flag() -> None:
    assert run(1, "plain")[0] == f"after the shrink: {FREE}"


@pytest.mark.variants
@pytest.mark.parametrize("seed", [None, 1, 7])
def test_a_reader_on_another_cpu(seed: int | None) -> None:
    lines = run(2, schedule=seed)
    assert lines == [
        f"after the shrink: {KEPT}", f"while it is read: {KEPT}", "reader: the page was kept",
        f"when the reader is gone: {FREE}", "destroyed",
    ]  # fmt: skip


@pytest.mark.slow
def test_fsck_knows_a_slab_that_waits(tmp_path: Path) -> None:
    """A machine halted while the reader is at work."""
    with Kernel.boot(BootOptions(ram=64 << 20, cpus=2, schedule=3)) as kernel:
        source = tmp_path / "slab_rcu.c"
        source.write_text(SOURCE.read_text().replace("done = 1;", ""))
        program = elf.read(cc.build([source], kernel.layout), "slab_rcu")
        assert kernel.run(program, ["slab_rcu"], 6) == 124
        assert "while it is read: a slab's page still" in kernel.log.text()
        assert [str(damage) for damage in fsck(kernel.ram).damages] == []
        mask = kernel.layout.va("rcu_cpumask") - 0xC0000000
        assert kernel.ram.read(mask, 4) != bytes(4)
        kernel.ram.write(mask, bytes(4))
        assert [damage.structure for damage in fsck(kernel.ram).damages] == ["variable rcu_cpumask"]
