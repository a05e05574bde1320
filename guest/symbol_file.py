"""An ELF file for gdb, drgn and their kin: a program's names, types and lines where it is loaded, and the kernel's own.

A program that is loaded as an object has no addresses in its file; here it has them. There is no code in it: that is
read from the machine.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from guest.calls import STUB_SIZE, TABLE
from guest.elffile import (
    EM_386,
    ET_EXEC,
    SHF_ALLOC,
    SHF_COMPRESSED,
    SHF_EXECINSTR,
    SHF_WRITE,
    SHN_ABS,
    SHT_NOBITS,
    SHT_PROGBITS,
    SHT_STRTAB,
    SHT_SYMTAB,
    STB_GLOBAL,
    STT_FUNC,
    STT_OBJECT,
)
from guest.kernel_dwarf import KernelDwarf
from mm.layout import EXPORT_PAGE, TEXT_SIZE, TEXT_START, Layout

if TYPE_CHECKING:
    from guest.module import Loaded
    from guest.symbols import Symbols

_HEADER = struct.Struct("<16sHHIIIIIHHHHHH")
_SECTION = struct.Struct("<10I")
_SYMBOL = struct.Struct("<IIIBBH")

# Call frame information of a stub: push ebp; pushf; mov ..., esp; pop eax; pop ebp; ret (guest.calls.stub).
_CIE = bytes.fromhex("ffffffff 01 00 01 7c 08 0c0404 8801")  # CFA = esp + 4, the return address at CFA - 4
_STUB_FRAME = bytes.fromhex("41 0e08 8502 41 0e0c 47 0e08 41 0e04 c5")


class Name(NamedTuple):
    """A symbol: its virtual address and size."""

    name: str
    va: int
    size: int
    is_function: bool


class _Section(NamedTuple):
    name: str
    type: int
    flags: int
    va: int
    size: int
    contents: bytes = b""
    link: int = 0
    info: int = 0
    entry: int = 0


def symbol_file(layout: Layout, symbols: Symbols) -> bytes:
    """The bytes of the file, for a kernel and the newest program that `symbols` knows."""
    loaded = next(iter(symbols.programs()), None)
    variables = {symbol.name: symbol for symbol in layout.symbols.values() if symbol.section != ".text" and symbol.size}
    names = [Name(name, va, size, name not in variables) for va, name, size in symbols.kernel()]
    data_end = max(symbol.va + symbol.size for symbol in variables.values())
    sections = [
        _Section(".kernel.text", SHT_NOBITS, SHF_ALLOC | SHF_EXECINSTR, TEXT_START, TEXT_SIZE),
        _Section(".kernel.data", SHT_NOBITS, SHF_ALLOC | SHF_WRITE, EXPORT_PAGE, data_end - EXPORT_PAGE),
    ]
    entry, debug = TEXT_START, dict[str, bytes]()
    if loaded is not None:
        entry = loaded.image.init
        names += [Name(s.name, s.va, s.size, s.is_function) for s in loaded.image.symbols]
        sections += _placed(loaded)
        debug |= _debug(loaded)
    kernel = KernelDwarf(layout)
    abbreviations = debug.get(".debug_abbrev", b"")
    debug[".debug_info"] = debug.get(".debug_info", b"") + kernel.info(len(abbreviations))
    debug[".debug_abbrev"] = abbreviations + kernel.abbreviations
    frames = debug.get(".debug_frame", b"")
    debug[".debug_frame"] = frames + _stub_frames(len(frames))
    sections += [_Section(name, SHT_PROGBITS, 0, 0, len(contents), contents) for name, contents in debug.items()]
    return _write(entry, sections, names)


def _placed(loaded: Loaded) -> Iterable[_Section]:
    """The sections of the program that are in memory."""
    program, base = loaded.program, loaded.image.base
    for index, offset in program.offsets.items():
        section = program.file.sections[index]
        if section.size:
            flags = section.flags & (SHF_ALLOC | SHF_WRITE | SHF_EXECINSTR)
            yield _Section(section.name, SHT_NOBITS, flags, base + offset, section.size)


def _debug(loaded: Loaded) -> Iterator[tuple[str, bytes]]:
    """Its debug information, with the addresses of where it is; none where these cannot be put in."""
    program, base = loaded.program, loaded.image.base
    sections = [s for s in program.file.sections if s.name.startswith(".debug_") and s.type == SHT_PROGBITS]
    if not program.debug_bias(base) and not any(s.flags & SHF_COMPRESSED for s in sections):
        data = program.relocated_debug(base)
        for section in sections:
            yield section.name, data[section.offset : section.offset + section.size]


def _stub_frames(at: int) -> bytes:
    """Call frame information of the stubs, for the place `at` in .debug_frame."""
    cie = _CIE + bytes(-len(_CIE) % 4)
    frames = struct.pack("<I", len(cie)) + cie
    for call in TABLE:
        entry = struct.pack("<III", at, call.address, STUB_SIZE) + _STUB_FRAME
        entry += bytes(-len(entry) % 4)
        frames += struct.pack("<I", len(entry)) + entry
    return frames


def _write(entry: int, sections: list[_Section], names: list[Name]) -> bytes:
    strings = bytearray(b"\0")
    symbols = bytearray(_SYMBOL.size)
    for name in names:
        home = next((n for n, s in enumerate(sections, 1) if s.va and s.va <= name.va < s.va + s.size), SHN_ABS)
        kind = STB_GLOBAL << 4 | (STT_FUNC if name.is_function else STT_OBJECT)
        symbols += _SYMBOL.pack(len(strings), name.va, name.size, kind, 0, home)
        strings += name.name.encode("utf-8", "surrogateescape") + b"\0"
    link = len(sections) + 2
    sections = [_Section("", 0, 0, 0, 0), *sections]
    sections.append(_Section(".symtab", SHT_SYMTAB, 0, 0, len(symbols), bytes(symbols), link, 1, _SYMBOL.size))
    sections.append(_Section(".strtab", SHT_STRTAB, 0, 0, len(strings), bytes(strings)))
    texts = b"".join(section.name.encode() + b"\0" for section in sections) + b".shstrtab\0"
    sections.append(_Section(".shstrtab", SHT_STRTAB, 0, 0, len(texts), texts))

    body, table, text = bytearray(), bytearray(), 0
    for section in sections:
        body += bytes(-len(body) % 4)
        offset = _HEADER.size + len(body) if section.type else 0
        body += section.contents
        table += _SECTION.pack(
            text, section.type, section.flags, section.va, offset, section.size, section.link, section.info,
            4 if section.type else 0, section.entry,
        )  # fmt: skip
        text += len(section.name.encode()) + 1
    body += bytes(-len(body) % 4)
    header = _HEADER.pack(
        b"\x7fELF\1\1\1", ET_EXEC, EM_386, 1, entry, 0, _HEADER.size + len(body), 0, _HEADER.size, 0, 0,
        _SECTION.size, len(sections), len(sections) - 1,
    )  # fmt: skip
    return header + bytes(body) + bytes(table)
