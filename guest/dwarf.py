"""From an address to a source line, out of the DWARF that compilers leave in a program.

pyelftools reads it (DWARF 2 to 5); objects are relocated first (`Program.relocated_debug`), so that all addresses are
those of the placed program. Line numbers make an oops nicer to read and are never needed: debug information that is
missing or damaged gives None.
"""

from __future__ import annotations

import io
import posixpath
from bisect import bisect_right
from functools import cached_property
from typing import Any, NamedTuple, Protocol

from guest.elf import Image

_MAX_ROWS = 1 << 20


class Row(NamedTuple):
    """Code of a source line, from `start` to `end` (exclusive). statement: whether the line's code begins there."""

    start: int
    end: int
    file: str
    line: int
    statement: bool = True


class Placed(Protocol):
    """What debug information is read of: `guest.elf.Program` is one."""

    def relocated_debug(self, base: int) -> bytes:
        """The file, its debug information as of a program placed at `base`."""

    def debug_bias(self, base: int) -> int:
        """What to subtract from an address of the placed program to get one of its debug information."""


class DebugInfo:
    """Names and lines for the addresses of one placed program. Nothing is parsed before it is asked for."""

    def __init__(self, program: Placed, image: Image) -> None:
        self._program = program
        self._image = image

    def is_of(self, program: Placed, image: Image) -> bool:
        """Whether this is about that program at that place."""
        return self._program is program and self._image.base == image.base

    def symbol(self, va: int) -> tuple[str, int, int] | None:
        """The function or variable at a virtual address: (name, offset into it, its size), or None."""
        return self._image.symbol(va)

    def line(self, va: int) -> tuple[str, int] | None:
        """Source file (as the compiler was given it) and line of the code at a virtual address, or None."""
        row = self.row(va)
        return (row.file, row.line) if row else None

    def row(self, va: int) -> Row | None:
        """The row of the line table that the code at a virtual address is in, or None."""
        rows, bias = self._rows, self.bias
        at = bisect_right(rows, va - bias, key=lambda row: row.start) - 1
        if at < 0 or va - bias >= rows[at].end:
            return None
        return rows[at]._replace(start=rows[at].start + bias, end=rows[at].end + bias)

    def rows(self) -> list[Row]:
        """The whole line table, ascending."""
        bias = self.bias
        return [row._replace(start=row.start + bias, end=row.end + bias) for row in self._rows]

    @property
    def bias(self) -> int:
        """What to add to the addresses in `dwarf`."""
        return self._program.debug_bias(self._image.base)

    @cached_property
    def dwarf(self) -> Any:
        """pyelftools' DWARFInfo of the placed program, None where the file has none that can be read."""
        from elftools.elf.elffile import ELFFile  # 50 ms that most runs never need

        try:
            elf = ELFFile(io.BytesIO(self._program.relocated_debug(self._image.base)))
            return elf.get_dwarf_info(relocate_dwarf_sections=False) if elf.has_dwarf_info() else None
        except Exception:  # whatever a foreign parser makes of foreign bytes
            return None

    @property
    def name(self) -> str:
        """The program's name."""
        return self._image.name

    @cached_property
    def _rows(self) -> list[Row]:
        info = self.dwarf
        try:
            rows: list[Row] = []
            for unit in info.iter_CUs() if info else ():
                program = info.line_program_for_CU(unit)
                if program is not None:
                    rows += _unit_rows(program, unit)
                if len(rows) > _MAX_ROWS:
                    break
        except Exception:  # there are no lines then
            return []
        low, high = self._image.base, self._image.base + self._image.size
        bias = self._program.debug_bias(self._image.base)
        return sorted(row for row in rows if low <= row.start + bias < high)


def _unit_rows(program: Any, unit: Any) -> list[Row]:
    files = _file_names(program.header, unit)
    rows: list[Row] = []
    previous: Any = None
    begins = False  # whether one of the entries of `previous`'s line and address begins a statement
    for entry in program.get_entries():
        state = entry.state
        if state is None:
            continue
        if previous is not None and state.address > previous.address and previous.line:
            rows.append(Row(previous.address, state.address, files.get(previous.file, "?"), previous.line, begins))
        at_statement = previous is not None and state.address == previous.address and begins
        if at_statement and not state.is_stmt and not state.end_sequence:
            continue  # the code belongs to the statement that begins there
        same = previous is not None and (state.address, state.line) == (previous.address, previous.line)
        begins = bool(state.is_stmt) or same and begins
        previous = None if state.end_sequence else state
    return rows


def _file_names(header: Any, unit: Any) -> dict[int, str]:
    """File number -> path. Numbers and directories count from 1 up to DWARF 4, from 0 in DWARF 5."""
    top = unit.get_top_DIE().attributes
    directory = _text(top["DW_AT_comp_dir"].value) if "DW_AT_comp_dir" in top else ""
    version5 = header["version"] >= 5
    directories = [_text(entry) for entry in header.include_directory]
    if not version5:
        directories.insert(0, directory)
    names = {}
    for number, entry in enumerate(header.file_entry, 0 if version5 else 1):
        name = _text(entry.name)
        index = entry.dir_index
        folder = directories[index] if 0 <= index < len(directories) else ""
        # As the compiler was given it: the folder it ran in says nothing.
        path = name if name.startswith("/") or folder in ("", directory) else f"{folder}/{name}"
        names[number] = posixpath.normpath(path)
    return names


def _text(value: Any) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
