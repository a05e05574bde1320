"""The firmware's map of physical memory, as INT 15h AX=E820h reports it and boot logs print it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from enum import IntEnum
from typing import NamedTuple

from hw.errors import MapError

PAGE_SIZE = 4096
PAGE_MASK = PAGE_SIZE - 1
FOUR_GB = 1 << 32

#: From here to 4 GB a PC has devices, not RAM; the RAM that would lie there appears above 4 GB.
PCI_HOLE_START = 0xE000_0000
LOWEST_RAM = 16 << 20
HIGHEST_RAM = 64 << 30
#: 36 address lines: the most that a PAE machine of the time reaches.
PHYSICAL_LIMIT = 1 << 36

#: The frame buffer of a VGA card: its text mode begins at 0xB8000.
VIDEO_MEMORY = (0xA_0000, 0xC_0000)

_LEGACY_HOLE = (0xA_0000, 0x10_0000)


class E820Type(IntEnum):
    """Types of a range (ACPI specification, INT 15h E820h). Other numbers occur: they count as reserved."""

    RAM = 1
    RESERVED = 2
    ACPI = 3
    NVS = 4


class E820Entry(NamedTuple):
    """One range of physical addresses: ``start`` inclusive, ``end`` exclusive, in bytes."""

    start: int
    end: int
    type: int


_WORDS = {"usable": 1, "reserved": 2, "ACPI data": 3, "ACPI NVS": 4, "unusable": 5}
_PRINTED = {1: "(usable)", 2: "(reserved)", 3: "(ACPI data)", 4: "(ACPI NVS)"}

# ` BIOS-e820: 0000000000000000 - 000000000009fc00 (usable)`: the end is exclusive.
_OLD = re.compile(r"\b(?:BIOS-\w+|Xen): ([0-9a-f]{8,16}) - ([0-9a-f]{8,16}) (?:\(([A-Za-z ]+)\)|type (\d+))")
# `BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable` (3.5 and later): the end is inclusive.
_NEW = re.compile(
    r"\b(?:BIOS-\w+|Xen): \[mem 0x([0-9a-f]{8,16})-0x([0-9a-f]{8,16})\] ([A-Za-z ]+[A-Za-z])?"
    r"(?:[ (]*type (\d+))?"
)


class E820Map:
    """An ordered memory map without overlaps. Immutable by convention.

    Building one sanitises: sorted, overlaps resolved, neighbours of one type merged.
    """

    def __init__(self, entries: Iterable[E820Entry]) -> None:
        """Sanitise ``entries`` as 2.6.20 does; raises MapError when no RAM below 64 GB is left."""
        self.entries: tuple[E820Entry, ...] = tuple(_sanitize(entries))
        if not self.ram_ranges():
            raise MapError("the memory map has no usable RAM")

    @property
    def end_of_ram(self) -> int:
        """Where the highest RAM ends that the map names, even above the 64 GB that a CPU reaches."""
        return max(e.end for e in self.entries if e.type == E820Type.RAM)

    @classmethod
    def pc(cls, ram_bytes: int) -> E820Map:
        """The map of a PC with ``ram_bytes`` of RAM: 16 MB to 64 GB in whole 4 KB pages, else MapError.

        What the hole below 4 GB pushes beyond 64 GB is in the map, and out of reach.
        """
        if not LOWEST_RAM <= ram_bytes <= HIGHEST_RAM or ram_bytes & PAGE_MASK:
            raise MapError(f"a PC has 16 MB to 64 GB of RAM in whole 4 KB pages, not {ram_bytes} bytes")
        low_end = min(ram_bytes, PCI_HOLE_START)
        entries = [
            E820Entry(0, 0x9FC00, E820Type.RAM),
            E820Entry(0x9FC00, 0xA0000, E820Type.RESERVED),
            E820Entry(0xF0000, 0x100000, E820Type.RESERVED),
            E820Entry(0x100000, low_end, E820Type.RAM),
            E820Entry(0xFFFC_0000, FOUR_GB, E820Type.RESERVED),
        ]
        if ram_bytes > low_end:
            entries.append(E820Entry(FOUR_GB, FOUR_GB + ram_bytes - low_end, E820Type.RAM))
        return cls(entries)

    @classmethod
    def parse(cls, text: str) -> E820Map:
        """Read the map out of a boot log; lines that are no part of it are ignored.

        Understood are the lines of print_memory_map (arch/i386/kernel/setup.c, 2.6.20), of kernels from
        3.5 on, and both with time stamps in front. Raises MapError when there are none, or one runs
        backwards.
        """
        entries = []
        for number, line in enumerate(text.splitlines(), 1):
            last = 0
            match = _OLD.search(line)
            if match is None:
                last = 1
                match = _NEW.search(line)
                if match is None:
                    continue
            start, end = int(match[1], 16), int(match[2], 16) + last
            if end < start:
                raise MapError(f"line {number} of the memory map ends before it starts: {line.strip()}")
            kind = int(match[4]) if match[4] else _WORDS.get((match[3] or "").strip(), int(E820Type.RESERVED))
            entries.append(E820Entry(start, end, kind))
        if not entries:
            raise MapError("no memory map found: a boot log has it in lines that start with 'BIOS-e820:'")
        return cls(entries)

    def lines(self, who: str = "BIOS-e820") -> list[str]:
        """The map in the words of a 2.6.20 boot log, without line ends."""
        return [
            f" {who}: {e.start:016x} - {e.end:016x} {_PRINTED.get(e.type) or f'type {e.type}'}"
            for e in self.entries
        ]

    def ram_ranges(self) -> list[tuple[int, int]]:
        """Usable RAM below 64 GB as [start, end) pairs of whole pages, ascending; none of a page that is partly RAM."""
        ranges = ((e.start + PAGE_MASK & ~PAGE_MASK, min(e.end, PHYSICAL_LIMIT) & ~PAGE_MASK)
                  for e in self.entries if e.type == E820Type.RAM)
        return _merge((start, end) for start, end in ranges if start < end)

    def backed_ranges(self) -> list[tuple[int, int]]:
        """Where memory chips answer below 64 GB, as [start, end) pairs of pages.

        Besides usable RAM: the video memory at 640 KB, ACPI tables and NVS, and the rest of a page that is
        partly RAM (the EBDA).
        """
        kinds = (E820Type.RAM, E820Type.ACPI, E820Type.NVS)
        ranges = [(e.start & ~PAGE_MASK, min(e.end + PAGE_MASK & ~PAGE_MASK, PHYSICAL_LIMIT))
                  for e in self.entries if e.type in kinds and e.start < PHYSICAL_LIMIT]
        return _merge([VIDEO_MEMORY, *ranges])

    def clip(self, mem_bytes: int) -> E820Map:
        """The map that `mem=` leaves: RAM above the physical address ``mem_bytes`` is gone.

        As limit_regions does (arch/i386/kernel/setup.c), whatever follows the first range cut is dropped
        too, reserved or not. Raises MapError when no RAM is left.
        """
        kept: list[E820Entry] = []
        for entry in self.entries:
            if entry.type == E820Type.RAM and entry.end >= mem_bytes:
                if entry.start < mem_bytes:
                    kept.append(entry._replace(end=mem_bytes))
                break
            kept.append(entry)
        try:
            return E820Map(kept)
        except MapError:
            raise MapError(f"no usable RAM lies below {mem_bytes:#x}, where mem= ends it") from None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, E820Map) and self.entries == other.entries

    def __hash__(self) -> int:
        return hash(self.entries)

    def __repr__(self) -> str:
        return f"E820Map({list(self.entries)!r})"


def _merge(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def _without_legacy_hole(entries: Iterable[E820Entry]) -> list[E820Entry]:
    """RAM claimed between 640 KB and 1 MB is not believed (copy_e820_map, arch/i386/kernel/setup.c)."""
    low, high = _LEGACY_HOLE
    result = []
    for entry in entries:
        if entry.type == E820Type.RAM and entry.start < high and entry.end > low:
            result.append(entry._replace(end=low))
            result.append(entry._replace(start=high))
        else:
            result.append(entry)
    return [entry for entry in result if entry.start < entry.end]


def _sanitize(raw: Iterable[E820Entry]) -> list[E820Entry]:
    """Resolve overlaps: the higher type wins; neighbours of one type merge (sanitize_e820_map, 2.6.20)."""
    entries = _without_legacy_hole(raw)
    points = sorted({e.start for e in entries} | {e.end for e in entries})
    result: list[E820Entry] = []
    for start, end in itertools.pairwise(points):
        kind = max((e.type for e in entries if e.start <= start and e.end >= end), default=0)
        if not kind:
            continue
        if result and result[-1].end == start and result[-1].type == kind:
            result[-1] = result[-1]._replace(end=end)
        else:
            result.append(E820Entry(start, end, kind))
    return result
