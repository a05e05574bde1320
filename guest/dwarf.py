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
from typing import Any, NamedTuple

from guest.elf import Image, Program

_MAX_ROWS = 1 << 20


class _Row(NamedTuple):
    start: int
    end: int
    file: str
    line: int


class DebugInfo:
    """Names and lines for the addresses of one placed program. Nothing is parsed before it is asked for."""

    def __init__(self, program: Program, image: Image) -> None:
        self._program = program
        self._image = image

    def symbol(self, va: int) -> tuple[str, int, int] | None:
        """The function or variable at a virtual address: (name, offset into it, its size), or None."""
        return self._image.symbol(va)

    def line(self, va: int) -> tuple[str, int] | None:
        """Source file (as the compiler was given it) and line of the code at a virtual address, or None."""
        rows = self._rows
        address = va - self._program.debug_bias(self._image.base)
        at = bisect_right(rows, address, key=lambda row: row.start) - 1
        if at < 0 or address >= rows[at].end:
            return None
        return rows[at].file, rows[at].line

    @cached_property
    def _rows(self) -> list[_Row]:
        from elftools.elf.elffile import ELFFile  # 50 ms that most runs never need

        try:
            data = self._program.relocated_debug(self._image.base)
            info = ELFFile(io.BytesIO(data)).get_dwarf_info(relocate_dwarf_sections=False)
            rows: list[_Row] = []
            for unit in info.iter_CUs():
                program = info.line_program_for_CU(unit)
                if program is not None:
                    rows += _unit_rows(program, unit)
                if len(rows) > _MAX_ROWS:
                    break
        except Exception:  # whatever a foreign parser makes of foreign bytes: there are no lines then
            return []
        low, high = self._image.base, self._image.base + self._image.size
        bias = self._program.debug_bias(self._image.base)
        return sorted(row for row in rows if low <= row.start + bias < high)


def _unit_rows(program: Any, unit: Any) -> list[_Row]:
    files = _file_names(program.header, unit)
    rows: list[_Row] = []
    previous: Any = None
    for entry in program.get_entries():
        state = entry.state
        if state is None:
            continue
        if previous is not None and state.address > previous.address and previous.line:
            rows.append(_Row(previous.address, state.address, files.get(previous.file, "?"), previous.line))
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
