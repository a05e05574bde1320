"""An exception explained by what the CPU knows: the instruction, the access, the walk, the bit that decided.

hw.fault_reader makes the records. Error codes: SDM vol. 3, 4.7 (#PF) and 6.13 (the others).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from hw.frame import PF_FETCH, PF_PRESENT, PF_RESERVED, PF_USER, PF_WRITE
from hw.paging import Level, P, Walk

PAGE_FAULT = 14
_DEBUG = 1
GENERAL = ("eax", "ebx", "ecx", "edx", "esi", "edi", "ebp", "esp")
_WITH_SELECTOR = frozenset((10, 11, 12, 13))
PUSH_A_CODE = _WITH_SELECTOR | {8, PAGE_FAULT, 17}
_EXCEPTIONS = {
    0: "divide error", 1: "debug", 2: "non-maskable interrupt", 3: "breakpoint", 4: "overflow",
    5: "bound range exceeded", 6: "invalid opcode", 7: "device not available", 8: "double fault", 10: "invalid TSS",
    11: "segment not present", 12: "stack segment fault", 13: "general protection fault", 14: "page fault",
    16: "x87 floating-point error", 17: "alignment check", 18: "machine check", 19: "SIMD floating-point error",
}  # fmt: skip
_FLAG_BITS = (
    (PF_PRESENT, "P", "the page is not present", "the page is present: a right is missing"),
    (PF_WRITE, "W", "no write", "a write"),
    (PF_USER, "U", "a supervisor's access", "a user's access"),
    (PF_RESERVED, "RSVD", "", "an entry has a reserved bit"),
    (PF_FETCH, "I", "", "a fetch"),
)
_DECIDING = re.compile(r"\w+(?:\.(\w+)=| (bit \d+) )")


@dataclass(frozen=True, slots=True)
class ErrorBit:
    """A bit, or a field, of an error code: its name in the manual, its value, and what that says."""

    name: str
    value: int
    words: str


@dataclass(frozen=True, slots=True)
class Term:
    """A register's part in an address: `value` is the register's own, before it is multiplied by `scale`."""

    register: str
    scale: int
    value: int


@dataclass(frozen=True, slots=True)
class Operand:
    """The operand of an instruction that an address came from.

    text: "[eax + edx*4]"; implicit: the instruction does not name it, as the stack of a PUSH. base: of the segment.
    linear: where it begins; size: in bytes. It `reads` and `writes`, both when it changes what is there.
    """

    text: str
    implicit: bool
    segment: str
    base: int
    terms: list[Term]
    displacement: int
    linear: int
    size: int
    reads: bool
    writes: bool


@dataclass(frozen=True, slots=True)
class MemoryAccess:
    """What a page fault's instruction did: address is the first byte that could not be reached (CR2).

    kind: "read", "write" or "fetch". size: of the whole access in bytes, 0 where it is not known; start: where that
    begins, below `address` where it crosses from a good page into a bad one. by: what accessed memory where no operand
    did ("GDT": the CPU itself read a descriptor).
    """

    kind: str
    address: int
    start: int
    size: int
    operand: Operand | None
    by: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A page-table entry that a walk has met: `address` is physical, flags are the names of its bits."""

    level: str
    address: int
    value: int
    flags: list[str]

    def words(self) -> str:
        """'PTE at 0x1c0a018: 00000000 not present'."""
        width = 16 if self.value >> 32 or self.level == "PDPTE" else 8
        flags = "|".join(self.flags) if self.value & P else "not present"
        return f"{self.level:<5} at {self.address:08x}: {self.value:0{width}x} {flags}"


@dataclass(frozen=True, slots=True)
class FaultRecord:
    """An exception as the CPU saw it.

    error_code, cr2: None where the vector has none. eip is the instruction's offset in CS, pc its linear address.
    code, instruction: its bytes as far as they can be read, and in Intel's syntax ("" where they cannot).
    walk: the entries met, at the moment of the fault; level and bit: which of them decided (None, "" where none did),
    reason: the rule in words. expected: the walker's error code, None where the tables allow the access. by_host: host
    code met it that stands in for code of the machine; the instruction is the one that led there.
    """

    vector: int
    name: str
    error_code: int | None
    bits: list[ErrorBit]
    cr2: int | None
    is_int: bool
    cpl: int
    cs: int
    eip: int
    pc: int
    ss: int
    esp: int
    registers: dict[str, int]
    control: dict[str, int]
    code: bytes
    instruction: str
    access: MemoryAccess | None
    walk: list[Entry]
    level: str
    bit: str
    reason: str
    expected: int | None
    by_host: bool

    @property
    def privilege(self) -> str:
        """"user" for ring 3, "kernel" for the others."""
        return "user" if self.cpl == 3 else "kernel"

    @property
    def exception(self) -> str:
        """The vector in words: "page fault"."""
        return _EXCEPTIONS.get(self.vector, f"vector {self.vector}")

    def line(self, number: int) -> str:
        """QEMU's line of `-d int`."""
        last = f"EAX={self.registers['eax']:08x}" if self.cr2 is None else f"CR2={self.cr2:08x}"
        return (
            f"{number:6d}: v={self.vector:02x} e={self.error_code or 0:04x} i={int(self.is_int)} cpl={self.cpl} "
            f"IP={self.cs:04x}:{self.eip:08x} pc={self.pc:08x} SP={self.ss:04x}:{self.esp:08x} {last}"
        )

    def words(self) -> str:
        """'write of 4 bytes at f8806000 through [eax + edx*4]: PTE.P=0', 'divide error by div ecx'."""
        if self.access is not None:
            return f"{access_words(self.access)}: {self.reason}"
        by = f" by {self.instruction}" if self.instruction and not self.is_int and self.vector != _DEBUG else ""
        selector = next((bit.words for bit in self.bits if bit.name == "index"), "")
        return self.exception + by + (f": {selector}" if selector else "")

    def lines(self) -> Iterator[str]:
        """The whole record in words, a line each."""
        if self.by_host:
            yield f"instruction  the host's code, reached at {self.pc:08x}"
        elif self.instruction:
            what = "next" if self.is_int or self.vector == _DEBUG else "instruction"
            yield f"{what:<12} {self.pc:08x}: {self.instruction}   ({self.code.hex(' ')})"
        else:
            yield f"instruction  {self.pc:08x}: cannot be fetched"
        yield from self._access_lines()
        if self.error_code is not None:
            bits = (f"{bit.name}={bit.value:x}" + (f" ({bit.words})" if bit.words else "") for bit in self.bits)
            yield f"error code   {self.error_code:04x}: {', '.join(bits)}".removesuffix(": ")
        for n, entry in enumerate(self.walk):
            decides = f"   <- {self.bit} decides" if entry.level == self.level and self.bit else ""
            yield f"{'walk' if n == 0 else '':<12} {entry.words()}{decides}"
        if self.access is not None:
            yield f"{'rule':<12} {self.reason}"
            if self.expected != self.error_code:
                said = "no fault" if self.expected is None else f"error code {self.expected:04x}"
                yield f"{'':<12} the page tables give {said} now: the CPU went by what they were"
        for first in (0, 4):
            names = GENERAL[first:first + 4]
            yield f"{'registers' if not first else '':<12} " + " ".join(f"{n}={self.registers[n]:08x}" for n in names)
        segments = " ".join(f"{n}={self.registers[n]:04x}" for n in ("cs", "ss", "ds", "es"))
        yield f"{'':<12} {segments} eflags={self.registers['eflags']:08x}"
        yield f"{'':<12} " + " ".join(f"{name}={value:08x}" for name, value in self.control.items())

    def _access_lines(self) -> Iterator[str]:
        access = self.access
        if access is None:
            return
        yield f"{'access':<12} {access_words(access)}"
        if access.start != access.address:
            yield (f"{'':<12} it begins at {access.start:08x}; its first {access.address - access.start & 0xFFFF_FFFF} "
                   f"bytes are in a page that was reached")  # fmt: skip
        operand = access.operand
        if operand is not None:
            yield f"{'operand':<12} {operand.text} = {operand_words(operand)}"
            if operand.reads and operand.writes:
                yield f"{'':<12} read, changed and written back"


def is_exception(vector: int, error_code: int | None) -> bool:
    """Whether what is delivered is an exception: an interrupt that has such a vector brings no error code."""
    return vector in _EXCEPTIONS and (vector in PUSH_A_CODE) == (error_code is not None)


def access_words(access: MemoryAccess) -> str:
    """'write of 4 bytes at f8806000 through [eax + edx*4]'."""
    size = f" of {access.size} byte{'s' if access.size != 1 else ''}" if access.size and access.kind != "fetch" else ""
    if access.by:
        through = f" by the CPU, in the {access.by}"
    elif access.operand is None:
        through = ""
    else:
        through = f" through {access.operand.text}{', which is implied' if access.operand.implicit else ''}"
    return f"{access.kind}{size} at {access.address:08x}{through}"


def operand_words(operand: Operand) -> str:
    """'eax f8802000 + edx 00001000 * 4 = f8806000'."""
    parts = [f"{operand.segment} base {operand.base:08x}"] if operand.base else []
    parts += [f"{t.register} {t.value:08x}" + (f" * {t.scale}" if t.scale > 1 else "") for t in operand.terms]
    if operand.displacement or not parts:
        parts.append(f"{operand.displacement & 0xFFFF_FFFF:#x}" if not parts else f"{operand.displacement:#x}")
    text = " + ".join(parts).replace("+ -", "- ")
    return text if len(parts) == 1 and not operand.base else f"{text} = {operand.linear:08x}"


def error_bits(vector: int, code: int) -> list[ErrorBit]:
    """What an error code says."""
    if vector == PAGE_FAULT:
        return [ErrorBit(name, int(code & bit != 0), on if code & bit else off) for bit, name, off, on in _FLAG_BITS]
    if vector not in _WITH_SELECTOR or not code:
        return []
    table = "IDT" if code & 2 else "LDT" if code & 4 else "GDT"
    selector = "" if code & 2 else f", {code & 0xFFFC:#x}"
    return [
        ErrorBit("EXT", code & 1, "an event from outside the program" if code & 1 else "the program's own doing"),
        ErrorBit("IDT", code >> 1 & 1, "a gate" if code & 2 else "a segment"),
        ErrorBit("TI", code >> 2 & 1, table),
        ErrorBit("index", code >> 3, f"entry {code >> 3} of the {table}{selector}"),
    ]


def entries(verdict: Walk) -> list[Entry]:
    """The entries that a walk has met, the first level first."""
    return [Entry(level.name, level.address, level.entry, list(level.flags)) for level in verdict.levels]


def deciding(verdict: Walk) -> tuple[str, str]:
    """Level and bit that settled a walk: ("PTE", "P"), ("PDE", "bit 21"), ("", "") where no entry's bit did."""
    level: Level | None = verdict.deciding
    found = _DECIDING.match(verdict.reason) if level is not None else None
    return (level.name, found[1] or found[2]) if level is not None and found else ("", "")


def operand_text(segment: str, terms: list[Term], displacement: int) -> str:
    """An address as an instruction is written: '[eax + edx*4 - 0x8]'."""
    parts = [term.register + (f"*{term.scale}" if term.scale > 1 else "") for term in terms]
    if displacement or not parts:
        parts.append(f"{displacement & 0xFFFF_FFFF:#x}" if not parts else f"{displacement:#x}")
    text = " + ".join(parts).replace("+ -", "- ")
    return f"{segment}:[{text}]" if segment else f"[{text}]"
