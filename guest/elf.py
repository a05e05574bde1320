"""The loader: an ELF file of any kind becomes a program that can be placed at an address.

`read` checks a file and finds its segments, entry and notes; `Program.link` makes the bytes for a given address,
with undefined symbols resolved by the caller. A relocatable object (ET_REL) goes anywhere, as a kernel module does
(kernel/module.c, arch/i386/kernel/module.c, 2.6.20); a static PIE (ET_DYN) too; an executable (ET_EXEC) only to the
address that it was linked for. Every bad input ends in a `LoadError` of one line.
"""

from __future__ import annotations

import os
import stat
import struct
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from guest.elffile import (
    ET_DYN,
    ET_EXEC,
    ET_REL,
    PF_W,
    PF_X,
    PT_INTERP,
    PT_LOAD,
    PT_TLS,
    SHF_ALLOC,
    SHF_COMPRESSED,
    SHF_EXECINSTR,
    SHF_TLS,
    SHF_WRITE,
    SHN_ABS,
    SHN_COMMON,
    SHN_LORESERVE,
    SHN_UNDEF,
    SHT_NOBITS,
    SHT_REL,
    SHT_RELA,
    STB_LOCAL,
    STB_WEAK,
    STT_FUNC,
    STT_NOTYPE,
    STT_OBJECT,
    ElfFile,
    LoadError,
    Relocation,
    Section,
    Symbol,
)

__all__ = ["Image", "ImageSymbol", "LoadError", "Placement", "Program", "check_vermagic", "read"]

MAX_FILE = 256 << 20
"""A program's file has at most this many bytes, debug information and all."""
MAX_IMAGE = 64 << 20
"""A program takes at most this many bytes of memory: the vmalloc area has little more."""

PAGE_SIZE = 4096
KERNEL_START = 0xC0000000
BUG_ENTRY_SIZE = 12
EX_ENTRY_SIZE = 8
PARAM_ENTRY_SIZE = 20
PERCPU_ENTRY_SIZE = 12

R_386_NONE, R_386_32, R_386_PC32, R_386_PLT32, R_386_RELATIVE = 0, 1, 2, 4, 8
R_386_16, R_386_PC16, R_386_8, R_386_PC8 = 20, 21, 22, 23
_RELOCATION_NAMES = {
    3: "R_386_GOT32", 5: "R_386_COPY", 6: "R_386_GLOB_DAT", 7: "R_386_JMP_SLOT", 8: "R_386_RELATIVE",
    9: "R_386_GOTOFF", 10: "R_386_GOTPC", 14: "R_386_TLS_TPOFF", 15: "R_386_TLS_IE", 42: "R_386_IRELATIVE",
    43: "R_386_GOT32X",
}  # fmt: skip
_PIC = {3, 6, 7, 9, 10, 43}
# type -> (bytes, relative to the place)
_RELOCATIONS = {
    R_386_32: (4, False), R_386_PC32: (4, True), R_386_PLT32: (4, True), R_386_16: (2, False),
    R_386_PC16: (2, True), R_386_8: (1, False), R_386_PC8: (1, True),
}  # fmt: skip

DT_NEEDED, DT_REL, DT_RELSZ, DT_JMPREL, DT_RELA, DT_RELRSZ = 1, 17, 18, 23, 7, 35

Kind = Literal["main", "init_module"]
Resolve = Callable[[str], "int | None"]


@dataclass(frozen=True, slots=True)
class Placement:
    """A run of the image: `kind` is "text", "rodata", "data" or "bss"; offset and size in bytes from the base."""

    kind: str
    offset: int
    size: int


@dataclass(frozen=True, slots=True, order=True)
class ImageSymbol:
    """A function or variable of a placed program; `size` in bytes, 0 where the file does not say."""

    va: int
    name: str
    size: int
    is_function: bool


@dataclass(frozen=True)
class Image:
    """A program placed at `base`: `data` goes there, and zeros from its end up to `size`.

    `kind` says what `init` is: main(argc, argv) or a module's init function; `exit` is the module's exit function.
    `bug_table`, `ex_table`, `param_table` and `percpu_table` are (virtual address, number of entries) of the tables
    inside the image, `ex_table` sorted by instruction; (0, 0) where there is none. `symbols` is sorted by address.
    """

    name: str
    base: int
    data: bytes
    size: int
    kind: Kind
    init: int
    exit: int | None
    text_size: int
    bug_table: tuple[int, int]
    ex_table: tuple[int, int]
    param_table: tuple[int, int]
    percpu_table: tuple[int, int]
    symbols: tuple[ImageSymbol, ...]
    _starts: list[int] = field(repr=False, compare=False)

    def symbol(self, va: int) -> tuple[str, int, int] | None:
        """The function or variable at a virtual address as (name, offset, size), None outside of all.

        Of several names for one address the one that ends with it wins, then the first that is no alias of the
        loader's (init_module, cleanup_module).
        """
        at = bisect_right(self._starts, va) - 1
        if not self.base <= va < self.base + self.size or at < 0:
            return None
        start = self._starts[at]
        names = [s for s in self.symbols[max(0, at - 16) : at + 1] if s.va == start]
        best = max(
            names, key=lambda s: (s.is_function, s.size, s.name not in ("init_module", "cleanup_module"))
        )
        following = self._starts[at + 1] if at + 1 < len(self._starts) else self.base + self.size
        size = best.size or following - start
        return (best.name, va - start, size) if va - start < size else None


def read(source: str | Path | bytes, name: str | None = None) -> Program:
    """Reads and checks a program: a path, or the bytes of a file.

    `name` is how errors call it (default: the file's name). Raises LoadError, and nothing else, for whatever is in
    the file, and for a file that cannot be read.
    """
    if isinstance(source, bytes):
        return Program(ElfFile(source, name or "program"))
    path = Path(source)
    try:
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise LoadError(f"{path}: is no regular file")
            if os.fstat(file.fileno()).st_size > MAX_FILE:
                raise LoadError(f"{path}: has more than {MAX_FILE >> 20} MB, which no kernel program has")
            data = file.read(MAX_FILE)
    except OSError as error:
        raise LoadError(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # a zero byte in the path
        raise LoadError(f"{str(path)!r}: is no file name: {error}") from error
    return Program(ElfFile(data, name or str(path)))


def check_vermagic(program: Program, expected: str) -> None:
    """Compares what the program was compiled for with the running kernel's `Layout.vermagic`.

    A program without the note (a stripped executable) passes. Raises LoadError in insmod's words.
    """
    for found in program.vermagics:
        if found != expected:
            raise LoadError(
                f"{program.name}: version magic '{found}' should be '{expected}': build it again with the options "
                "that the machine is started with"
            )


class Program:
    """A checked ELF file. `size` bytes of memory are needed; `base` is the only address it goes to, or None."""

    def __init__(self, file: ElfFile) -> None:
        self.file = file
        self.name = file.name
        self.relocatable = file.type == ET_REL
        """Whether sections are still to be linked: its debug information then depends on where it is placed."""
        self.base: int | None = None
        self.offsets: dict[int, int] = {}
        """Section index -> offset in the image, of the sections that are placed."""
        self.commons: dict[int, int] = {}
        self.modinfo = self._read_modinfo()
        if file.type == ET_REL:
            self.placements, self.size = self._place_sections()
        else:
            self.placements, self.size = self._place_segments()
        self.undefined = self._find_undefined()
        self.kind, self._init, self._exit = self._find_entry()

    @property
    def vermagics(self) -> list[str]:
        """What the parts of the program were compiled for; each must be the kernel's own."""
        return [text for tag, text in self.modinfo if tag == "vermagic"]

    def _read_modinfo(self) -> list[tuple[str, str]]:
        section = self.file.section(".modinfo")
        texts = self.file.contents(section).split(b"\0") if section else []
        pairs = [text.decode("utf-8", "backslashreplace").partition("=") for text in texts if text]
        return [(tag, value) for tag, _, value in pairs]

    # where everything goes

    def _place_sections(self) -> tuple[list[Placement], int]:
        groups: dict[str, list[Section]] = {"text": [], "rodata": [], "data": [], "bss": []}
        for section in self.file.sections:
            if not section.flags & SHF_ALLOC or _discarded(section) or not section.type:
                continue
            if section.flags & SHF_TLS:
                raise self.file.error(f"has thread-local storage ({section.name}), which a kernel has not")
            if section.align > PAGE_SIZE:
                raise self.file.error(
                    f"{section.name} has alignment {section.align}: more than a page cannot be had"
                )
            if section.type == SHT_NOBITS:
                group = "bss"
            elif section.flags & SHF_EXECINSTR:
                group = "text"
            else:
                group = "data" if section.flags & SHF_WRITE else "rodata"
            groups[group].append(section)
        placements, cursor = [], 0
        for group, sections in groups.items():
            start = cursor = -(-cursor // 16) * 16
            for section in sections:
                cursor = -(-cursor // section.align) * section.align
                self.offsets[section.index] = cursor
                cursor += section.size
            if group == "bss":
                cursor = self._place_commons(cursor)
            if cursor > MAX_IMAGE:
                raise self.file.error(
                    f"needs {cursor >> 20} MB of memory; a program has at most {MAX_IMAGE >> 20} MB"
                )
            placements.append(Placement(group, start, cursor - start))
        if not cursor:
            raise self.file.error("has no code and no data")
        return placements, cursor

    def _place_commons(self, cursor: int) -> int:
        for index, symbol in enumerate(self.file.symbols):
            if symbol.section == SHN_COMMON:
                align = max(1, symbol.value)
                if align & (align - 1) or align > PAGE_SIZE:
                    raise self.file.error(f"symbol {symbol.name} has alignment {align}, which cannot be")
                cursor = -(-cursor // align) * align
                self.commons[index] = cursor
                cursor += symbol.size
        return cursor

    def _place_segments(self) -> tuple[list[Placement], int]:
        file = self.file
        if any(segment.type == PT_INTERP for segment in file.segments):
            raise file.error("is dynamically linked: a kernel program is linked statically (`highmem build`)")
        if any(segment.type == PT_TLS for segment in file.segments):
            raise file.error("has thread-local storage, which a kernel has not")
        loads = sorted((s for s in file.segments if s.type == PT_LOAD and s.size), key=lambda s: s.vaddr)
        if not loads:
            raise file.error("has no segment to load")
        for one, two in zip(loads, loads[1:], strict=False):
            if one.vaddr + one.size > two.vaddr:
                raise file.error(f"has two segments at {two.vaddr:08x}; the file is damaged")
        base = loads[0].vaddr & -PAGE_SIZE
        size = loads[-1].vaddr + loads[-1].size - base
        if size > MAX_IMAGE:
            raise file.error(f"needs {size >> 20} MB of memory; a program has at most {MAX_IMAGE >> 20} MB")
        if file.type == ET_EXEC:
            if base < KERNEL_START:
                raise file.error(
                    f"is linked at {base:08x}, in user space: kernel programs are linked by `highmem build`, "
                    "or are relocatable objects"
                )
            self.base = base
        self._link_base = base
        placements = []
        for segment in loads:
            kind = "text" if segment.flags & PF_X else "data" if segment.flags & PF_W else "rodata"
            placements.append(Placement(kind, segment.vaddr - base, segment.file_size))
            if segment.size > segment.file_size:
                start = segment.vaddr - base + segment.file_size
                placements.append(Placement("bss", start, segment.size - segment.file_size))
        for section in file.sections:
            inside = base <= section.addr and section.addr + section.size <= base + size
            if section.flags & SHF_ALLOC and inside:
                self.offsets[section.index] = section.addr - base
        return placements, size

    # symbols

    def _find_undefined(self) -> list[str]:
        symbols = self.file.symbols[1:]
        return sorted({s.name for s in symbols if s.section == SHN_UNDEF and s.name and s.bind != STB_LOCAL})

    def _offset_of(self, index: int, symbol: Symbol) -> int | None:
        """Offset in the image of what a symbol names; None for one that is not in the image."""
        if symbol.section == SHN_COMMON:
            return self.commons.get(index)
        if symbol.section == SHN_UNDEF or symbol.section >= SHN_LORESERVE:
            return None
        start = self.offsets.get(symbol.section)
        if start is None:
            return None
        offset = start + symbol.value if self.file.type == ET_REL else symbol.value - self._link_base
        return offset if 0 <= offset <= self.size else None

    def _find_entry(self) -> tuple[Kind, int, int | None]:
        found: dict[str, int] = {}
        for index, symbol in enumerate(self.file.symbols):
            if symbol.name in ("main", "init_module", "cleanup_module") and symbol.bind != STB_LOCAL:
                offset = self._offset_of(index, symbol)
                if offset is not None:
                    found[symbol.name] = offset
        kinds: tuple[Kind, ...] = ("main", "init_module")
        for kind in kinds:
            if kind in found:
                if not self._is_code(found[kind]):
                    raise self.file.error(f"{kind} is no function: it does not lie in the program's code")
                leave = found.get("cleanup_module") if kind == "init_module" else None
                if leave is not None and not self._is_code(leave):
                    raise self.file.error(
                        "cleanup_module is no function: it does not lie in the program's code"
                    )
                return kind, found[kind], leave
        if self.file.type != ET_REL and not any(symbol.name for symbol in self.file.symbols):
            entry = self.file.entry - self._link_base
            if self._is_code(entry):
                return "main", entry, None
            raise self.file.error(f"its entry point {self.file.entry:08x} lies outside of its code")
        raise self.file.error("has no `int main(int argc, char **argv)` and no module_init()")

    def _is_code(self, offset: int) -> bool:
        return any(p.kind == "text" and p.offset <= offset < p.offset + p.size for p in self.placements)

    # linking

    def link(self, base: int | None = None, resolve: Resolve = lambda name: None) -> Image:
        """The image for the page-aligned virtual address `base`, with undefined symbols looked up by `resolve`.

        An executable takes no other base than its own (None stands for it). Raises LoadError: every unknown
        symbol in one line, a relocation of an unsupported kind or out of its section, a base that cannot be.
        """
        if base is None:
            base = self.base
        if base is None or base & (PAGE_SIZE - 1) or base + self.size > 1 << 32:
            raise self.file.error(f"cannot be placed at {base if base is None else hex(base)}")
        if self.base is not None and base != self.base:
            raise self.file.error(f"is linked for {self.base:08x} and cannot be placed at {base:08x}")
        if self.file.type == ET_REL:
            data = self._linked_sections(base, resolve)
        else:
            data = self._linked_segments(base, resolve)
        ex_table = self._table(base, "__ex_table", EX_ENTRY_SIZE)
        if ex_table[1]:
            _sort_table(data, ex_table[0] - base, ex_table[1])
        symbols = self._image_symbols(base)
        end = max((p.offset + p.size for p in self.placements if p.kind != "bss"), default=0)
        return Image(
            name=self.name,
            base=base,
            data=bytes(data[:end]),
            size=self.size,
            kind=self.kind,
            init=base + self._init,
            exit=None if self._exit is None else base + self._exit,
            text_size=sum(p.size for p in self.placements if p.kind == "text"),
            bug_table=self._table(base, "__bug_table", BUG_ENTRY_SIZE),
            ex_table=ex_table,
            param_table=self._table(base, "__param", PARAM_ENTRY_SIZE),
            percpu_table=self._table(base, "__percpu", PERCPU_ENTRY_SIZE),
            symbols=symbols,
            _starts=[symbol.va for symbol in symbols],
        )

    def _table(self, base: int, name: str, entry_size: int) -> tuple[int, int]:
        section = self.file.section(name)
        if section is None or section.index not in self.offsets or section.type == SHT_NOBITS:
            return 0, 0
        return base + self.offsets[section.index], section.size // entry_size

    def _image_symbols(self, base: int) -> tuple[ImageSymbol, ...]:
        found = set()
        for index, symbol in enumerate(self.file.symbols):
            # Clang's and gcc's local labels (.L..., 1:) have no type and say nothing to a reader.
            if (
                symbol.type not in (STT_FUNC, STT_OBJECT, STT_NOTYPE)
                or not symbol.name
                or symbol.name[0] == "."
            ):
                continue
            if symbol.type == STT_NOTYPE and symbol.bind == STB_LOCAL:
                continue
            offset = self._offset_of(index, symbol)
            if offset is not None:
                found.add(ImageSymbol(base + offset, symbol.name, symbol.size, symbol.type == STT_FUNC))
        return tuple(sorted(found))

    def symbol_values(self, base: int, resolve: Resolve) -> list[int | None]:
        """Final value of every symbol by its index; None for one that is in no placed section.

        Raises LoadError that names all undefined symbols that `resolve` does not know; weak ones are 0.
        """
        values: list[int | None] = []
        unknown = []
        for index, symbol in enumerate(self.file.symbols):
            if symbol.section == SHN_ABS or index == 0:
                values.append(symbol.value)
            elif symbol.section == SHN_UNDEF:
                value = resolve(symbol.name)
                if value is None and symbol.bind != STB_WEAK:
                    unknown.append(symbol.name)
                values.append(value or 0)
            else:
                offset = self._offset_of(index, symbol)
                values.append(None if offset is None else (base + offset) & 0xFFFFFFFF)
        if "_GLOBAL_OFFSET_TABLE_" in unknown:
            raise self.file.error("is position-independent code: kernel code is compiled with -fno-pic -fno-pie")
        if unknown:
            names = sorted(set(unknown))
            raise self.file.error(
                f"Unknown symbol{'s' if len(names) > 1 else ''} {', '.join(names)}: "
                "neither defined in the program nor exported by the kernel"
            )
        return values or [0]

    def _linked_sections(self, base: int, resolve: Resolve) -> bytearray:
        data = bytearray(self.size)
        for index, offset in self.offsets.items():
            contents = self.file.contents(self.file.sections[index])
            data[offset : offset + len(contents)] = contents
        values = self.symbol_values(base, resolve)
        for table in self.file.sections:
            if table.type not in (SHT_REL, SHT_RELA) or table.info not in self.offsets:
                continue
            target = self.file.sections[table.info]
            if table.type == SHT_RELA:
                raise self.file.error(f"{table.name} has addends (RELA), which the 386 does not use")
            if target.type == SHT_NOBITS:
                raise self.file.error(
                    f"{table.name} patches {target.name}, which has no contents; it is damaged"
                )
            start = self.offsets[table.info]
            view = memoryview(data)[start : start + target.size]
            for relocation in self.file.relocations(table):
                value = values[relocation.symbol]
                if value is None and relocation.type != R_386_NONE:
                    name = self._symbol_label(relocation.symbol)
                    raise self.file.error(
                        f"{target.name}+{relocation.offset:#x} refers to {name}, which is not loaded"
                    )
                self._apply(view, target.name, relocation, value or 0, base + start)
        return data

    def _symbol_label(self, index: int) -> str:
        symbol = self.file.symbols[index]
        if symbol.name:
            return symbol.name
        return (
            self.file.sections[symbol.section].name if symbol.section < SHN_LORESERVE else f"symbol {index}"
        )

    def _apply(self, view: memoryview, where: str, relocation: Relocation, value: int, start: int) -> None:
        """Patches one place. The 386 keeps the addend in the place itself."""
        if relocation.type == R_386_NONE:
            return
        known = _RELOCATIONS.get(relocation.type)
        if known is None:
            name = _RELOCATION_NAMES.get(relocation.type, f"type {relocation.type}")
            hint = (
                "compile with -fno-pic -fno-pie"
                if relocation.type in _PIC
                else "kernel code has no use for it"
            )
            raise self.file.error(f"{where}+{relocation.offset:#x} has a relocation {name}: {hint}")
        size, relative = known
        at = relocation.offset
        if at + size > len(view):
            raise self.file.error(
                f"relocation at {where}+{at:#x} lies outside of the section ({len(view):#x} bytes)"
            )
        addend = int.from_bytes(view[at : at + size], "little", signed=True)
        result = value + addend - (start + at if relative else 0)
        if size < 4 and not -(1 << (8 * size - 1)) <= result < 1 << (8 * size):
            name = self._symbol_label(relocation.symbol)
            raise self.file.error(
                f"relocation at {where}+{at:#x} to {name} does not fit into {8 * size} bits"
            )
        view[at : at + size] = (result & ((1 << 8 * size) - 1)).to_bytes(size, "little")

    def _linked_segments(self, base: int, resolve: Resolve) -> bytearray:
        data = bytearray(self.size)
        for segment in self.file.segments:
            if segment.type == PT_LOAD:
                offset = segment.vaddr - self._link_base
                data[offset : offset + segment.file_size] = self.file.data[
                    segment.offset : segment.offset + segment.file_size
                ]
        self.symbol_values(base, resolve)  # names what is undefined
        if self.file.type == ET_DYN:
            self._relocate_dynamic(data, base)
        return data

    def _relocate_dynamic(self, data: bytearray, base: int) -> None:
        tags = self.file.dynamic()
        if DT_NEEDED in tags or DT_JMPREL in tags or DT_RELA in tags or DT_RELRSZ in tags:
            raise self.file.error("needs a dynamic linker: link it statically (`highmem build`)")
        start, size = tags.get(DT_REL, 0) - self._link_base, tags.get(DT_RELSZ, 0)
        if size and not (0 <= start and start + size <= len(data)):
            raise self.file.error("has its dynamic relocations outside of the program; the file is damaged")
        delta = base - self._link_base
        for offset, info in struct.iter_unpack(
            "<II", bytes(data[start : start + size // 8 * 8]) if size else b""
        ):
            at = offset - self._link_base
            kind = info & 0xFF
            if kind == R_386_NONE:
                continue
            if kind != R_386_RELATIVE:
                name = _RELOCATION_NAMES.get(kind, f"type {kind}")
                raise self.file.error(f"has a dynamic relocation {name} at {offset:08x}: link it statically")
            if not 0 <= at <= len(data) - 4:
                raise self.file.error(f"dynamic relocation at {offset:08x} lies outside of the program")
            word = int.from_bytes(data[at : at + 4], "little")
            data[at : at + 4] = ((word + delta) & 0xFFFFFFFF).to_bytes(4, "little")

    def relocated_debug(self, base: int) -> bytes:
        """A copy of the file whose .debug_* sections carry the addresses of a program placed at `base`.

        Of a linked file it is the file itself. A relocation that makes no sense is left out: this is for reading
        line numbers only.
        """
        if self.file.type != ET_REL:
            return self.file.data
        copy = bytearray(self.file.data)
        values = []
        for index, symbol in enumerate(self.file.symbols):
            offset = self._offset_of(index, symbol)
            values.append(symbol.value if offset is None else base + offset)
        values = values or [0]
        for table in self.file.sections:
            target = self.file.sections[table.info] if table.info < len(self.file.sections) else None
            if table.type != SHT_REL or target is None or not target.name.startswith(".debug_"):
                continue
            if target.flags & SHF_COMPRESSED:
                continue
            view = memoryview(copy)[target.offset : target.offset + target.size]
            for relocation in self.file.relocations(table):
                if relocation.type == R_386_32 and relocation.offset + 4 <= len(view):
                    place = view[relocation.offset : relocation.offset + 4]
                    word = int.from_bytes(place, "little") + values[relocation.symbol]
                    place[:] = (word & 0xFFFFFFFF).to_bytes(4, "little")
        copy[16:18] = ET_EXEC.to_bytes(2, "little")  # so that nobody relocates it once more
        return bytes(copy)

    def debug_bias(self, base: int) -> int:
        """What to subtract from an address of the placed program to get one of its debug information."""
        return base - self._link_base if self.file.type != ET_REL else 0


def _discarded(section: Section) -> bool:
    return section.name in (".modinfo", ".eh_frame", "__versions") or section.name.startswith(
        (".note", ".discard")
    )


def _sort_table(data: bytearray, start: int, count: int) -> None:
    """Sorts an exception table by instruction: the kernel searches it by halves."""
    table = data[start : start + count * EX_ENTRY_SIZE]
    entries = sorted(struct.iter_unpack("<II", bytes(table)))
    data[start : start + count * EX_ENTRY_SIZE] = b"".join(struct.pack("<II", *entry) for entry in entries)
