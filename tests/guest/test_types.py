"""C types: the kernel's against what compilers make of the headers, and a program's against what it computes itself."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from guest.dwarf import DebugInfo
from guest.elf import Program, read
from guest.types import CType, DwarfTypes, Kind, LayoutTypes, Types
from mm.layout import Layout

SHAPES = {
    "UP": Layout(), "SMP": Layout(nr_cpus=4), "32 bytes": Layout(page_owner=False), "PAE": Layout(pae=True, l1=128),
    "debug": Layout(nr_cpus=2, slab_debug=True),
}  # fmt: skip


def debug_of(program: Program) -> tuple[DebugInfo, Any]:
    base = program.base if program.base is not None else 0xF8800000
    image = program.link(base, lambda name: 0xC0101000)
    return DebugInfo(program, image), image


def same(kernel: CType, program: CType, where: str, seen: set[str]) -> None:
    """Two types are the same, down to the members; of a type that the kernel only names, programs may know more."""
    mine, theirs = kernel.plain, program.plain
    if mine.name and mine.name in seen or not mine.complete:
        return
    assert (mine.kind, mine.size, mine.count) == (theirs.kind, theirs.size, theirs.count), where
    if mine.kind is Kind.INT:
        assert mine.signed == theirs.signed, where
    if mine.kind in (Kind.POINTER, Kind.ARRAY):
        if theirs.target.plain.kind is not Kind.FUNCTION and mine.target.plain.kind is not Kind.VOID:
            same(mine.target, theirs.target, where, seen)
    if mine.is_aggregate and mine.members and theirs.complete:
        seen.add(mine.name)
        assert [(m.name, m.offset) for m in mine.members] == [(m.name, m.offset) for m in theirs.members], where
        for one, two in zip(mine.members, theirs.members):
            same(one.type, two.type, f"{where}.{one.name}", seen)


@pytest.mark.variants
@pytest.mark.parametrize("shape", SHAPES)
def test_the_kernels_structs_are_those_of_the_headers(build: Callable[..., Path], shape: str) -> None:
    layout = SHAPES[shape]
    names = [name for name in layout.structs if name != "device"]
    text = "".join(f"struct {name} the_{name};\n" for name in names)
    text = f"#include <linux/mm.h>\n#include <linux/slab.h>\n#include <linux/device.h>\n{text}"
    text += "struct __dma_device the_device;\n"  # what the kernel knows of a device
    if shape == "debug":
        layout = Layout(nr_cpus=2)  # programs do not depend on it: for them struct kmem_cache is shorter
    program = read(build(text + "int main(void) { return 0; }\n", layout=layout))
    debug, _ = debug_of(program)
    seen = {"kmem_cache"} if shape == "debug" else set()
    theirs, mine = DwarfTypes(debug), LayoutTypes(SHAPES[shape])
    for name in [*names, "device"]:
        found = theirs.variable(f"the_{name}")
        assert found is not None and found.name == {"device": "__dma_device"}.get(name, name)
        if name not in seen:
            same(mine.structs[name], found, name, set(seen))


PROGRAM = r"""
typedef unsigned char u8;
typedef struct { int counter; } counter_t;
enum colour { RED, GREEN = 7, BLUE };
enum sign { BELOW = -5, ABOVE = 5 };
union word { unsigned int whole; unsigned short half[2]; u8 byte[4]; };
struct node { struct node *next; int (*visit)(struct node *, void *); char tag; };
struct all {
	char c; signed char sc; u8 uc; short s; unsigned short us; int i; unsigned u; long l; unsigned long ul;
	long long ll; unsigned long long ull; _Bool flag; counter_t counter; enum colour colour; enum sign sign;
	union word word; const char *text; volatile struct node *node; struct node inner[3]; char name[12];
	int matrix[2][3];
	unsigned low:3; unsigned mid:11; int high:5; unsigned long long wide:40;
	unsigned :0; unsigned char after:1; unsigned char more:6;
	struct { int x, y; union { int z; float f; }; };
	double d;
	void **pointers;
	int tail[];
};
struct all all = {
	.c = 'A', .sc = -3, .uc = 200, .s = -300, .us = 60000, .i = -70000, .u = 4000000000U, .l = -5, .ul = 0xdeadbeef,
	.ll = -6000000000LL, .ull = 0x123456789abcdef0ULL, .flag = 1, .counter = { 42 }, .colour = BLUE, .sign = BELOW,
	.word = { 0x11223344 }, .text = "text", .name = "a name", .matrix = { { 1, 2, 3 }, { 4, -5, 6 } },
	.low = 5, .mid = 1234, .high = -7, .wide = 0xab12345678ULL, .after = 1, .more = 33, .x = 7, .y = -8, .f = 1.5,
	.inner = { { 0, 0, 'p' }, { 0, 0, 'q' }, { 0, 0, 'r' } }, .d = -0.25,
};
#define OFFSET(member) __builtin_offsetof(struct all, member)
const unsigned offsets[] = {
	OFFSET(c), OFFSET(sc), OFFSET(uc), OFFSET(s), OFFSET(us), OFFSET(i), OFFSET(u), OFFSET(l), OFFSET(ul), OFFSET(ll),
	OFFSET(ull), OFFSET(flag), OFFSET(counter.counter), OFFSET(colour), OFFSET(sign), OFFSET(word.half[1]),
	OFFSET(text), OFFSET(node), OFFSET(inner[2].tag), OFFSET(name), OFFSET(matrix[1][2]), OFFSET(x), OFFSET(y),
	OFFSET(z), OFFSET(f), OFFSET(d), OFFSET(pointers), OFFSET(tail),
};
const unsigned sizes[] = {
	sizeof(struct all), sizeof(union word), sizeof(struct node), sizeof(enum colour), sizeof(counter_t),
	sizeof(long long)
};
"""  # fmt: skip
PATHS = re.findall(r"OFFSET\(([^)]+)\)", PROGRAM.split("offsets[]")[1])
VALUES = {
    "c": 65, "sc": -3, "uc": 200, "s": -300, "us": 60000, "i": -70000, "u": 4000000000, "l": -5, "ul": 0xDEADBEEF,
    "ll": -6000000000, "ull": 0x123456789ABCDEF0, "flag": 1, "counter": {"counter": 42}, "colour": 8, "sign": -5,
    "word": {"whole": 0x11223344, "half": [0x3344, 0x1122], "byte": [0x44, 0x33, 0x22, 0x11]}, "name": "a name",
    "matrix": [[1, 2, 3], [4, -5, 6]], "low": 5, "mid": 1234, "high": -7, "wide": 0xAB12345678, "after": 1, "more": 33,
    "d": -0.25,
}  # fmt: skip


def compile_with(version: int, folder: Path) -> Program:
    if not shutil.which("gcc"):
        pytest.skip("no gcc here")
    source = folder / "types.c"
    source.write_text(PROGRAM + "int main(void) { return 0; }\n")
    made = folder / "types.o"
    flags = ["-m32", "-c", "-O1", "-ffreestanding", "-fno-pic", f"-gdwarf-{version}"]
    result = subprocess.run(["gcc", *flags, str(source), "-o", str(made)], capture_output=True, text=True, timeout=60)
    if result.returncode:
        pytest.skip(f"gcc cannot: {result.stderr[:100]}")
    return read(made)


@pytest.fixture(params=["DWARF 3", "DWARF 4", "DWARF 5", "our compiler"])
def program(request: pytest.FixtureRequest, tmp_path: Path, build: Callable[..., Path]) -> Program:
    if request.param == "our compiler":
        return read(build(PROGRAM + "int main(void) { return 0; }\n"))
    return compile_with(int(request.param[-1]), tmp_path)


def test_a_programs_types(program: Program) -> None:
    debug, image = debug_of(program)
    types = Types(None, [debug])
    symbols = {symbol.name: symbol.va for symbol in image.symbols}

    def words(name: str, count: int) -> list[int]:
        at = symbols[name] - image.base
        return [int.from_bytes(image.data[at + 4 * n : at + 4 * n + 4], "little") for n in range(count)]

    ctype = types.find("struct all")
    assert ctype is not None and ctype is types.variable("all") is types.find("all")
    assert [ctype.find(path).offset for path in PATHS] == words("offsets", len(PATHS))
    named = [types.find(n) for n in ("struct all", "union word", "node", "enum colour", "counter_t", "long long")]
    assert [found.size for found in named if found] == words("sizes", 6)

    data = image.data[symbols["all"] - image.base :][: ctype.size]
    value = ctype.value(data)
    assert {name: value[name] for name in VALUES} == VALUES
    assert [member["tag"] for member in value["inner"]] == [ord(c) for c in "pqr"]
    assert ctype.find("f").type.value(data, ctype.find("f").offset) == 1.5
    assert ctype.find("colour").type.plain.enumerators == {0: "RED", 7: "GREEN", 8: "BLUE"}
    assert value["text"] == next(va for va in [value["text"]] if image.base <= va < image.base + image.size)


def test_declarations(program: Program) -> None:
    ctype = Types(None, [debug_of(program)[0]]).find("all")
    assert ctype is not None
    shown = {member.name: member.type.declaration(member.name) for member in ctype.members}
    expected = {
        "c": "char c", "uc": "u8 uc", "us": "unsigned short us", "ull": "unsigned long long ull", "flag": "_Bool flag",
        "counter": "counter_t counter", "colour": "enum colour colour", "word": "union word word", "text": "char *text",
        "node": "struct node *node", "inner": "struct node inner[3]", "name": "char name[12]",
        "matrix": "int matrix[2][3]", "pointers": "void **pointers", "tail": "int tail[]",
    }  # fmt: skip
    assert {name: shown[name] for name in expected} == expected
    node = ctype.find("inner[0]").type
    assert node.find("visit").type.declaration("visit") == "int (*visit)(struct node *, void *)"
    bits = {member.name: member.bit_size for member in ctype.members if member.bit_size}
    assert bits == {"low": 3, "mid": 11, "high": 5, "wide": 40, "after": 1, "more": 6}


@pytest.mark.parametrize(
    ("text", "shown", "size"),
    [
        ("page", "struct page", 40), ("struct page", "struct page", 40), ("struct page *", "struct page *", 4),
        ("struct list_head[3]", "struct list_head [3]", 24), ("unsigned long", "unsigned long", 4),
        ("long unsigned int", "unsigned long", 4), ("unsigned", "unsigned int", 4), ("atomic_t", "atomic_t", 4),
        ("char *[4]", "char *[4]", 16), ("void**", "void **", 4),
    ],
)  # fmt: skip
def test_names(text: str, shown: str, size: int) -> None:
    found = Types(Layout()).find(text)
    assert found is not None and (str(found), found.size) == (shown, size)


def test_names_that_are_none() -> None:
    types = Types(Layout())
    for text in ("", "nothing", "union page", "struct", "page.flags", "page[x]", "1"):
        assert types.find(text) is None, text
    page = types.find("page")
    assert page is not None
    for path, words in (
        ("nothing", "no member nothing"), ("flags[0]", "no array"), ("flags.a", "no member a"), ("lru.x", "list_head")
    ):  # fmt: skip
        with pytest.raises(LookupError, match=words):
            page.find(path)
    with pytest.raises(LookupError, match="11 elements"):
        types.find("zone").find("free_area[11]")  # type: ignore[union-attr]


def test_the_kernels_own_types_come_first(build: Callable[..., Path]) -> None:
    program = read(build("struct page { char mine[3]; } mine;\nint main(void) { return 0; }\n"))
    types = Types(Layout(), [debug_of(program)[0]])
    kernels, programs = types.find("page"), types.find("page", own=True)
    assert kernels and programs and (kernels.size, programs.size) == (40, 3)


def test_damaged_debug_information(tmp_path: Path) -> None:
    program = compile_with(5, tmp_path)
    data = bytearray(program.file.data)
    section = program.file.section(".debug_info")
    assert section is not None
    for start in range(section.offset + 12, section.offset + section.size, 40):
        damaged = bytearray(data)
        damaged[start : start + 8] = b"\xff\x13\x00\x7f\x01\x80\xaa\x55"
        debug, _ = debug_of(read(bytes(damaged), "damaged.o"))
        types = Types(None, [debug])
        for name in types.names():
            found = types.find(name)
            assert found is None or isinstance(str(found), str)
