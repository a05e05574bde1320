"""Machines from Python: in five lines, typed, and by the lines that `COMMAND --python` prints."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hw.errors import HighmemError
from tools.commands import standard
from tools.commands.translate import vtop
from tools.monitor import Monitor
from tools.registry import plain
from tools.script import Script, boot, open_image, run

ROOT = Path(__file__).parents[2]
#: they change the machine, or a file
NOT_TWICE = ("sysctl", "memsave", "pmemsave", "slabinfo", "ptdiff")


@pytest.fixture(scope="module")
def machine() -> Iterator[Script]:
    with run("guest/programs/oops.c", output=io.StringIO(), ram="64M") as made:
        yield made


def test_five_lines(tmp_path: Path) -> None:
    code = """\
from tools.commands.translate import vtop
from tools.script import run
with run("guest/programs/oops.c", ram="64M", output=open("/dev/null", "w")) as machine:
    print(f"{vtop(machine, 0xC1000000).physical:x}", machine.status)
    print(machine.faults[0].record.access.kind, machine.faults[0].owner.kind)
"""
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout == "1000000 137\nwrite guard page\n"


@pytest.mark.parametrize("name", sorted(standard().commands))
def test_the_printed_lines_do_the_same(machine: Script, name: str) -> None:
    command = standard().commands[name]
    monitor = Monitor.over(machine, standard())
    try:
        lines = monitor.execute(f"{command.example} --python").result
    except HighmemError as error:
        pytest.skip(f"its example is of another machine: {error}")
    assert lines[-2] == "with run('guest/programs/oops.c', ram='64M') as machine:"
    if name in NOT_TWICE or "machine.ask" in lines[-1]:
        return
    try:
        expected = monitor.execute(command.example).data
    except HighmemError as error:
        pytest.skip(f"its example is of another machine: {error}")
    names: dict[str, Any] = {"machine": machine}
    exec("\n".join(lines[:-3]), names)
    call = re.fullmatch(r"    print\((.*)\)", lines[-1])
    assert call
    assert plain(eval(call[1], names)) == expected


@pytest.mark.slow
def test_the_machine_of_the_command_line_is_in_the_lines(capfd: pytest.CaptureFixture[str]) -> None:
    from tools import cli

    line = ["run", "guest/programs/threads.c", "--ram", "80M", "--pae", "--sysctl", "vm.swappiness=7",
            "--slab-debug=FZ", "-ex", "sysctl vm.swappiness --python", "--", "-x"]  # fmt: skip
    cli.main(line)
    out = capfd.readouterr().out
    code = out[out.index("from tools.commands"):]
    call = "run('guest/programs/threads.c', '-x', ram='80M', pae=True, sysctl=['vm.swappiness=7'], slab_debug='FZ')"
    assert f"with {call} as machine:" in code
    printed = io.StringIO()
    from contextlib import redirect_stdout

    with redirect_stdout(printed):
        exec(code, {})
    assert "7" in printed.getvalue().splitlines()[-1]


def test_notebooks_show_answers_and_machines(machine: Script) -> None:
    assert machine.ask("x /2xw c1000000")._repr_html_().startswith("<pre>c1000000: 0x")
    assert vtop(machine, 0xC1000000)._repr_html_().startswith("<pre>VIRTUAL   PHYSICAL\nc1000000  1000000")
    assert "<pre>" in machine.faults[0]._repr_html_()
    page = machine._repr_html_()
    assert page.startswith("<iframe srcdoc=\"") and "&lt;script" in page and page.count('"') < 10
    assert "write of 4 bytes" in str(machine.faults[0])


def test_what_cannot_be_is_said(tmp_path: Path) -> None:
    with pytest.raises(HighmemError, match="16 MB"):
        boot(ram="3M")
    with pytest.raises(HighmemError, match="unrecognized arguments: --no-such=1"):
        boot(no_such=1)
    with pytest.raises(OSError, match="No such file"):
        run("no such.c")
    with pytest.raises(HighmemError, match="no saved machine"):
        (tmp_path / "x").write_text("x")
        open_image(str(tmp_path / "x"))
