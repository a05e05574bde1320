"""A machine in a file: an ELF32 core, as gdb and its kin read it (System V gABI; NT_PRSTATUS of Linux for i386).

Each PT_LOAD is a run of linear addresses with its physical one, so what a debugger sees is the address space; frames
that are not mapped have the linear address -1, as kexec's cores have it. Memory that is all zeros is one piece of the
file for all. What only a machine needs (the memory map, every register of every
CPU, all memory, that of more than 32 bits too) stands in notes named "highmem". The CRC is that of the whole file with
the CRC's own four bytes zero.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
import zlib
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from hw.e820 import PAGE_SIZE
from hw.errors import ImageError
from hw.paging import merge_runs, walk_all
from hw.ram import RAM

_EHDR = struct.Struct("<16sHHIIIIIHHHHHH")
_PHDR = struct.Struct("<8I")
_SHDR = struct.Struct("<10I")
_NOTE = struct.Struct("<III")
_CRC = struct.Struct("<I")
_IDENT = b"\x7fELF\x01\x01\x01" + bytes(9)
_ET_CORE, _EM_386, _PT_LOAD, _PT_NOTE, _PN_XNUM = 4, 3, 1, 4, 0xFFFF
_NT_PRSTATUS, _NT_FPREGSET, _NT_STATE, _NT_CRC = 1, 2, 1, 2
#: numbers of notes from here on are for what the user of a machine keeps with it
NT_USER = 16
_NAME = b"highmem"
_VERSION = 1
_PRSTATUS = ("ebx", "ecx", "edx", "esi", "edi", "ebp", "eax", "ds", "es", "fs", "gs", "orig_eax", "eip", "cs",
             "eflags", "esp", "ss")
_ZEROS = 1 << 20  # bytes of the piece of the file that stands for every page of zeros
_GAP = 1 << 16  # pieces of memory that are closer are one
_CHUNK = 1 << 20
_HEADERS_LIMIT = 1 << 28
_NO_ADDRESS = 0xFFFF_F000  # in place of a physical address that has no room: ROM, where no RAM is
_NOT_MAPPED = 0xFFFF_FFFF


@dataclass(frozen=True)
class Extent:
    """A piece of memory that has contents: where it begins, its bytes, and its place in the file."""

    pa: int
    size: int
    offset: int


@dataclass(frozen=True)
class State:
    """What a core says of its machine. cpus: registers as CPU.registers() gives them; notes: by their numbers."""

    e820: list[list[int]]
    cpus: list[dict[str, int]]
    extents: list[Extent]
    notes: dict[int, bytes]


def write_core(
    file: BinaryIO, ram: RAM, cpus: Sequence[Mapping[str, int]], cr3: int, notes: Mapping[int, bytes]
) -> None:  # fmt: skip
    """Write a core to a seekable file. cr3: whose linear addresses it shows. Notes have numbers from NT_USER on."""
    first = cpus[0]
    rows = merge_runs(walk_all(ram, cr3, first["cr0"], first["cr4"], first["efer"]), by="pa")
    runs = [(int(row["start"]), int(row["pa"]), int(row["end"] - row["start"])) for row in rows]
    pieces = list(_joined(ram))
    loads = [*_loads(runs, pieces, ram.ranges), *_not_mapped(runs, pieces)]
    length = len(_headers(ram, cpus, notes, pieces, loads, 0))
    base = length + -length % PAGE_SIZE
    headers = _headers(ram, cpus, notes, pieces, loads, base).ljust(base, b"\0")
    crc = zlib.crc32(headers)
    file.write(headers)
    for start, end in pieces:
        for pa in range(start, end, _CHUNK):
            data = ram.bytes[pa : min(pa + _CHUNK, end)]
            crc = zlib.crc32(data, crc)
            file.write(data)
    file.truncate(file.tell() + _ZEROS)
    crc = zlib.crc32(bytes(_ZEROS), crc)
    file.seek(headers.index(_crc_note()) + len(_crc_note()) - 4)
    file.write(_CRC.pack(crc))


def _joined(ram: RAM) -> Iterator[tuple[int, int]]:
    """[start, end) of memory with contents, in few pieces."""
    held: tuple[int, int] | None = None
    for start, end in ram.extents():
        if held and start - held[1] <= _GAP and ram.has(held[0], end - held[0]):
            held = held[0], end
            continue
        if held:
            yield held
        held = start, end
    if held:
        yield held


def _placed(pieces: Sequence[tuple[int, int]], base: int) -> Iterator[Extent]:
    for start, end in pieces:
        yield Extent(start, end - start, base)
        base += end - start


def _loads(
    runs: Sequence[tuple[int, int, int]], pieces: Sequence[tuple[int, int]], ranges: Sequence[tuple[int, int]]
) -> Iterator[tuple[int, int, int, int | None]]:  # fmt: skip
    """(linear, physical, bytes, number of the piece with its contents; None: zeros) of what is mapped and is RAM."""
    starts = [start for start, _ in pieces]
    for linear, pa, size in runs:
        for low, high in ranges:
            at, end = max(pa, low), min(pa + size, high)
            while at < end:
                number = bisect_right(starts, at) - 1
                if number >= 0 and at < pieces[number][1]:
                    stop = min(end, pieces[number][1])
                    yield linear + at - pa, at, stop - at, number
                else:
                    stop = min([end, at + _ZEROS, *starts[number + 1 : number + 2]])
                    yield linear + at - pa, at, stop - at, None
                at = stop


def _not_mapped(
    runs: Sequence[tuple[int, int, int]], pieces: Sequence[tuple[int, int]]
) -> Iterator[tuple[int, int, int, int | None]]:  # fmt: skip
    """The same of memory with contents that no run shows, as far as 32 bits can name it."""
    shown = sorted((pa, pa + size) for _, pa, size in runs)
    for number, (start, end) in enumerate(pieces):
        end = min(end, 1 << 32)
        for low, high in shown:
            if start < min(low, end):
                yield _NOT_MAPPED, start, min(low, end) - start, number
            start = max(start, high)
        if start < end:
            yield _NOT_MAPPED, start, end - start, number


def _headers(
    ram: RAM, cpus: Sequence[Mapping[str, int]], notes: Mapping[int, bytes], pieces: Sequence[tuple[int, int]],
    loads: Sequence[tuple[int, int, int, int | None]], base: int,
) -> bytes:  # fmt: skip
    """Everything before the memory, whose first byte is at `base`. Its length is the same for each `base`."""
    extents = list(_placed(pieces, base))
    state = json.dumps({
        "version": _VERSION,
        "e820": [list(entry) for entry in ram.e820.entries],
        "cpus": [dict(cpu) for cpu in cpus],
        "pieces": pieces,
        "base": f"{base:#010x}",
    }, separators=(",", ":")).encode()
    texts = []
    for number, cpu in enumerate(cpus):
        texts += [_note(b"CORE", _NT_PRSTATUS, _prstatus(number, cpu)), _note(b"CORE", _NT_FPREGSET, _fpregset(cpu))]
    texts += [_note(_NAME, _NT_STATE, state)]
    texts += [_note(_NAME, number, data) for number, data in notes.items()]
    note = b"".join([*texts, _crc_note()])
    count, many = len(loads) + 1, len(loads) + 1 >= _PN_XNUM
    table = _EHDR.size + (_SHDR.size if many else 0)
    header = _EHDR.pack(
        _IDENT, _ET_CORE, _EM_386, 1, 0, table, _EHDR.size if many else 0, 0, _EHDR.size, _PHDR.size,
        min(count, _PN_XNUM), _SHDR.size if many else 0, int(many), 0,
    )  # fmt: skip
    section = _SHDR.pack(0, 0, 0, 0, 0, 0, 0, count, 0, 0) if many else b""
    at = table + _PHDR.size * count
    zeros = extents[-1].offset + extents[-1].size if extents else base
    table_of_loads = bytearray(_PHDR.pack(_PT_NOTE, at, 0, 0, len(note), 0, 0, 4))
    for linear, pa, size, piece in loads:
        offset = zeros if piece is None else extents[piece].offset + pa - extents[piece].pa
        short = pa if pa + size <= 1 << 32 else _NO_ADDRESS
        table_of_loads += _PHDR.pack(_PT_LOAD, offset, linear, short, size, size, 7, PAGE_SIZE)
    return header + section + bytes(table_of_loads) + note


def _note(name: bytes, kind: int, data: bytes) -> bytes:
    name += b"\0"
    return (_NOTE.pack(len(name), len(data), kind) + name + bytes(-len(name) % 4) + data + bytes(-len(data) % 4))


def _crc_note() -> bytes:
    return _note(_NAME, _NT_CRC, bytes(4))


def _prstatus(number: int, registers: Mapping[str, int]) -> bytes:
    """struct elf_prstatus: a CPU as a thread, numbered from 1."""
    values = [registers.get(name, 0xFFFF_FFFF) for name in _PRSTATUS]
    return struct.pack("<24xI44x17I4x", number + 1, *values)


def _fpregset(registers: Mapping[str, int]) -> bytes:
    """struct user_i387_struct: what FSAVE leaves. Where the last instruction and operand were is not known."""
    words = (registers["fpcw"], registers["fpsw"], registers["fptag"])
    stack = b"".join(registers[f"st{number}"].to_bytes(10, "little") for number in range(8))
    return struct.pack("<3I16x", *(word | 0xFFFF_0000 for word in words)) + stack


def read_core(path: str | os.PathLike[str]) -> tuple[State, mmap.mmap]:
    """What a core says, and its bytes. ImageError for a foreign or damaged file, OSError for file work."""
    name = os.fspath(path)
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if file.read(len(_IDENT)) != _IDENT:
            raise ImageError(f"{name} is no saved machine of this version of highmem")
        data = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
    try:
        return _parse(data), data
    except ImageError as error:
        data.close()
        raise ImageError(f"{name} {error}") from None
    except (struct.error, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        data.close()
        raise ImageError(f"{name} is damaged: {error or type(error).__name__}") from None


def _parse(data: mmap.mmap) -> State:
    _, kind, machine, _, _, table, sections, *rest = _EHDR.unpack_from(data, 0)
    if (kind, machine) != (_ET_CORE, _EM_386):
        raise ImageError("is no saved machine but another ELF file")
    p_type, at, _, _, length, *_ = _PHDR.unpack_from(data, table)
    if p_type != _PT_NOTE or length > _HEADERS_LIMIT or at + length > len(data):
        raise ImageError("is a core, but of no machine of this version of highmem")
    state: dict[str, Any] | None = None
    notes: dict[int, bytes] = {}
    checked = False
    end = at + length
    while at < end:
        name_size, size, number = _NOTE.unpack_from(data, at)
        at += _NOTE.size
        name = data[at : at + name_size]
        at += name_size + 3 & -4
        if name == _NAME + b"\0":
            if number == _NT_STATE:
                state = json.loads(data[at : at + size])
            elif number == _NT_CRC:
                _check_crc(data, at)
                checked = True
            else:
                notes[number] = data[at : at + size]
        at += size + 3 & -4
    if state is None or state["version"] != _VERSION:
        raise ImageError("is a core, but of no machine of this version of highmem")
    if not checked:
        raise ValueError("its checksum is missing")
    pieces = [(int(start), int(end)) for start, end in state["pieces"]]
    cpus = [{str(name): int(value) for name, value in cpu.items()} for cpu in state["cpus"]]
    return State(state["e820"], cpus, list(_placed(pieces, int(state["base"], 16))), notes)


def _check_crc(data: mmap.mmap, at: int) -> None:
    with memoryview(data) as view:
        crc = zlib.crc32(bytes(4), zlib.crc32(view[:at]))
        for start in range(at + 4, len(view), _CHUNK):
            crc = zlib.crc32(view[start : start + _CHUNK], crc)
        if _CRC.unpack_from(view, at)[0] != crc:
            raise ValueError("its checksum is wrong")
