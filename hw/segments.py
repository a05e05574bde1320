"""Descriptors, gates and task-state segments, decoded from their bytes (SDM vol. 3, 3.4.5, 5.8.3, 6.11, 7.2).

Pure functions: tables are read through a function that gives bytes at a linear address.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hw.errors import HighmemError

#: Gives ``size`` bytes at a linear address; what it raises (a HighmemError) ends a table.
Read = Callable[[int, int], bytes]

PRESENT = 1 << 15
AVAILABLE_TSS16, LDT_TYPE, BUSY_TSS16, CALL_GATE16, TASK_GATE, INTERRUPT_GATE16, TRAP_GATE16 = range(1, 8)
AVAILABLE_TSS32, BUSY_TSS32, CALL_GATE32, INTERRUPT_GATE32, TRAP_GATE32 = 9, 11, 12, 14, 15

_SYSTEM = {1: "TSS16-avl", 2: "LDT", 3: "TSS16-busy", 4: "CallGate16", 5: "TaskGate", 6: "IntGate16", 7: "TrapGate16",
           9: "TSS32-avl", 11: "TSS32-busy", 12: "CallGate32", 14: "IntGate32", 15: "TrapGate32"}
_GATES = frozenset((CALL_GATE16, TASK_GATE, INTERRUPT_GATE16, TRAP_GATE16, CALL_GATE32, INTERRUPT_GATE32, TRAP_GATE32))

CR0_BITS = ((31, "PG"), (30, "CD"), (29, "NW"), (18, "AM"), (16, "WP"), (5, "NE"), (4, "ET"), (3, "TS"), (2, "EM"),
            (1, "MP"), (0, "PE"))
CR4_BITS = ((21, "SMAP"), (20, "SMEP"), (18, "OSXSAVE"), (17, "PCIDE"), (16, "FSGSBASE"), (14, "SMXE"), (13, "VMXE"),
            (11, "UMIP"), (10, "OSXMMEXCPT"), (9, "OSFXSR"), (8, "PCE"), (7, "PGE"), (6, "MCE"), (5, "PAE"), (4, "PSE"),
            (3, "DE"), (2, "TSD"), (1, "PVI"), (0, "VME"))
EFLAGS_BITS = ((21, "ID"), (20, "VIP"), (19, "VIF"), (18, "AC"), (17, "VM"), (16, "RF"), (14, "NT"), (11, "OF"),
               (10, "DF"), (9, "IF"), (8, "TF"), (7, "SF"), (6, "ZF"), (4, "AF"), (2, "PF"), (0, "CF"))


def bit_names(value: int, names: tuple[tuple[int, str], ...]) -> list[str]:
    """The names of the bits that are set, highest first."""
    return [name for bit, name in names if value >> bit & 1]


def segment_base(low: int, high: int) -> int:
    """The base of a descriptor's two words."""
    return low >> 16 | (high & 0xFF) << 16 | high & 0xFF00_0000


def segment_limit(low: int, high: int) -> int:
    """The last offset of a descriptor's two words, G counted."""
    limit = low & 0xFFFF | high & 0xF_0000
    return limit << 12 | 0xFFF if high & 1 << 23 else limit


@dataclass(frozen=True, slots=True)
class Descriptor:
    """One entry of a descriptor table. ``offset`` and ``selector`` are a gate's, ``base`` and ``limit`` another's."""

    number: int
    kind: str
    present: bool
    dpl: int
    base: int = 0
    limit: int = 0
    selector: int = 0
    offset: int = 0
    #: D/B: 32-bit code, a 32-bit stack, or an expand-down limit of 4 GB
    big: bool = False


def decode(number: int, low: int, high: int) -> Descriptor:
    """The descriptor of two words."""
    kind = high >> 8 & 0xF
    present, dpl = bool(high & PRESENT), high >> 13 & 3
    if high & 1 << 12:
        return Descriptor(number, _segment_kind(kind), present, dpl, segment_base(low, high), segment_limit(low, high),
                          big=bool(high & 1 << 22))
    name = _SYSTEM.get(kind, "Reserved")
    if kind in _GATES:
        offset = low & 0xFFFF | (high & 0xFFFF_0000 if kind & 8 else 0)
        return Descriptor(number, name, present, dpl, selector=low >> 16, offset=0 if kind == TASK_GATE else offset)
    return Descriptor(number, name, present, dpl, segment_base(low, high), segment_limit(low, high))


def _segment_kind(kind: int) -> str:
    if kind & 8:
        return "Code " + ("conforming " if kind & 4 else "") + ("read/exec" if kind & 2 else "exec-only")
    return "Data " + ("expand-down " if kind & 4 else "") + ("read/write" if kind & 2 else "read-only")


def table(read: Read, base: int, limit: int, size: int = 8) -> Iterator[Descriptor]:
    """The entries of a table that are not all zero, up to the first that cannot be read."""
    for index in range((limit + 1) // size):
        try:
            low, high = struct.unpack("<II", read(base + size * index & 0xFFFF_FFFF, 8))
        except HighmemError:
            return
        if low or high:
            yield decode(index, low, high)


_TSS32 = ("link", "esp0", "ss0", "esp1", "ss1", "esp2", "ss2", "cr3", "eip", "eflags", "eax", "ecx", "edx", "ebx",
          "esp", "ebp", "esi", "edi", "es", "cs", "ss", "ds", "fs", "gs", "ldt", "trap_iomap")
_TSS16 = ("link", "esp0", "ss0", "esp1", "ss1", "esp2", "ss2", "eip", "eflags", "eax", "ecx", "edx", "ebx", "esp",
          "ebp", "esi", "edi", "es", "cs", "ss", "ds", "ldt")
_SELECTORS = frozenset(("link", "ss0", "ss1", "ss2", "es", "cs", "ss", "ds", "fs", "gs", "ldt"))


def tss(read: Read, base: int, wide: bool) -> dict[str, int]:
    """The fields of a 32-bit (``wide``) or 16-bit TSS by name; HighmemError where it cannot be read."""
    if wide:
        values = dict(zip(_TSS32, struct.unpack("<26I", read(base, 104))))
        both = values.pop("trap_iomap")
        values |= {"trap": both & 1, "iomap": both >> 16}
    else:
        values = dict(zip(_TSS16, struct.unpack("<22H", read(base, 44))))
    return {name: value & 0xFFFF if name in _SELECTORS else value for name, value in values.items()}
