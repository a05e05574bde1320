"""`info cpus` and `cpu`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from guest import cc, elf
from guest.kernel import Kernel
from mm.setup import BootOptions
from tools.errors import CommandError
from tools.monitor import Monitor

PROGRAMS = Path(__file__).resolve().parents[1] / "guest" / "programs"


@pytest.fixture
def monitor() -> Iterator[Monitor]:
    with Kernel.boot(BootOptions(ram=64 << 20, cpus=3)) as kernel:
        yield Monitor(kernel)


def test_idle_cpus(monitor: Monitor) -> None:
    assert monitor.execute("info cpus").text == """\
* CPU #0: pc=0xc0100000 (halted) thread_id=0 swapper
  CPU #1: pc=0xc0100000 (halted) thread_id=0 swapper
  CPU #2: pc=0xc0100000 (halted) thread_id=0 swapper
"""


def test_tasks_at_work(monitor: Monitor) -> None:
    kernel = monitor.session.kernel
    program = elf.read(cc.build([PROGRAMS / "smp_stuck.c"], kernel.layout), "smp_stuck.c")
    assert kernel.run(program, ["smp_stuck"], timeout=0.3) == 124
    data = monitor.execute("info cpus").data["cpus"]
    assert [(cpu["comm"], cpu["idle"]) for cpu in data] == [
        ("smp_stuck", False), ("other", False), ("swapper", True)
    ]  # fmt: skip
    assert monitor.execute("cpu 1").text.startswith("* CPU #1: pc=0x") and monitor.session.cpu_number == 1
    values = monitor.execute("info registers").data
    assert (values["cpu"], values["values"]["eip"]) == (1, data[1]["eip"])
    assert not values["values"]["eflags"] & 0x200  # it has interrupts off
    assert monitor.execute("info cpus").text.splitlines()[1].startswith("* CPU #1")


@pytest.mark.parametrize("line", ["cpu", "cpu 3", "cpu one", "info cpus 1"])
def test_wrong_lines(monitor: Monitor, line: str) -> None:
    with pytest.raises(CommandError):
        monitor.execute(line)
