"""The loader: good programs are placed and relocated, every bad one is one LoadError of one line."""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from guest import elf
from guest.calls import SYMBOLS
from guest.elf import LoadError

BASE = 0xF8810000
OUTSIDE = {"outside": 0xC0101000}

MODULE = """
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
static int counter = 3, zeros[100];
const char *name = "a name";
static int __init start(void)
{
	int x;
	BUG_ON(zeros[3]);
	return probe_kernel_address(&counter, x) + kmalloc(10, GFP_KERNEL) == NULL && *name;
}
static void __exit stop(void) { BUG_ON(counter == 4); kfree(zeros); }
module_init(start);
module_exit(stop);
"""


def load(data: bytes, base: int = BASE) -> elf.Image:
    program = elf.read(data, "x.o")
    return program.link(
        base if program.base is None else None, lambda name: OUTSIDE.get(name) or SYMBOLS.get(name)
    )


def refused(data: bytes) -> str:
    with pytest.raises(LoadError) as caught:
        load(data)
    text = str(caught.value)
    assert "\n" not in text and text.startswith("x.o: ") and len(text) < 300
    return text


# good ones


def test_object_is_placed_and_relocated(small: Any) -> None:
    image = load(small.bytes())
    assert (image.kind, image.init, image.exit, image.base) == ("main", BASE, None, BASE)
    call = struct.unpack_from("<i", image.data, 1)[0]
    assert BASE + 5 + call == OUTSIDE["outside"]
    word = struct.unpack_from("<I", image.data, 6)[0]
    assert struct.unpack_from("<I", image.data, word - BASE)[0] == 8
    assert image.symbol(BASE + 10) == ("main", 10, 11)
    assert image.symbol(BASE + 20) is None and image.symbol(word) == ("word", 0, 4)


@pytest.mark.parametrize(
    ("kind", "place", "value", "wanted"),
    [
        (0, b"\1\2\3\4", 0x10, b"\1\2\3\4"),
        (1, b"\1\0\0\0", 0x12345678, b"\x79\x56\x34\x12"),
        (2, b"\xfc\xff\xff\xff", BASE + 0x100, b"\xf8\0\0\0"),
        (4, b"\xfc\xff\xff\xff", BASE + 0x100, b"\xf8\0\0\0"),
        (20, b"\1\0", 0x1234, b"\x35\x12"),
        (21, b"\xfe\xff", BASE + 0x100, b"\xfa\0"),
        (22, b"\1", 0x12, b"\x13"),
        (23, b"\xff", BASE + 0x10, b"\x0b"),
    ],
)
def test_relocation_kinds(small: Any, kind: int, place: bytes, value: int, wanted: bytes) -> None:
    small.text = (b"\x90" * 4 + place).ljust(32, b"\x90")
    small.relocations = [(4, 2, kind)]
    image = elf.read(small.bytes()).link(BASE, lambda name: value)
    assert image.data[4 : 4 + len(wanted)] == wanted


def test_weak_symbols_may_be_missing(small: Any) -> None:
    small.symbols[2] = (2, 0, 0, 0x20, 0)
    small.relocations = [(6, 2, 1)]
    assert elf.read(small.bytes()).link(BASE).data[6:10] == bytes(4)


def test_common_symbols_go_to_bss(small: Any) -> None:
    small.symbols[3] = (3, 16, 40, 0x11, 0xFFF2)
    image = load(small.bytes())
    word = struct.unpack_from("<I", image.data, 6)[0]
    assert word % 16 == 0 and len(image.data) <= word - BASE <= image.size - 40


def test_module_from_the_compiler(build: Callable[..., Path], every_compiler: str) -> None:
    path = build(MODULE, name="module.c")
    program = elf.read(path)
    image = program.link(BASE, SYMBOLS.get)
    assert image.kind == "init_module" and image.exit is not None
    names = {symbol.name: symbol for symbol in image.symbols}
    assert names["start"].va == image.init and names["stop"].va == image.exit
    assert {"zeros", "counter", "name"} <= set(names) and names["zeros"].size == 400
    assert image.symbol(image.init) == ("start", 0, names["start"].size)
    assert image.data[names["counter"].va - BASE] == 3
    assert names["zeros"].va - BASE >= len(image.data) or not any(
        image.data[names["zeros"].va - BASE : names["zeros"].va - BASE + 400]
    )
    text = struct.unpack_from("<I", image.data, names["name"].va - BASE)[0] - BASE
    assert image.data[text : text + 7] == b"a name\0"
    va, count = image.bug_table
    assert count == 2
    for n in range(count):
        bug, file, line, flags = struct.unpack_from("<IIHH", image.data, va - BASE + 12 * n)
        assert image.data[bug - BASE : bug - BASE + 2] == b"\x0f\x0b" and flags == 0
        assert image.data[file - BASE :].split(b"\0")[0].endswith(b"module.c") and 0 < line < 20
    va, count = image.ex_table
    table = list(struct.iter_unpack("<II", image.data[va - BASE : va - BASE + 8 * count]))
    assert (
        count >= 1
        and table == sorted(table)
        and all(BASE <= x < BASE + image.text_size for e in table for x in e)
    )
    assert dict(program.modinfo)["vermagic"].startswith("2.6.20")


@pytest.mark.parametrize("output", ["rel", "exec"])
def test_agrees_with_pyelftools(build: Callable[..., Path], output: str) -> None:
    path = build(MODULE, output)
    ours = elf.read(path).file
    theirs = ELFFile(io.BytesIO(path.read_bytes()))
    for one, two in zip(ours.sections, theirs.iter_sections(), strict=True):
        assert (one.name, one.offset, one.size, one.addr) == (
            two.name, two["sh_offset"], two["sh_size"], two["sh_addr"],
        )  # fmt: skip
    table = theirs.get_section_by_name(".symtab")
    assert isinstance(table, SymbolTableSection)
    assert [(s.name, s.value) for s in ours.symbols] == [
        (s.name, s["st_value"]) for s in table.iter_symbols()
    ]
    assert len(ours.segments) == theirs.num_segments()


def test_object_and_executable_hold_the_same_code(build: Callable[..., Path], every_compiler: str) -> None:
    """The oracle for our relocations is the linker: placed at its address, every function has its bytes."""
    exact = elf.read(build(MODULE, "exec", name="module.c")).link()
    program = elf.read(build(MODULE, "rel", name="module.c"))
    image = program.link(exact.base, SYMBOLS.get)
    ours = {s.name: s for s in image.symbols if s.is_function}
    compared = 0
    for symbol in exact.symbols:
        mine = ours[symbol.name] if symbol.is_function else None
        if mine is None or mine.va != symbol.va:
            continue
        one = image.data[mine.va - image.base : mine.va - image.base + mine.size]
        two = exact.data[symbol.va - exact.base : symbol.va - exact.base + symbol.size]
        calls = [m.start() for m in re.finditer(b"\xe8", one)]
        assert len(one) == len(two) and all(one[c : c + 5] == two[c : c + 5] for c in calls)
        compared += 1
    assert compared >= 3 and not exact.bug_table[0] % 2 or compared


def test_executable(build: Callable[..., Path]) -> None:
    program = elf.read(build("int word = 5; int main(int argc, char **argv) { return word; }", "exec"))
    assert program.base == 0xF9000000
    image = program.link()
    assert image.kind == "main" and image.data and image.size < 4096
    with pytest.raises(LoadError, match="is linked for f9000000 and cannot be placed at f8810000"):
        program.link(BASE)


def test_static_pie(small: Any) -> None:
    """A PIE needs its words moved by the distance: tags DT_REL, DT_RELSZ in PT_DYNAMIC."""
    small.type, small.relocations = 3, []
    dynamic_at = 52 + 2 * 32
    words = struct.pack("<6i", 17, dynamic_at + 24, 18, 8, 0, 0) + struct.pack("<II", dynamic_at + 32, 8)
    words += struct.pack("<I", dynamic_at)
    small.text = words.ljust(64, b"\x90")
    small.segments = [(1, 0, 0, dynamic_at + 64, dynamic_at + 100), (2, dynamic_at, dynamic_at, 24, 24)]
    small.symbols = small.symbols[:1]
    small.entry = dynamic_at + 40
    image = load(small.bytes())
    assert struct.unpack_from("<I", image.data, dynamic_at + 32)[0] == BASE + dynamic_at
    assert image.init == BASE + dynamic_at + 40 and image.size == dynamic_at + 100


# bad ones


def change(at: int, value: bytes) -> Callable[[bytes], bytes]:
    return lambda data: data[:at] + value + data[at + len(value) :]


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda d: b"", "is empty"),
        (lambda d: b"#!/bin/sh\n", "is not an ELF file"),
        (lambda d: d[:4], "truncated"),
        (lambda d: d[:40], "truncated"),
        (lambda d: d[:-20], "section header"),
        (change(4, b"\2"), "64-bit"),
        (change(4, b"\7"), "class 7"),
        (change(5, b"\2"), "big-endian"),
        (change(6, b"\7"), "unknown version"),
        (change(16, b"\4"), "core dump"),
        (change(16, b"\x11"), "type 17"),
        (change(18, b"\x3e"), "x86-64"),
        (change(18, b"\x28"), "ARM"),
        (change(46, b"\x10"), "section headers of 16 bytes"),
        (change(48, b"\xff\xff"), "truncated"),
        (change(48, b"\0\0"), "no section headers"),
        (change(50, b"\x99"), "section names in section 153"),
    ],
)
def test_bad_headers(small: Any, edit: Callable[[bytes], bytes], words: str) -> None:
    assert words in refused(edit(small.bytes()))


def section(index: int, field: int, value: int) -> Callable[[list[list[int]]], None]:
    def edit(headers: list[list[int]]) -> None:
        headers[index][field] = value

    return edit


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (section(1, 4, 1 << 30), ".text ends at 0x40000020, beyond the file's end"),
        (section(1, 5, 0xFFFFFFFF), "beyond the file's end"),
        (section(1, 0, 5000), "has no end"),
        (section(1, 8, 3), "alignment 3"),
        (section(1, 8, 1 << 20), "more than a page"),
        (section(1, 2, 2), "main is no function"),
        (section(1, 2, 0x406), "thread-local"),
        (section(2, 2, 0), "which is not loaded"),
        (section(3, 1, 4), "RELA"),
        (section(3, 5, 15), "not a multiple of 8"),
        (section(4, 6, 99), "no string table"),
        (section(4, 5, 63), "not a multiple of 16"),
        (section(4, 1, 1), "has no `int main"),
    ],
)
def test_bad_sections(small: Any, edit: Callable[[list[list[int]]], None], words: str) -> None:
    small.section_edit = edit
    assert words in refused(small.bytes())


@pytest.mark.parametrize(
    ("relocation", "words"),
    [
        ((1000, 2, 1), "lies outside of the section"),
        ((29, 2, 1), "lies outside of the section"),
        ((6, 77, 1), "wants symbol 77, but there are 4"),
        ((6, 3, 3), "R_386_GOT32: compile with -fno-pic"),
        ((6, 3, 10), "R_386_GOTPC: compile with -fno-pic"),
        ((6, 3, 14), "R_386_TLS_TPOFF"),
        ((6, 3, 99), "type 99"),
        ((6, 3, 20), "to word does not fit into 16 bits"),
        ((6, 3, 22), "to word does not fit into 8 bits"),
    ],
)
def test_bad_relocations(small: Any, relocation: tuple[int, int, int], words: str) -> None:
    small.relocations = [relocation]
    assert words in refused(small.bytes())


def test_unknown_symbols_are_all_named_at_once(small: Any) -> None:
    small.strings += ["zeta", "alpha"]
    small.symbols += [(4, 0, 0, 0x10, 0), (5, 0, 0, 0x10, 0)]
    assert "Unknown symbols alpha, zeta: " in refused(small.bytes())
    assert elf.read(small.bytes()).undefined == ["alpha", "outside", "zeta"]


def test_position_independent_objects(small: Any) -> None:
    small.strings[2] = "_GLOBAL_OFFSET_TABLE_"
    assert "compiled with -fno-pic" in refused(small.bytes())


def test_too_large(small: Any) -> None:
    small.symbols[3] = (3, 4, 0x7FFFFFF0, 0x11, 0xFFF2)
    assert "2048 MB of memory; a program has at most 64 MB" in refused(small.bytes())


@pytest.mark.parametrize(
    ("segments", "words"),
    [
        ([], "no segment to load"),
        ([(1, 0, 0x08048000, 100, 100)], "linked at 08048000, in user space"),
        ([(1, 0, 0xF9000000, 100, 100), (3, 0, 0, 10, 10)], "dynamically linked"),
        ([(1, 0, 0xF9000000, 100, 100), (7, 0, 0, 10, 10)], "thread-local"),
        ([(1, 0, 0xF9000000, 1 << 20, 1 << 20)], "truncated"),
        ([(1, 0, 0xF9000000, 100, 50)], "impossible"),
        ([(1, 0, 0xFFFFF000, 100, 0x2000)], "impossible"),
        ([(1, 0, 0xC0000000, 100, 0x30000000)], "768 MB of memory"),
        ([(1, 0, 0xF9000000, 100, 100), (1, 0, 0xF9000040, 100, 100)], "two segments at f9000040"),
        ([(1, 0, 0xF9000000, 100, 100), (1, 0, 0xFF000000, 100, 100)], "96 MB of memory"),
    ],
)
def test_bad_segments(small: Any, segments: list[tuple[int, int, int, int, int]], words: str) -> None:
    small.type, small.segments, small.relocations = 2, segments, []
    assert words in refused(small.bytes())


def test_vermagic(build: Callable[..., Path], layout: Any) -> None:
    program = elf.read(build("int main(int argc, char **argv) { return 0; }"))
    elf.check_vermagic(program, layout.vermagic)
    with pytest.raises(LoadError, match="version magic '2.6.20.*' should be '2.6.9'"):
        elf.check_vermagic(program, "2.6.9")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path, "zero\0byte"):
        with pytest.raises(LoadError):
            elf.read(path)


# any bytes at all


def try_all(data: bytes) -> None:
    try:
        image = load(data)
    except LoadError as error:
        assert "\n" not in str(error)
    else:
        assert image.size <= elf.MAX_IMAGE
        image.symbol(image.init)


def test_every_truncation(small: Any) -> None:
    data = small.bytes()
    for length in range(len(data)):
        with pytest.raises(LoadError):
            load(data[:length])


def test_every_byte_wrong(small: Any) -> None:
    data = small.bytes()
    for at in range(len(data)):
        for value in (0x00, 0x7F, 0xFF, data[at] ^ 1):
            try_all(data[:at] + bytes([value]) + data[at + 1 :])


@pytest.mark.parametrize("output", ["rel", "exec"])
def test_flips_in_a_real_file(build: Callable[..., Path], output: str) -> None:
    original = build(MODULE, output).read_bytes()

    @settings(max_examples=300, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.tuples(st.integers(0, len(original) - 1), st.integers(0, 255)), max_size=8), st.data())
    def check(flips: list[tuple[int, int]], data: st.DataObject) -> None:
        changed = bytearray(original)
        table = struct.unpack_from("<I", original, 32)[0]  # aim at the headers too: they decide most
        for at, value in flips:
            changed[at] = value
        for at in data.draw(
            st.lists(st.integers(table, len(original) - 1) | st.integers(0, 200), max_size=4)
        ):
            changed[at] ^= data.draw(st.integers(1, 255))
        try_all(
            bytes(changed[: data.draw(st.sampled_from([len(changed), len(changed) // 2, len(changed) - 7]))])
        )

    check()


@given(st.binary(max_size=300))
def test_garbage(data: bytes) -> None:
    try_all(data)
    try_all(b"\x7fELF\1\1\1".ljust(16, b"\0") + data)
