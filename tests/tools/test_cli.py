"""The command line: what it accepts, and that no mistake ends in a traceback."""

from __future__ import annotations

import argparse
import errno
from pathlib import Path

import pytest

from hw.errors import HighmemError
from tools import cli, command_line, options


def parse(*arguments: str) -> argparse.Namespace:
    return command_line.parse(list(arguments))


# Accepted


def test_options_may_stand_anywhere() -> None:
    for line in (
        "run --ram 64M a.c one two -ex dmesg --page-owner off",
        "run a.c --ram 64M one -ex dmesg two --page-owner off",
        "run a.c one two --page-owner off -ex dmesg --ram 64M",
    ):
        found = parse(*line.split())
        assert (found.program, found.arguments) == ("a.c", ["one", "two"])
        assert (found.ram, found.commands, found.page_owner) == (64 << 20, ["dmesg"], "off")


def test_after_two_dashes_all_is_the_programs() -> None:
    found = parse("run", "a.c", "-v", "--", "--ram", "-v", "--")
    assert (found.program, found.arguments, found.verbose, found.ram) == ("a.c", ["--ram", "-v", "--"], True, None)


def test_two_dashes_may_stand_before_the_program() -> None:
    found = parse("run", "-v", "--", "a.c", "-x")
    assert (found.program, found.arguments, found.verbose) == ("a.c", ["-x"], True)


@pytest.mark.parametrize(("line", "slab_debug", "program"), [
    ("run --slab-debug a.c", "", "a.c"), ("run --slab-debug ZU a.c", "ZU", "a.c"), ("run a.c --slab-debug", "", "a.c"),
    ("run --slab-debug=fz,size-* a.c", "fz,size-*", "a.c"), ("run --slab-debug ,size-64 a.c", ",size-64", "a.c"),
    ("run --slab-debug fuzzy", "", "fuzzy"), ("run --slab-debug P,mine -v fzp", "P,mine", "fzp"),
    ("run a.c", None, "a.c"), ("run --slab-debug --ram 64M a.c --slab-debug Z", "Z", "a.c"),
])  # fmt: skip
def test_slab_debug_does_not_take_the_program_for_its_value(line: str, slab_debug: str | None, program: str) -> None:
    found = parse(*line.split())
    assert (found.slab_debug, found.program) == (slab_debug, program)


def test_monitor_commands_keep_their_order_and_blanks() -> None:
    found = parse("monitor", "-ex", "x /4xw $esp", "-ex", "info mem", "--json")
    assert (found.program, found.commands, found.json) == (None, ["x /4xw $esp", "info mem"], True)


def test_several_c_files() -> None:
    assert parse("run", "a.c", "--with", "b.c", "--with", "c.c").with_files == ["b.c", "c.c"]


def test_check_hands_on_what_it_does_not_know() -> None:
    found = parse("check", "--all", "-k", "dump", "tests/tools")
    assert (found.all, found.pytest) == (True, ["-k", "dump", "tests/tools"])


@pytest.mark.parametrize("word", ["run", "boot", "build", "monitor"])
def test_the_machines_options_are_the_same_everywhere(word: str) -> None:
    rest = {"run": ["a.c"], "build": ["a.c", "-o", "a"]}.get(word, [])
    found = parse(word, *rest, *"--e820 map --mem 512M --page-owner off --nr-cpus 8 --l1 128".split())
    assert (found.e820, found.mem, found.page_owner, found.nr_cpus, found.l1) == ("map", 512 << 20, "off", 8, 128)
    found = parse(word, *rest, *"--cpus 4 --schedule 77".split())
    assert (found.cpus, found.nr_cpus, found.schedule) == (4, None, 77)


@pytest.mark.parametrize(
    ("text", "size"),
    [("64M", 64 << 20), ("1G", 1 << 30), ("1g", 1 << 30), ("64MB", 64 << 20), ("262144K", 256 << 20), ("4096", 4096),
     ("0x1000", 4096)],
)  # fmt: skip
def test_sizes(text: str, size: int) -> None:
    assert options.size(text) == size


# Refused


@pytest.mark.parametrize(
    "line",
    [
        "nonsense", "run", "run --ram", "run a.c --ram 3X", "run a.c --ram -1", "run a.c --unknown", "run a.c --l1 48",
        "run a.c --cpus 0", "run a.c --cpus 33", "run a.c --schedule -1", "run a.c --schedule x",
        "run a.c --nr-cpus 0", "run a.c --nr-cpus 33", "run a.c --nr-cpus two", "run a.c --page-owner maybe",
        "run a.c --timeout 0", "run a.c --timeout soon", "run a.c --timeout nan", "run a.c -ex", "run a.o --with b.c",
        "run a.c --ram 64M --e820 map", "boot a.c", "build a.c", "build -o a", "build a.c b.c -o a",
    ],
)  # fmt: skip
def test_a_wrong_line_is_a_usage_error(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(line.split()) == 2
    assert cli.usage_status(line.split()) == 2
    captured = capsys.readouterr()
    assert "error: " in captured.err and captured.out == "" and "Traceback" not in captured.err


@pytest.mark.parametrize("word", ["", "run", "boot", "build", "monitor", "selftest", "check"])
def test_help_has_an_example(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*word.split(), "--help"]) == 0
    assert "Example: " in capsys.readouterr().out


# Errors of the work itself


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (HighmemError("something is wrong"), "something is wrong"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "a.c"), "a.c: No such file or directory"),
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
        (ModuleNotFoundError("No module", name="unicorn"), "the Python package unicorn is missing"),
        (ZeroDivisionError("division by zero"), "a fault in highmem itself: ZeroDivisionError: division by zero"),
    ],
)
def test_errors_are_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, line: str
) -> None:
    def fail(options: argparse.Namespace) -> int:
        raise error

    monkeypatch.delenv("HIGHMEM_DEBUG", raising=False)
    monkeypatch.setitem(cli._WORDS, "boot", fail)
    assert cli.main(["boot"]) == 125
    assert capsys.readouterr().err.startswith(f"highmem: error: {line}")


def test_control_c(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(options: argparse.Namespace) -> int:
        raise KeyboardInterrupt

    monkeypatch.setitem(cli._WORDS, "boot", interrupt)
    assert cli.main(["boot"]) == 130


@pytest.mark.parametrize("line", ["run nowhere.c", "run nowhere.o", "build nowhere.c -o x", "boot --e820 nowhere"])
def test_a_missing_file_is_named(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(line.split()) == 125
    assert capsys.readouterr().err.startswith("highmem: error: nowhere")


def test_a_file_that_is_no_memory_map(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "map"
    path.write_bytes(b"\xff\0nothing")
    assert cli.main(["boot", "--e820", str(path)]) == 125
    assert "no memory map found" in capsys.readouterr().err
