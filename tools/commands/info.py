"""`info mem` and `info registers`, in QEMU's forms."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from hw import paging
from tools.arguments import SPACE_USAGE, space_alone
from tools.errors import CommandError
from tools.registry import Command, Registry
from tools.session import Session

SEGMENTS = ("es", "cs", "ss", "ds", "fs", "gs")
_EFLAGS = (("D", 10), ("O", 11), ("S", 7), ("Z", 6), ("A", 4), ("P", 2), ("C", 0))


@dataclass
class Range:
    """A run of linear addresses with one effective permission; `end` is exclusive. `user`: ring 3 may read it."""

    start: int
    end: int
    user: bool
    writable: bool
    region: str


@dataclass
class Segment:
    """A segment register: the selector, and the descriptor it names in the GDT (zeros for a null selector)."""

    selector: int
    base: int = 0
    limit: int = 0
    flags: int = 0


@dataclass
class Registers:
    """The registers of one CPU. `values` by Intel's names; `segments` with their descriptors."""

    cpu: int
    values: dict[str, int]
    segments: dict[str, Segment] = field(default_factory=dict)


def info_mem(session: Session, cr3: int | None = None) -> list[Range]:
    """Mapped linear addresses, merged where the permission is the same, split where a region begins."""
    cpu = session.cpu
    where = cpu["cr3"] if cr3 is None else cr3
    rows = paging.walk_all(session.kernel.ram, where, cpu["cr0"], cpu["cr4"], session.efer)
    regions = session.regions()
    result: list[Range] = []
    for row in paging.merge_runs(rows, by="permission"):
        start, end = int(row["start"]), int(row["end"])
        user, writable = bool(row["flags"] & paging.US), bool(row["flags"] & paging.RW)
        while start < end:
            region = next((r for r in regions if r.start <= start < r.end), None)
            later = [r.start for r in regions if start < r.start < end]
            stop = min([end, *later, *([region.end] if region else [])])
            result.append(Range(start, stop, user, writable, region.name if region else ""))
            start = stop
    return result


def render_mem(ranges: list[Range]) -> str:
    """QEMU's line `start-end size urw`, and the region's name."""
    return "".join(
        f"{r.start:08x}-{r.end:08x} {r.end - r.start:08x} "
        f"{'u' if r.user else '-'}r{'w' if r.writable else '-'} {r.region}".rstrip() + "\n"
        for r in ranges
    )


def info_registers(session: Session) -> Registers:
    """All registers of the CPU that the session looks through."""
    values = session.cpu.registers()
    segments = {name: _descriptor(session, values, values[name]) for name in SEGMENTS}
    for name in ("ldtr", "tr"):
        segments[name] = Segment(
            values[name], values[f"{name}_base"], values[f"{name}_limit"], values[f"{name}_flags"]
        )
    return Registers(session.cpu_number, values, segments)


def _descriptor(session: Session, registers: dict[str, int], selector: int) -> Segment:
    offset = selector & ~7
    if not offset or selector & 4 or offset + 7 > registers["gdtr_limit"]:
        return Segment(selector)
    try:
        entry = session.read(registers["gdtr_base"] + offset, 8)
    except CommandError:
        return Segment(selector)
    low, high = struct.unpack("<II", entry)
    base = low >> 16 | (high & 0xFF) << 16 | high & 0xFF000000
    limit = low & 0xFFFF | high & 0xF0000
    return Segment(selector, base, limit << 12 | 0xFFF if high & 1 << 23 else limit, high & 0x00FFFF00)


def render_registers(result: Registers) -> str:
    """QEMU's lines for a 32-bit CPU, as far as this machine has what they show."""
    v, s = result.values, result.segments
    lines = [
        " ".join(f"{name.upper()}={v[name]:08x}" for name in names)
        for names in (("eax", "ebx", "ecx", "edx"), ("esi", "edi", "ebp", "esp"))
    ]
    flags = "".join(letter if v["eflags"] >> bit & 1 else "-" for letter, bit in _EFLAGS)
    lines.append(f"EIP={v['eip']:08x} EFL={v['eflags']:08x} [{flags}] CPL={v['cs'] & 3}")
    for name in (*SEGMENTS, "ldtr", "tr"):
        segment = s[name]
        shown = "LDT" if name == "ldtr" else name.upper()
        lines.append(f"{shown:<3}={segment.selector:04x} {segment.base:08x} {segment.limit:08x} {segment.flags:08x}")
    for name in ("gdt", "idt"):
        lines.append(f"{name.upper()}=     {v[name + 'r_base']:08x} {v[name + 'r_limit']:08x}")
    for names in (("cr0", "cr2", "cr3", "cr4"), ("dr0", "dr1", "dr2", "dr3"), ("dr6", "dr7")):
        lines.append(" ".join(f"{name.upper()}={v[name]:08x}" for name in names))
    lines.append(f"EFER={v['efer']:016x}")
    return "\n".join(lines) + "\n"


def register(registry: Registry) -> None:
    """Add the commands of this module."""
    registry.add(Command(
        name="info mem", arguments=SPACE_USAGE, parse=space_alone, example="info mem",
        summary="mapped ranges with their permission and region",
        details="START-END SIZE urw REGION: u where ring 3 may use it, w where writing is allowed.",
        compute=info_mem, text=render_mem,
    ))  # fmt: skip
    registry.add(Command(
        name="info registers", summary="the CPU's registers", example="info registers",
        compute=info_registers, text=render_registers,
    ))  # fmt: skip
