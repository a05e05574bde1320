"""Finding, completing and executing commands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import pytest

from tools.errors import CommandError
from tools.registry import Command, Registry, plain
from tools.session import Session

NAMES = (
    "vtop", "info mem", "info registers", "x", "xp", "buddyinfo", "slabinfo", "vmallocinfo", "dmesg", "fsck", "help",
)  # fmt: skip
SESSION = cast(Session, None)


@pytest.fixture
def registry() -> Registry:
    result = Registry()
    for name in NAMES:
        result.add(Command(name, "summary", name, lambda session, *args: args, str, parse=lambda s, text: (text,)))
    return result


@pytest.mark.parametrize(
    ("line", "name", "rest"),
    [
        ("vtop c0100000", "vtop", "c0100000"),
        ("info mem", "info mem", ""),
        ("info-mem", "info mem", ""),
        ("infomem", "info mem", ""),
        ("info registers", "info registers", ""),
        ("i r", "info registers", ""),
        ("info reg", "info registers", ""),
        ("slab-info", "slabinfo", ""),
        ("vmalloc_info", "vmallocinfo", ""),
        ("buddy", "buddyinfo", ""),
        ("x /4xw $esp + 4", "x", "/4xw $esp + 4"),
        ("x/4xw $esp", "x", "/4xw $esp"),
        ("xp/2i 9fc00", "xp", "/2i 9fc00"),
        ("  x  c0000000 ", "x", "c0000000"),
        ("VTOP 0", "vtop", "0"),
    ],
)
def test_find(registry: Registry, line: str, name: str, rest: str) -> None:
    command, found_rest = registry.find(line)
    assert (command.name, found_rest) == (name, rest)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", ["no command"]),
        ("nonsense 1", ["'nonsense' is no command"]),
        ("info", ["info mem", "info registers"]),
        ("info nonsense", ["'info nonsense' is no command", "info mem"]),
        ("v", ["can mean", "vtop", "vmallocinfo"]),
    ],
)
def test_unknown_or_ambiguous(registry: Registry, line: str, words: list[str]) -> None:
    with pytest.raises(CommandError) as caught:
        registry.find(line)
    assert all(word in str(caught.value) for word in words)


def test_completion(registry: Registry) -> None:
    assert registry.completions("") == sorted({name.split()[0] for name in NAMES})
    assert registry.completions("v") == ["vmallocinfo", "vtop"]
    assert registry.completions("info ") == ["mem", "registers"]
    assert registry.completions("info r") == ["registers"]
    assert registry.completions("help sl") == ["slabinfo"]


@pytest.mark.parametrize("line", ["vtop -h", "info mem --help"])
def test_help_by_option(registry: Registry, line: str) -> None:
    answer = registry.execute(SESSION, line)
    assert answer.command.name == "help" and answer.result == (line.rpartition(" ")[0],)
    assert registry.completions("vtop ") == []


def test_a_name_is_given_once(registry: Registry) -> None:
    with pytest.raises(ValueError, match="vtop"):
        registry.add(registry.commands["vtop"])


def test_wrong_arguments_are_told_with_the_usage() -> None:
    registry = Registry()
    registry.add(Command("dmesg", "the log", "dmesg", lambda session: [], str))
    with pytest.raises(CommandError, match=r"dmesg: takes no arguments, but got '1'; usage: dmesg"):
        registry.execute(SESSION, "dmesg 1")


def test_results_become_data() -> None:
    @dataclass
    class Inner:
        address: int

    @dataclass
    class Outer:
        items: list[Inner]
        code: bytes
        table: dict[int, tuple[int, str | None]]

    value: Any = Outer([Inner(1)], b"\x0f", {1: (2, None)})
    assert plain(value) == {"items": [{"address": 1}], "code": "0f", "table": {"1": [2, None]}}
