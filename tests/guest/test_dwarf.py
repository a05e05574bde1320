"""Addresses become symbols and source lines, whatever compiler and whatever section."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from guest import elf
from guest.calls import SYMBOLS
from guest.dwarf import DebugInfo

SOURCE = """#include <linux/module.h>

static noinline int work(int n)
{
	printk("%d", n);
	return n * 3;
}

static int __init start(void)
{
	printk("start");
	return work(1);
}

static void __exit stop(void)
{
	printk("stop");
}

module_init(start);
module_exit(stop);
"""

ROOT = Path(__file__).resolve().parents[2]


def debug_info(path: Path, base: int = 0xF8810000) -> tuple[DebugInfo, elf.Image]:
    program = elf.read(path)
    image = program.link(base if program.base is None else None, SYMBOLS.get)
    return DebugInfo(program, image), image


@pytest.mark.parametrize("output", ["rel", "exec"])
def test_lines_in_every_section(build: Callable[..., Path], every_compiler: str, output: str) -> None:
    debug, image = debug_info(build(SOURCE, output, name="lines.c"))
    lines = {"work": range(3, 8), "start": range(9, 14), "stop": range(15, 19)}
    for symbol in image.symbols:
        if symbol.name in lines:
            file, line = debug.line(symbol.va) or ("", 0)
            assert file.endswith("lines.c") and line in lines[symbol.name][:2]
            for va in range(symbol.va, symbol.va + symbol.size):
                found = debug.line(va)
                assert found is not None and found[1] in lines[symbol.name]
                assert debug.symbol(va) == (symbol.name, va - symbol.va, symbol.size)
    assert {"work", "start", "stop"} <= {symbol.name for symbol in image.symbols}


def test_a_statement_keeps_its_code(build: Callable[..., Path]) -> None:
    """`return 1;` and the brace behind it begin at one address: gdb stops there at the return, and so do we."""
    text = '#include <linux/kernel.h>\nint main(void)\n{\n\tprintk("x");\n\treturn 1;\n}\n'
    debug, _ = debug_info(build(text, name="two.c"))
    rows = [row for row in debug.rows() if row.file.endswith("two.c")]
    assert 5 in [row.line for row in rows if row.statement]


def test_library_and_paths(build: Callable[..., Path], every_compiler: str) -> None:
    text = "#include <linux/string.h>\nint main(int argc, char **argv) { return strlen(argv[0]); }"
    debug, image = debug_info(build(text))
    strlen = next(symbol for symbol in image.symbols if symbol.name == "strlen")
    assert (debug.line(strlen.va) or ("", 0))[0] == "guest/lib/string.c"


def test_outside_of_everything(build: Callable[..., Path]) -> None:
    debug, image = debug_info(build(SOURCE))
    for va in (0, image.base - 1, image.base + image.size, 0xFFFFFFFF):
        assert debug.line(va) is None and debug.symbol(va) is None


def test_damaged_debug_information_gives_no_lines(build: Callable[..., Path], small: Any) -> None:
    data = bytearray(build(SOURCE).read_bytes())
    for section in elf.read(bytes(data)).file.sections:
        if section.name.startswith(".debug_"):
            data[section.offset : section.offset + section.size] = b"\xa5" * section.size
    program = elf.read(bytes(data))
    image = program.link(0xF8810000, SYMBOLS.get)
    assert DebugInfo(program, image).line(image.init) is None
    program = elf.read(small.bytes())  # there is none at all
    image = program.link(0xF8810000, lambda name: 0xC0101000)
    assert DebugInfo(program, image).line(image.init) is None
