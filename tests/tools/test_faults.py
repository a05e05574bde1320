"""`--faults`, `faults` and `fault N`, with a kernel and on a bare machine."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from guest import cc
from guest.bare import FOLDER
from tools import cli

FAULTS = cc.PROGRAMS / "faults"
LINE = re.compile(
    r" {5}0: v=0e e=0002 i=0 cpl=0 IP=0060:([0-9a-f]{8}) pc=\1 SP=0068:[0-9a-f]{8} CR2=([0-9a-f]{8}) "
    r"write of 1 byte at \2 through \[\w+\]: PTE\.P=0, the guard page behind the vmalloc area [0-9a-f]{8}-\2, "
    r"right past its end; by main\+0x[0-9a-f]+/0x[0-9a-f]+ \[guard_page\] at \S*guard_page\.c:13: oops\n"
)


def run(*arguments: str, word: str = "run") -> int:
    return cli.main([word, *arguments])


def small(name: str, *arguments: str) -> int:
    return run("--ram", "64M", *arguments, str(FAULTS / f"{name}.c"))


def test_a_line_as_it_happens(capfd: pytest.CaptureFixture[str]) -> None:
    assert small("guard_page", "--faults") == 137
    out, err = capfd.readouterr()
    assert LINE.fullmatch(err), err
    assert "v=0e" not in out


def test_without_the_option_nothing_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    assert small("guard_page") == 137
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(("wanted", "lines"), [("read", 0), ("write,vmalloc", 1), ("guard page", 1), ("!oops", 0)])
def test_filter(wanted: str, lines: int, capfd: pytest.CaptureFixture[str]) -> None:
    assert small("guard_page", f"--faults={wanted}") == 137
    assert capfd.readouterr().err.count("\n") == lines


def test_filter_that_is_none(capfd: pytest.CaptureFixture[str]) -> None:
    assert small("guard_page", "--faults=colour=red") == 2
    assert "colour" in capfd.readouterr().err


def test_commands(capfd: pytest.CaptureFixture[str]) -> None:
    assert small("vmalloc_fault", "-ex", "faults", "-ex", "fault 0", "-ex", "faults -c cause", "-ex", "faults -c line",
                 "-ex", "faults -c range", "-ex", "faults read", "-ex", "faults retry -c cause") == 0  # fmt: skip
    out, err = capfd.readouterr()
    assert err == ""
    assert out.count("     0: v=0e e=0002") == 1
    assert "\nfault 0: vmalloc fault\nwhen " in out and "\n             *place = 7;\n" in out
    assert "\n   COUNT  CAUSE\n       1  vmalloc fault\n" in out
    assert re.search(r"\n   COUNT  LINE\n       1  \S*vmalloc_fault\.c:\d+\n", out)
    assert re.search(r"\n   COUNT  RANGE\n       1  [0-9a-f]{8}-[0-9a-f]{8} vmalloc area\n", out)
    assert "\nnone of 1 faults\n" in out


def test_json(capfd: pytest.CaptureFixture[str]) -> None:
    assert small("null_member", "--json", "-ex", "fault", "-ex", "faults", "-ex", "faults -c cause") == 137
    answers = [json.loads(line) for line in capfd.readouterr().out.splitlines() if line.startswith('{"command"')]
    fault, faults, counts = (answer["result"] for answer in answers)
    assert faults["faults"] == [fault] and (faults["total"], faults["kept"]) == (1, 1)
    assert counts == {"by": "cause", "total": 1, "counts": [{"key": "not present: null page", "count": 1}]}
    record = fault["record"]
    assert (fault["verdict"], fault["region"], fault["comm"]) == ("oops", "user", "null_member")
    assert record["access"]["operand"]["terms"][1]["scale"] == 4 and record["access"]["address"] == record["cr2"] == 28
    assert record["instruction"].startswith("mov dword ptr") and bytes.fromhex(record["code"])
    assert [bit["name"] for bit in record["bits"]] == ["P", "W", "U", "RSVD", "I"]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("fault 7", "fault 7 is not kept: 0 to 0 are"), ("fault x", "'x' is not a number of a fault"),
        ("faults -c size", "-c counts by cause, range, line"), ("faults v=xy", "is no number"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered(command: str, said: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert small("fixup", "-ex", command) == 1
    assert said in capfd.readouterr().err


def test_no_faults(capfd: pytest.CaptureFixture[str]) -> None:
    assert run("--ram", "16M", "-ex", "faults", "-ex", "faults -c line", word="monitor") == 0
    assert capfd.readouterr().out == "no faults\nno faults\n"
    assert run("--ram", "16M", "-ex", "fault", word="monitor") == 1
    assert "there was none" in capfd.readouterr().err


def test_bare_machine(capfd: pytest.CaptureFixture[str]) -> None:
    source = str(FOLDER / "paging.c")
    assert run("--bare", "--faults=write", source, "-ex", "faults", "-ex", "fault") == 1
    out, err = capfd.readouterr()
    lines = [line for line in err.splitlines() if " v=" in line]
    assert lines and all(re.search(r" v=0e .* write of .*: P[DT]E\.", line) for line in lines)
    assert "#PF              517\n" in out and "the last exceptions:\n" in out
    assert re.search(r"^fault \d+: #PF, page fault, on CPU 0 in ring \d\ninstruction ", out, re.MULTILINE)
    assert re.search(r"^walk +PDE   at [0-9a-f]{8}: ", out, re.MULTILINE)


def test_bare_machine_other_exceptions(capfd: pytest.CaptureFixture[str]) -> None:
    source = str(FOLDER / "exceptions.c")
    assert run("--bare", source, "-ex", "faults v=d", "-ex", "fault 0", "--json") == 1
    answers = [json.loads(line) for line in capfd.readouterr().out.splitlines() if line.startswith('{"command"')]
    faults, fault = (answer["result"] for answer in answers)
    assert len(faults["last"]) == faults["counts"]["13"] and {f["record"]["vector"] for f in faults["last"]} == {13}
    assert any("index" in {bit["name"] for bit in f["record"]["bits"]} for f in faults["last"])
    assert fault["record"]["name"] == "#DE" and fault["number"] == 0


def test_help_needs_no_machine(capfd: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    assert "--faults" in capfd.readouterr().out
    assert run("--ram", "16M", "-ex", "help faults", word="monitor") == 0
    assert "FILTER: terms with commas" in capfd.readouterr().out


def test_a_saved_image_has_them(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """`fault`, `faults` and the counts answer there as they did here, --save alone records them."""
    image = str(tmp_path / "image")
    commands = ["-ex", "faults", "-ex", "fault 0", "-ex", "faults -c cause", "-ex", "faults -c line", "--json"]
    assert small("fixup", "--save", image) == 0
    capfd.readouterr()
    assert run(image, *commands, word="monitor") == 0
    there = capfd.readouterr().out
    assert small("fixup", *commands) == 0
    here = [line for line in capfd.readouterr().out.splitlines() if line.startswith('{"command"')]
    assert there.splitlines() == here and len(here) == 4 and '"verdict": "fixup"' in there
