"""The formats of x and xp."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.dump import Format, examine, parse_format, render
from tools.errors import CommandError

BASE = 0xC0000000


def reader(memory: bytes):
    def read(address: int, size: int) -> bytes:
        offset = address - BASE
        if offset < 0 or offset + size > len(memory):
            raise CommandError(f"Cannot access memory at address 0x{address:x}")
        return memory[offset : offset + size]

    return read


def name(address: int) -> str | None:
    return f"start+0x{address - BASE:x}" if address - BASE in range(64) else None


def text(form: str, memory: bytes, digits: int = 8) -> str:
    return render(examine(BASE, parse_format(form), reader(memory), name), digits)


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        ("", Format(1, "x", 4)),
        ("4", Format(4, "x", 4)),
        ("4xw", Format(4, "x", 4)),
        ("8xb", Format(8, "x", 1)),
        ("hx", Format(1, "x", 2)),
        ("g", Format(1, "x", 8)),
        ("3i", Format(3, "i", 4)),
        ("2s", Format(2, "s", 1)),
        ("2c", Format(2, "c", 1)),
        ("2ag", Format(2, "a", 4)),
    ],
)
def test_parse(given_text: str, expected: Format) -> None:
    assert parse_format(given_text) == expected


@pytest.mark.parametrize("bad", ["z", "xx", "bw", "4xwq", "0x", "99999999x", "x4", "-1x", "4 x", "é"])
def test_bad_format_is_one_clear_line(bad: str) -> None:
    with pytest.raises(CommandError, match="bad format"):
        parse_format(bad)


WORDS = struct.pack("<6I", 0x12345678, 0, 0xFFFFFFFF, 1, 0xC0000004, 10)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("2xw", "c0000000: 0x12345678 0x00000000\n"),
        ("5xw", "c0000000: 0x12345678 0x00000000 0xffffffff 0x00000001\nc0000010: 0xc0000004\n"),
        ("2xb", "c0000000: 0x78 0x56\n"),
        ("9xb", "c0000000: 0x78 0x56 0x34 0x12 0x00 0x00 0x00 0x00\nc0000008: 0xff\n"),
        ("xh", "c0000000: 0x5678\n"),
        ("xg", "c0000000: 0x0000000012345678\n"),
        ("2dw", "c0000000:  305419896          0\n"),
        ("2tb", "c0000000: 01111000 01010110\n"),
        ("2ow", "c0000000: 02215053170           0\n"),
        ("2c", "c0000000: 'x' 'V'\n"),
        ("a", "c0000000: 0x12345678\n"),
    ],
)
def test_text(form: str, expected: str) -> None:
    assert text(form, WORDS) == expected


def test_signed_and_unsigned() -> None:
    assert text("d", b"\xff\xff\xff\xff").split()[1] == "-1"
    assert text("u", b"\xff\xff\xff\xff").split()[1] == "4294967295"
    assert text("db", b"\x80").split()[1] == "-128"


def test_addresses_carry_their_symbol() -> None:
    assert text("a", struct.pack("<I", BASE + 4)) == "c0000000: 0xc0000004 <start+0x4>\n"


def test_strings_and_characters() -> None:
    assert text("2s", b'hi "you"\n\0\x01\\\0') == 'c0000000: "hi \\"you\\"\\n"\nc000000a: "\\x01\\\\"\n'
    assert text("3c", b"'\n\xff") == "c0000000: '\\'' '\\n' '\\xff'\n"
    assert text("s", b"runs into the end") == 'c0000000: "runs into the end"\n'


def test_instructions() -> None:
    lines = text("2i", b"\x55\x89\xe5").splitlines()
    assert lines[0].split() == ["0xc0000000", "<start+0x0>:", "55", "pushl", "%ebp"]
    assert lines[1].split(">:")[1].split() == ["89", "e5", "movl", "%esp,", "%ebp"]
    assert ".byte 0x0f" in text("i", b"\x0f\x0a")


def test_what_is_read_before_a_hole_is_shown() -> None:
    dump = examine(BASE, parse_format("4xw"), reader(bytes(8)), name)
    assert dump.values == [0, 0] and dump.stopped == "Cannot access memory at address 0xc0000008"
    assert render(dump).splitlines()[-1] == dump.stopped
    with pytest.raises(CommandError, match="0xc0000000"):
        examine(BASE, parse_format("4xw"), reader(b""), name)


def test_physical_addresses_have_sixteen_digits() -> None:
    assert text("xw", WORDS, 16) == "00000000c0000000: 0x12345678\n"


@given(st.binary(min_size=1, max_size=64), st.sampled_from("xduotcasi"), st.sampled_from("bhwg"), st.integers(1, 9))
def test_every_memory_can_be_shown_in_every_format(memory: bytes, letter: str, size: str, count: int) -> None:
    try:
        dump = examine(BASE, parse_format(f"{count}{letter}{size}"), reader(memory), name)
    except CommandError:
        return
    shown = render(dump)
    lines = shown.splitlines()
    assert shown.endswith("\n") and all(line.isascii() and line.isprintable() for line in lines)
    if letter in "xt":
        items = [item for line in lines[: -1 if dump.stopped else None] for item in line.split()[1:]]
        assert [int(item, {"x": 16, "t": 2}[letter]) for item in items] == dump.values
