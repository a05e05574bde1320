"""Fixtures for the guest tests: a cache of their own, and small ELF files made by hand."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from guest import cc
from guest.compilers import find_compiler
from mm.layout import Layout


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A fresh cache for the whole session; whatever compiler the machine has."""
    folder = tmp_path_factory.mktemp("cache")
    before = os.environ.get("HIGHMEM_CACHE")
    os.environ["HIGHMEM_CACHE"] = str(folder)
    yield folder
    if before is None:
        del os.environ["HIGHMEM_CACHE"]
    else:
        os.environ["HIGHMEM_CACHE"] = before


@pytest.fixture(scope="session")
def layout() -> Layout:
    return Layout()


@pytest.fixture(params=["gcc -m32", "ziglang"])
def every_compiler(request: pytest.FixtureRequest, cache: Path) -> Iterator[str]:
    """Each compiler that is here and works, by way of $HIGHMEM_CC."""
    from guest.compilers import _candidates

    before = os.environ.pop("HIGHMEM_CC", None)
    command = next(c.command for c in _candidates() if c.name == request.param)
    if not command:
        pytest.skip(f"no {request.param} here")
    os.environ["HIGHMEM_CC"] = " ".join(command)
    found = find_compiler()
    if command[0] not in found.command:
        pytest.skip(f"{request.param} does not work here")
    yield request.param
    del os.environ["HIGHMEM_CC"]
    if before is not None:
        os.environ["HIGHMEM_CC"] = before


@pytest.fixture
def build(tmp_path: Path, layout: Layout) -> Callable[..., Path]:
    """Builds a program from C text: build("int main...", output="exec", name="x.c")."""

    def make(text: str, output: cc.Output = "rel", name: str = "program.c", layout: Layout = layout) -> Path:
        source = tmp_path / name
        source.write_text(text)
        return cc.build([source], layout, output)

    return make


class Elf:
    """A small ELF made by hand. Fields may be changed before bytes() is asked for.

    An object by default: main at .text+0, a call of `outside` and a pointer to `word` in .data to be relocated.
    """

    def __init__(self) -> None:
        self.ident = b"\x7fELF\x01\x01\x01".ljust(16, b"\0")
        self.type, self.machine, self.entry = 1, 3, 0
        self.text = b"\xe8\xfc\xff\xff\xff\xb8\x00\x00\x00\x00\xc3".ljust(32, b"\x90")
        self.data = struct.pack("<II", 7, 8)
        self.strings = ["", "main", "outside", "word"]
        # name, value, size, info, section
        self.symbols = [(0, 0, 0, 0, 0), (1, 0, 11, 0x12, 1), (2, 0, 0, 0x10, 0), (3, 4, 4, 0x11, 2)]
        self.relocations = [(1, 2, 2), (6, 3, 1)]  # offset, symbol, type
        self.align = 4
        self.segments: list[tuple[int, int, int, int, int]] = []  # type, offset, vaddr, file size, size
        self.section_edit: Callable[[list[list[int]]], None] = lambda headers: None

    def bytes(self) -> bytes:
        strtab, at = b"", {}
        for number, text in enumerate(self.strings):
            at[number] = len(strtab)
            strtab += text.encode() + b"\0"
        names = [".text", ".data", ".rel.text", ".symtab", ".strtab", ".shstrtab"]
        shstrtab = b"\0" + b"".join(name.encode() + b"\0" for name in names)
        symtab = b"".join(struct.pack("<IIIBBH", at[n], v, s, i, 0, x) for n, v, s, i, x in self.symbols)
        rel = b"".join(struct.pack("<II", o, s << 8 | t) for o, s, t in self.relocations)
        bodies = [self.text, self.data, rel, symtab, strtab, shstrtab]
        # type, flags, link, info, entry size
        kinds = [
            (1, 6, 0, 0, 0),
            (1, 3, 0, 0, 0),
            (9, 0, 4, 1, 8),
            (2, 0, 5, 1, 16),
            (3, 0, 0, 0, 0),
            (3, 0, 0, 0, 0),
        ]
        body = b"".join(struct.pack("<8I", t, o, v, v, f, m, 7, 4096) for t, o, v, f, m in self.segments)
        start = 52 + len(body)
        headers = [[0] * 10]
        for name, content, (kind, flags, link, info, size) in zip(names, bodies, kinds):
            offset = shstrtab.index(name.encode() + b"\0")
            headers.append(
                [offset, kind, flags, 0, 52 + len(body), len(content), link, info, self.align, size]
            )
            body += content
        self.section_edit(headers)
        table = b"".join(struct.pack("<10I", *header) for header in headers)
        header = self.ident + struct.pack(
            "<HHIIIIIHHHHHH", self.type, self.machine, 1, self.entry, 52 if self.segments else 0, 52 + len(body), 0,
            52, 32, len(self.segments), 40, len(headers), 6,
        )  # fmt: skip
        assert start >= 52
        return header + body + table


@pytest.fixture
def small() -> Elf:
    return Elf()
