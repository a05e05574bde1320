"""Loads a Multiboot image and sets the stage for it (Multiboot Specification 0.6.96), or a boot sector.

Nothing here runs code: memory is filled, and what the first CPU shall start with is answered.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

from hw.e820 import E820Map, E820Type
from hw.errors import ImageError
from hw.ram import RAM

HEADER_MAGIC, LOADER_MAGIC = 0x1BAD_B002, 0x2BAD_B002
_SEARCH = 8192
_PAGE_ALIGN, _MEMORY, _VIDEO, _KLUDGE = 1, 2, 4, 1 << 16
_UNDERSTOOD = _PAGE_ALIGN | _MEMORY | _VIDEO
_LOADER_NAME = b"highmem"

#: Where the loader keeps its own things: GDT, and information with strings, or behind the image if that lies there.
GDT = 0x9_F800
_INFORMATION = 0x9000
BOOT_SECTOR = 0x7C00

_PT_LOAD = 1


class Module(NamedTuple):
    """A file loaded beside the image, and the words that go with it."""

    data: bytes
    command_line: str


class Start(NamedTuple):
    """How the first CPU starts: flat 32-bit segments of the GDT at ``GDT``, or real mode."""

    eip: int
    eax: int
    ebx: int
    edx: int
    real: bool


class _Piece(NamedTuple):
    pa: int
    data: bytes
    size: int  # in memory; zeros follow the data


def is_multiboot(image: bytes) -> bool:
    """Whether an image has a Multiboot header, and is no disk image."""
    return _header(image) is not None and not is_boot_sector(image)


def is_boot_sector(image: bytes) -> bool:
    """Whether an image begins with a boot sector: 55 AA at its end.

    A kernel further on in a disk image has its own header, perhaps where a Multiboot loader looks for one.
    """
    return len(image) >= 512 and image[510:512] == b"\x55\xaa" and image[:4] != b"\x7fELF"


def load(ram: RAM, image: bytes, name: str, command_line: str = "", modules: Sequence[Module] = ()) -> Start:
    """Put a Multiboot image or boot sector into memory. ImageError for one that cannot be loaded."""
    if is_boot_sector(image) and not modules:
        ram.write(BOOT_SECTOR, image[:512])
        return Start(BOOT_SECTOR, 0xAA55, 0, 0x80, real=True)
    at = _header(image)
    if at is None:
        raise ImageError(f"{name}: no Multiboot header in its first {_SEARCH} bytes, and no boot sector")
    flags = struct.unpack_from("<I", image, at + 4)[0]
    if flags & 0xFFFF & ~_UNDERSTOOD:
        raise ImageError(f"{name}: its Multiboot header asks for what this loader has not (flags {flags:#x})")
    entry, pieces = _kludge(image, at, name) if flags & _KLUDGE else _elf(image, name)
    for piece in pieces:
        if not ram.has(piece.pa, piece.size):
            raise ImageError(f"{name}: no RAM for the {piece.size} bytes at {piece.pa:#x}")
        ram.write(piece.pa, piece.data + bytes(piece.size - len(piece.data)))
    end = max((piece.pa + piece.size for piece in pieces), default=1 << 20)
    _write_gdt(ram)
    line = f"{name} {command_line}".rstrip()
    room = 200 + len(line.encode("utf-8", "surrogateescape")) + 24 * len(ram.e820.entries)
    room += sum(len(module.command_line.encode("utf-8", "surrogateescape")) + 17 for module in modules)
    place = _free(pieces, _INFORMATION, room)
    information = _information(ram, place, max(end, place + room), line, modules, name)
    return Start(entry, LOADER_MAGIC, information, 0, real=False)


def _header(image: bytes) -> int | None:
    for at in range(0, min(len(image), _SEARCH) - 11, 4):
        magic, flags, checksum = struct.unpack_from("<III", image, at)
        if magic == HEADER_MAGIC and magic + flags + checksum & 0xFFFF_FFFF == 0:
            return at
    return None


def _kludge(image: bytes, at: int, name: str) -> tuple[int, list[_Piece]]:
    """The load addresses that the header itself gives (flag 16)."""
    if len(image) < at + 32:
        raise ImageError(f"{name}: its Multiboot header is cut off")
    header, start, end, bss_end, entry = struct.unpack_from("<5I", image, at + 12)
    offset = at - (header - start)
    data = image[offset:] if not end else image[offset:offset + end - start]
    if offset < 0 or header < start or end and end < start:
        raise ImageError(f"{name}: the addresses in its Multiboot header do not fit")
    return entry, [_Piece(start, data, max(len(data), bss_end - start))]


def _elf(image: bytes, name: str) -> tuple[int, list[_Piece]]:
    """The segments of an ELF32 executable, at their physical addresses."""
    if image[:6] != b"\x7fELF\x01\x01" or len(image) < 52:
        raise ImageError(f"{name}: neither an ELF32 file nor one with load addresses in its Multiboot header")
    _, machine, _, entry, table = struct.unpack_from("<HHIII", image, 16)
    size, count = struct.unpack_from("<HH", image, 42)
    if machine != 3:
        raise ImageError(f"{name}: an ELF file of another processor (machine {machine})")
    pieces = []
    for index in range(count):
        try:
            kind, offset, _, pa, filed, memory = struct.unpack_from("<6I", image, table + index * size)
        except struct.error:
            raise ImageError(f"{name}: its program headers are cut off") from None
        if kind == _PT_LOAD and memory:
            data = image[offset:offset + filed]
            if len(data) != filed or filed > memory:
                raise ImageError(f"{name}: segment {index} is cut off")
            pieces.append(_Piece(pa, data, memory))
    if not pieces:
        raise ImageError(f"{name}: nothing to load in it")
    return entry, pieces


def _write_gdt(ram: RAM) -> None:
    """Null, flat code (8), flat data (16)."""
    ram.write(GDT, struct.pack("<6I", 0, 0, 0xFFFF, 0xCF_9B00, 0xFFFF, 0xCF_9300))


def _free(pieces: Sequence[_Piece], first: int, size: int) -> int:
    """The lowest address from ``first`` on with so much room beside the image."""
    for piece in sorted(pieces, key=lambda piece: piece.pa):
        if piece.pa < first + size and first < piece.pa + piece.size:
            first = piece.pa + piece.size + 4095 & -4096
    return first


def _information(ram: RAM, place: int, end: int, command_line: str, modules: Sequence[Module], name: str) -> int:
    """Write the information structure at ``place``, and the modules behind the image; its address."""
    at = place + 88
    strings = bytearray()

    def string(text: bytes) -> int:
        strings.extend(text + b"\0")
        return at + len(strings) - len(text) - 1

    command_at = string(command_line.encode("utf-8", "surrogateescape"))
    loader_at = string(_LOADER_NAME)
    rows = []
    for module in modules:
        start = end + 4095 & -4096
        end = start + len(module.data)
        if not ram.has(start, len(module.data)):
            raise ImageError(f"{name}: no RAM for a module of {len(module.data)} bytes")
        ram.write(start, module.data)
        rows.append((start, end, string(module.command_line.encode("utf-8", "surrogateescape")), 0))
    strings.extend(bytes(-len(strings) % 4))
    modules_at = at + len(strings)
    strings.extend(b"".join(struct.pack("<4I", *row) for row in rows))
    map_at = at + len(strings)
    memory_map = memory_map_of(ram.e820)
    lower, upper = memory_sizes(ram.e820)
    flags = 1 | 1 << 2 | (1 << 3 if rows else 0) | 1 << 6 | 1 << 9
    fixed = struct.pack("<12I", flags, lower, upper, 0, command_at, len(rows), modules_at if rows else 0, 0, 0, 0, 0,
                        len(memory_map))
    fixed += struct.pack("<5I", map_at, 0, 0, 0, loader_at)
    data = fixed.ljust(88, b"\0") + strings + memory_map
    if not ram.has(place, len(data)) or place + len(data) > GDT and place < 1 << 20:
        raise ImageError(f"{name}: the command lines are too long")
    ram.write(place, data)
    return place


def memory_map_of(e820: E820Map) -> bytes:
    """The entries of a memory map as Multiboot gives them: each begins with its size, which it does not count."""
    return b"".join(struct.pack("<IQQI", 20, entry.start, entry.end - entry.start, entry.type)
                    for entry in e820.entries)


def memory_sizes(e820: E820Map) -> tuple[int, int]:
    """KB of RAM from 0, and from 1 MB on up to the first hole."""
    ram = [(entry.start, entry.end) for entry in e820.entries if entry.type == E820Type.RAM]
    lower = next((end for start, end in ram if start == 0), 0)
    upper = next((end for start, end in ram if start <= 1 << 20 < end), 1 << 20)
    return min(lower >> 10, 640), (upper >> 10) - 1024
