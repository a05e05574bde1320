"""A test's file as a program, with how it is to be run."""

from __future__ import annotations

from pathlib import Path

from guest import cc, elf
from guest.elf import Program
from guest.testing import Setup
from tools.testing.settings import in_test_folder, says_highmem, setup_for

SOURCES = (".c",)
OBJECTS = (".o", ".ko", ".elf")


def load(path: Path, more: list[str]) -> tuple[Program, Setup]:
    """Compile or read a test. more: the command line's options. Raises HighmemError or OSError."""
    setup = setup_for(path, None, more)
    if path.suffix in SOURCES:
        return elf.read(cc.build([path], setup.boot.layout), str(path)), setup
    program = elf.read(path, str(path))
    setup = setup_for(path, program, more)
    if program.relocatable and program.undefined:
        program = elf.read(cc.build([path], setup.boot.layout), str(path))  # with the start library
    return program, setup


def is_program(path: Path) -> bool:
    """Whether a file is a C source, or an ELF file that can be run."""
    if path.suffix in SOURCES:
        return True
    with open(path, "rb") as file:
        head = file.read(20)
    return head[:5] == b"\x7fELF\x01" and head[18:20] == b"\x03\0" and head[16:18] in (b"\1\0", b"\2\0", b"\3\0")


def is_test(path: Path, named: bool) -> bool:
    """Whether a file is a guest test; named: somebody asked for it by its name."""
    if path.suffix not in (*SOURCES, *OBJECTS) and not named:
        return False
    if named or in_test_folder(path):
        return is_program(path)
    return path.suffix in SOURCES and says_highmem(path)
