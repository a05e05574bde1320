"""Reading ELF: headers, sections, segments, symbols, relocations, each checked before it is believed.

Only what a program for this machine can be: 32-bit, little-endian, for the 386. Files come from anywhere, so every
offset, size and index is compared with the file first, and whatever is wrong is one `LoadError` of one line.
(Names and numbers: the System V ABI, its Intel386 supplement, and <elf.h>.)
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from hw.errors import HighmemError

MAX_FILE = 256 << 20
"""No program file is larger, in bytes."""

ET_REL, ET_EXEC, ET_DYN = 1, 2, 3
EM_386 = 3
SHT_PROGBITS, SHT_SYMTAB, SHT_STRTAB, SHT_RELA, SHT_NOBITS, SHT_REL = 1, 2, 3, 4, 8, 9
SHF_WRITE, SHF_ALLOC, SHF_EXECINSTR, SHF_TLS, SHF_COMPRESSED = 1, 2, 4, 0x400, 0x800
PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_TLS = 1, 2, 3, 7
PF_X, PF_W = 1, 2
SHN_UNDEF, SHN_LORESERVE, SHN_ABS, SHN_COMMON, SHN_XINDEX = 0, 0xFF00, 0xFFF1, 0xFFF2, 0xFFFF
STB_LOCAL, STB_GLOBAL, STB_WEAK = 0, 1, 2
STT_NOTYPE, STT_OBJECT, STT_FUNC, STT_SECTION, STT_FILE = 0, 1, 2, 3, 4

_MACHINES = {8: "MIPS", 20: "PowerPC", 40: "ARM", 62: "x86-64", 183: "AArch64", 243: "RISC-V"}
_TYPES = {0: "no type", 4: "a core dump"}
_NAME_LIMIT = 4096

_HEADER = struct.Struct("<16sHHIIIIIHHHHHH")
_SECTION = struct.Struct("<10I")
_SEGMENT = struct.Struct("<8I")
_SYMBOL = struct.Struct("<IIIBBH")
_REL = struct.Struct("<II")
_DYNAMIC = struct.Struct("<iI")


class LoadError(HighmemError):
    """A file that is no program for this machine; str() says what is wrong, where, and what to do."""


@dataclass(frozen=True, slots=True)
class Section:
    """A section header: `offset` and `size` in bytes of the file, `addr` a virtual address (0 in ET_REL)."""

    index: int
    name: str
    type: int
    flags: int
    addr: int
    offset: int
    size: int
    link: int
    info: int
    align: int


@dataclass(frozen=True, slots=True)
class Segment:
    """A program header: bytes [offset, offset + file_size) of the file are wanted at `vaddr`."""

    type: int
    offset: int
    vaddr: int
    file_size: int
    size: int
    flags: int


@dataclass(frozen=True, slots=True)
class Symbol:
    """A symbol: `value` is an offset into section `section` (ET_REL) or a virtual address."""

    name: str
    value: int
    size: int
    type: int
    bind: int
    section: int


@dataclass(frozen=True, slots=True)
class Relocation:
    """One word to be patched, at `offset` of the section that the relocation table belongs to."""

    offset: int
    type: int
    symbol: int


class ElfFile:
    """The parts of one ELF file. `name` is how errors call it.

    Raises LoadError for anything that is not a well-formed 32-bit little-endian 386 ELF of a loadable type.
    """

    def __init__(self, data: bytes, name: str) -> None:
        self.data = data
        self.name = name
        self._read_header()
        self.sections = self._read_sections()
        self.segments = self._read_segments()
        self.symbols = self._read_symbols()

    def error(self, what: str) -> LoadError:
        """A LoadError about this file."""
        return LoadError(f"{self.name}: {what}")

    def section(self, name: str) -> Section | None:
        """The first section of that name."""
        return next((section for section in self.sections if section.name == name), None)

    def contents(self, section: Section) -> bytes:
        """The bytes of a section; none for SHT_NOBITS."""
        if section.type == SHT_NOBITS:
            return b""
        return self.data[section.offset : section.offset + section.size]

    def relocations(self, section: Section) -> list[Relocation]:
        """The entries of an SHT_REL section. Raises LoadError for a symbol that does not exist."""
        count, rest = divmod(section.size, _REL.size)
        if rest:
            raise self.error(
                f"relocation table {section.name} of {section.size} bytes is not a multiple of 8"
            )
        table = self.data[section.offset : section.offset + count * _REL.size]
        found = [Relocation(offset, info & 0xFF, info >> 8) for offset, info in _REL.iter_unpack(table)]
        for relocation in found:
            if relocation.symbol >= max(1, len(self.symbols)):
                raise self.error(
                    f"relocation at {section.name}+{relocation.offset:#x} wants symbol {relocation.symbol}, "
                    f"but there are {len(self.symbols)}; the file is damaged"
                )
        return found

    def dynamic(self) -> dict[int, int]:
        """Tags of the PT_DYNAMIC segment; the last value where a tag is repeated."""
        tags: dict[int, int] = {}
        for segment in self.segments:
            if segment.type == PT_DYNAMIC:
                table = self.data[segment.offset : segment.offset + segment.file_size // 8 * 8]
                for tag, value in _DYNAMIC.iter_unpack(table):
                    if tag == 0:
                        break
                    tags[tag] = value
        return tags

    # the header

    def _read_header(self) -> None:
        data = self.data
        if len(data) > MAX_FILE:
            raise self.error(f"is {len(data) >> 20} MB large; a program has at most {MAX_FILE >> 20} MB")
        if data[:4] != b"\x7fELF":
            what = "is empty" if not data else "is not an ELF file"
            raise self.error(f"{what}: give a C source, a relocatable object or a linked executable for i386")
        if data[4:5] == b"\2":
            raise self.error(
                "is a 64-bit ELF: this machine is 32-bit; compile with -m32 or use `highmem build`"
            )
        if data[4:5] not in (b"\1", b""):
            raise self.error(f"has ELF class {data[4]}, which does not exist; the file is damaged")
        if data[5:6] == b"\2":
            raise self.error("is a big-endian ELF: the 386 is little-endian")
        if len(data) < _HEADER.size:
            raise self.error(
                f"ends within the ELF header ({len(data)} of {_HEADER.size} bytes): it is truncated"
            )
        (_, self.type, machine, version, self.entry, self._phoff, self._shoff, _, ehsize, self._phentsize,
         self._phnum, self._shentsize, self._shnum, self._shstrndx) = _HEADER.unpack_from(data)  # fmt: skip
        if data[5] != 1 or data[6] != 1 or version != 1 or ehsize < _HEADER.size:
            raise self.error("has an ELF header of an unknown version; the file is damaged")
        if machine != EM_386:
            known = _MACHINES.get(machine, f"machine {machine}")
            raise self.error(f"is for {known}, not for the 386; compile with -m32 or use `highmem build`")
        if self.type not in (ET_REL, ET_EXEC, ET_DYN):
            known = _TYPES.get(self.type, f"type {self.type}")
            raise self.error(f"is {known}: wanted is a relocatable object or a linked executable")

    def _table(self, what: str, offset: int, count: int, size: int, wanted: int) -> bytes:
        if not count or not offset:
            return b""
        if size != wanted:
            raise self.error(f"has {what}s of {size} bytes instead of {wanted}; the file is damaged")
        if offset + count * size > len(self.data):
            raise self.error(
                f"has its {count} {what}s at {offset:#x}, beyond its end at {len(self.data):#x}: it is truncated"
            )
        return self.data[offset : offset + count * size]

    # sections

    def _read_sections(self) -> list[Section]:
        count = self._shnum
        table = self._table("section header", self._shoff, count, self._shentsize, _SECTION.size)
        raw = list(_SECTION.iter_unpack(table))
        if self.type == ET_REL and not raw:
            raise self.error("has no section headers, so nothing in it can be placed")
        names = b""
        if raw and self._shstrndx != SHN_UNDEF:
            if self._shstrndx >= len(raw):
                raise self.error(
                    f"has its section names in section {self._shstrndx} of {len(raw)}; it is damaged"
                )
            entry = raw[self._shstrndx]
            if entry[4] + entry[5] > len(self.data):
                raise self.error("has its section names beyond its end: it is truncated")
            names = self.data[entry[4] : entry[4] + entry[5]]
        sections = []
        for index, (name, kind, flags, addr, offset, size, link, info, align, _) in enumerate(raw):
            text = self._string(names, name, f"the name of section {index}") if names and index else ""
            label = text or f"section {index}"
            if index and kind not in (0, SHT_NOBITS) and offset + size > len(self.data):
                raise self.error(
                    f"{label} ends at {offset + size:#x}, beyond the file's end at {len(self.data):#x}: "
                    "the file is truncated"
                )
            if align & (align - 1):
                raise self.error(f"{label} has alignment {align}, no power of two; the file is damaged")
            sections.append(Section(index, text, kind, flags, addr, offset, size, link, info, max(1, align)))
        return sections

    def _string(self, table: bytes, offset: int, what: str) -> str:
        end = table.find(b"\0", offset, offset + _NAME_LIMIT)
        if end < 0:
            raise self.error(f"{what} (at {offset:#x} of its string table) has no end; the file is damaged")
        return table[offset:end].decode("utf-8", "backslashreplace")

    # segments

    def _read_segments(self) -> list[Segment]:
        table = self._table("program header", self._phoff, self._phnum, self._phentsize, _SEGMENT.size)
        segments = []
        for number, (kind, offset, vaddr, _, file_size, size, flags, _) in enumerate(
            _SEGMENT.iter_unpack(table)
        ):
            if kind in (PT_LOAD, PT_DYNAMIC, PT_INTERP) and offset + file_size > len(self.data):
                raise self.error(
                    f"segment {number} ends at {offset + file_size:#x}, beyond the file's end at "
                    f"{len(self.data):#x}: the file is truncated"
                )
            if kind == PT_LOAD and (file_size > size or vaddr + size > 1 << 32):
                raise self.error(
                    f"segment {number} ({size:#x} bytes at {vaddr:08x}) is impossible; it is damaged"
                )
            segments.append(Segment(kind, offset, vaddr, file_size, size, flags))
        return segments

    # symbols

    def _read_symbols(self) -> list[Symbol]:
        tables = [section for section in self.sections if section.type == SHT_SYMTAB]
        if not tables:
            return []
        if len(tables) > 1:
            raise self.error(f"has {len(tables)} symbol tables; there can be one")
        table = tables[0]
        if table.link >= len(self.sections) or self.sections[table.link].type != SHT_STRTAB:
            raise self.error(
                f"has the names of its symbols in section {table.link}, which is no string table"
            )
        names = self.contents(self.sections[table.link])
        raw = self.contents(table)
        if len(raw) % _SYMBOL.size:
            raise self.error(
                f"has a symbol table of {len(raw)} bytes, not a multiple of {_SYMBOL.size}; it is damaged"
            )
        symbols = []
        for index, (name, value, size, info, _, section) in enumerate(_SYMBOL.iter_unpack(raw)):
            if section == SHN_XINDEX or len(self.sections) <= section < SHN_LORESERVE:
                raise self.error(
                    f"symbol {index} lies in section {section} of {len(self.sections)}; it is damaged"
                )
            text = self._string(names, name, f"the name of symbol {index}") if name else ""
            symbols.append(Symbol(text, value, size, info & 0xF, info >> 4, section))
        return symbols
