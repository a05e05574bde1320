"""Would an access work now? The rules of the CPU, asked without an access: segment, then page tables.

Nothing changes by it: no A or D bit, no TLB. What a TLB still holds does not count (`hw.tlb` says what is stale).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from hw.cpu import CPU, MSR_EFER
from hw.errors import PhysicalError
from hw.fault import Entry, ErrorBit, deciding, entries, error_bits
from hw.paging import CR0_PE, EFLAGS_AC, Access, Walk, walk
from hw.segments import Descriptor, decode

_PAGE_FAULT = 14
_VM86 = 1 << 17


@dataclass(frozen=True, slots=True)
class SegmentRule:
    """What the segment of an access has to say. register: "cs" or "ds". last: the offset that `limit` allows last.

    reason: why the segment refuses, "" where it does not.
    """

    register: str
    selector: int
    base: int
    limit: int
    offset: int
    reason: str


@dataclass(frozen=True, slots=True)
class Permission:
    """The answer. works: whether the CPU would do it. reason: the rule that says so.

    level, bit: of the page-table entry that settled it, "" where none did. walk: the entries met. physical: where the
    access would go; is_ram: whether memory answers there. rights: of the page, "r", "w", "x" and "u" for ring 3, of all
    levels together, "" where nothing is mapped. error_code, bits: of the page fault that would come, None
    without one. segment: None where no segment of that ring is loaded, or without protected mode.
    """

    linear: int
    access: str
    user: bool
    cr3: int
    works: bool
    reason: str
    level: str
    bit: str
    walk: list[Entry]
    physical: int | None
    is_ram: bool
    page_size: int
    rights: str
    error_code: int | None
    bits: list[ErrorBit]
    segment: SegmentRule | None


def permission(cpu: CPU, linear: int, access: Access, user: bool, cr3: int | None = None) -> Permission:
    """Ask the CPU's rules. user: from ring 3, else from ring 0. cr3: another page directory than the CPU's."""
    cr3 = cpu["cr3"] if cr3 is None else cr3
    verdict = _walk(cpu, cr3, linear, access, user)
    segment = _segment(cpu, linear, access, user)
    refused = segment.reason if segment else ""
    level, bit = deciding(verdict)
    code = None if refused else verdict.error_code
    return Permission(
        linear, str(access), user, cr3, not refused and verdict.pa is not None, refused or verdict.reason,
        "" if refused else level, "" if refused else bit, entries(verdict), verdict.pa,
        verdict.pa is not None and cpu.ram.has(verdict.pa, 1), verdict.page_size, _rights(verdict), code,
        error_bits(_PAGE_FAULT, code) if code is not None else [], segment,
    )  # fmt: skip


def _walk(cpu: CPU, cr3: int, linear: int, access: Access, user: bool) -> Walk:
    return walk(
        cpu.ram.words, cr3, linear, cr0=cpu["cr0"], cr4=cpu["cr4"], access=access, user=user,
        efer=cpu.read_msr(MSR_EFER), ac=bool(cpu["eflags"] & EFLAGS_AC),
    )  # fmt: skip


def _rights(verdict: Walk) -> str:
    letters = (("r", True), ("w", verdict.writable), ("x", verdict.executable), ("u", verdict.user))
    return "".join(letter for letter, has in letters if has) if verdict.page_size else ""


def _segment(cpu: CPU, linear: int, access: Access, user: bool) -> SegmentRule | None:
    """The rule of CS for a fetch and of DS for data, as the descriptor in the table has it."""
    if not cpu["cr0"] & CR0_PE or cpu["eflags"] & _VM86 or (cpu["cs"] & 3 == 3) is not user:
        return None
    register = "cs" if access is Access.FETCH else "ds"
    selector = cpu[register]
    found = _descriptor(cpu, selector)
    if found is None:
        reason = f"{register.upper()} is {selector:#06x}: no segment, #GP" if not selector & ~3 else ""
        return SegmentRule(register, selector, 0, 0, linear, reason) if reason else None
    offset = linear - found.base & 0xFFFF_FFFF
    name = f"{register.upper()} {selector:#06x}"
    reason = ""
    if "expand-down" in found.kind:
        if not found.limit < offset <= (0xFFFF_FFFF if found.big else 0xFFFF):
            reason = f"{name} grows down to offset {found.limit + 1:x}: #GP"
    elif offset > found.limit:
        reason = f"{name} ends at offset {found.limit:x}: #GP"
    elif access is Access.WRITE and found.kind.endswith(("read-only", "exec-only", "read/exec")):
        reason = f"{name} is a segment that may not be written: #GP"
    return SegmentRule(register, selector, found.base, found.limit, offset, reason)


def _descriptor(cpu: CPU, selector: int) -> Descriptor | None:
    """The descriptor of a selector, None for a null one and where none can be read."""
    values = cpu.registers()
    base, limit = (values[f"{'ldt' if selector & 4 else 'gdt'}r_{what}"] for what in ("base", "limit"))
    if not selector & ~3 or selector | 7 > limit:
        return None
    pa = _walk(cpu, cpu["cr3"], base + (selector & ~7), Access.READ, False).pa
    try:
        low, high = struct.unpack("<II", cpu.ram.read(pa, 8)) if pa is not None else (0, 0)
    except PhysicalError:
        return None
    found = decode(selector >> 3, low, high)
    return found if found.present and found.kind.startswith(("Code", "Data")) else None
