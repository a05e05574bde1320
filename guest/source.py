"""The program's source as its DWARF tells it: lines and their addresses, bodies and parameters of functions."""

from __future__ import annotations

import posixpath
import re
from typing import Any, NamedTuple

from guest.calls import TABLE
from guest.dwarf import DebugInfo, Row
from guest.symbols import Symbols

_WORD = 4
_MOST_ROWS = 1 << 16
_CALLS = {call.address: call for call in TABLE}


class Parameter(NamedTuple):
    """A parameter of a function. slot: its offset in bytes from the first argument on the stack; size in bytes."""

    name: str
    slot: int
    size: int


class Source:
    """Lines and functions of the loaded programs."""

    def __init__(self, symbols: Symbols) -> None:
        self._symbols = symbols
        self._rows: dict[int, Row | None] = {}  # of addresses that were asked for, while the programs are these
        self._programs = 0

    def row(self, va: int) -> Row | None:
        """The piece of the line table that the code at an address is in."""
        debugs = self._symbols.debug()
        if len(debugs) != self._programs or len(self._rows) > _MOST_ROWS:
            self._rows, self._programs = {}, len(debugs)
        if va not in self._rows:
            self._rows[va] = next((row for debug in debugs if (row := debug.row(va))), None)
        return self._rows[va]

    def function(self, va: int) -> tuple[str, int, int] | None:
        """(name, first address, size) of the function that an address is in."""
        found = self._symbols.symbol(va)
        return (found[0], va - found[1], found[2]) if found else None

    def files(self) -> list[str]:
        """The source files that have code."""
        return sorted({row.file for debug in self._symbols.debug() for row in debug.rows()})

    def addresses(self, file: str, line: int) -> tuple[int, list[int]]:
        """Where the code of a line begins, once for every function that it is in; and that line.

        file: a path, or the last part of one ("tour.c"); "" for the newest program's main file. Of a line without code
        the next one that has some is taken. No addresses: there is none, or no such file.
        """
        rows = [row for debug in self._symbols.debug() for row in debug.rows() if row.statement and _is(row.file, file)]
        lines = [row.line for row in rows if row.line >= line]
        if not lines:
            return line, []
        line = min(lines)
        first: dict[int, int] = {}
        for row in rows:
            if row.line == line:
                function = self.function(row.start)
                start = function[1] if function else row.start
                first[start] = min(row.start, first.get(start, row.start))
        return line, sorted(first.values())

    def body(self, start: int) -> int:
        """Where the body of the function at `start` begins: behind what sets up its frame, as gdb finds it."""
        function, row = self.function(start), self.row(start)
        if function is None or row is None:
            return start
        following = self.row(row.end)
        while following is not None and following.start < start + function[2]:
            if following.statement:
                return following.start
            following = self.row(following.end)
        return start

    def parameters(self, start: int) -> list[Parameter]:
        """The parameters of the function that begins at an address, as cdecl passes them; [] where nobody tells."""
        if call := _CALLS.get(start):
            return [Parameter(name, n * _WORD, _WORD) for n, name in enumerate(_prototype(call.prototype))]
        for debug in self._symbols.debug():
            if debug.symbol(start):
                try:
                    return _parameters(debug, start)
                except Exception:  # whatever a foreign parser makes of foreign bytes
                    return []
        return []


def _is(path: str, wanted: str) -> bool:
    return not wanted or path == posixpath.normpath(wanted) or path.endswith(f"/{wanted}")


def _prototype(text: str) -> list[str]:
    """The names of the parameters in a C prototype."""
    inner = re.sub(r"\(\*(\w+)\)\s*\([^()]*\)", r"\1", text[text.index("(") + 1 : text.rindex(")")])
    parts = [part.strip() for part in inner.split(",")]
    return [match[0] for part in parts if part != "void" and (match := re.search(r"\w+(?=(\[.*\])?$)", part))]


def _parameters(debug: DebugInfo, start: int) -> list[Parameter]:
    info = debug.dwarf
    low = start - debug.bias
    for unit in info.iter_CUs() if info else ():
        for die in unit.iter_DIEs():
            if die.tag != "DW_TAG_subprogram" or "DW_AT_low_pc" not in die.attributes:
                continue
            if die.attributes["DW_AT_low_pc"].value != low:
                continue
            result: list[Parameter] = []
            slot = 0
            for child in die.iter_children():
                if child.tag == "DW_TAG_formal_parameter":
                    name, size = attribute(child, "DW_AT_name"), _size(child)
                    result.append(Parameter(name.value.decode() if name else f"arg{len(result) + 1}", slot, size))
                    slot += -(-size // _WORD) * _WORD
            return result
    return []


def attribute(die: Any, name: str) -> Any:
    """An attribute of a DIE of pyelftools, the abstract instance's where it has none of its own; None without one."""
    if name in die.attributes:
        return die.attributes[name]
    for link in ("DW_AT_abstract_origin", "DW_AT_specification"):
        if link in die.attributes:
            return attribute(die.get_DIE_from_attribute(link), name)
    return None


def _size(die: Any) -> int:
    for _ in range(32):
        if size := die.attributes.get("DW_AT_byte_size"):
            return int(size.value)
        if die.tag == "DW_TAG_pointer_type":
            return _WORD
        link = next((name for name in ("DW_AT_type", "DW_AT_abstract_origin") if name in die.attributes), None)
        if link is None:
            return _WORD
        die = die.get_DIE_from_attribute(link)
    return _WORD
