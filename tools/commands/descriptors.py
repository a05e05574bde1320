"""`info gdt`, `info ldt`, `info idt`, `info tss`, `info cr`: the tables and registers of protected mode, decoded."""

from __future__ import annotations

from dataclasses import dataclass

from hw.errors import HighmemError
from hw.segments import CR0_BITS, CR4_BITS, EFLAGS_BITS, Descriptor, bit_names, decode, table, tss
from tools.errors import CommandError
from tools.registry import Command, Registry
from tools.session import Session

_EFER_BITS = ((11, "NXE"), (10, "LMA"), (8, "LME"), (0, "SCE"))
_WIDE = 8
_LOCAL = 4  # a selector's TI: the entry is the LDT's


@dataclass
class Table:
    """A descriptor table: where it lies, and its entries that are not zero."""

    name: str
    base: int
    limit: int
    entries: list[Descriptor]


@dataclass
class Task:
    """The present task-state segment; `fields` by their names in the manual, lower case."""

    selector: int
    base: int
    limit: int
    kind: str
    fields: dict[str, int]


@dataclass
class Control:
    """A control register, and the names of its bits that are set, highest first."""

    name: str
    value: int
    bits: list[str]


def _table(session: Session, name: str) -> Table:
    values = session.cpu.registers()
    base, limit = values[f"{name}r_base"], values[f"{name}r_limit"]
    return Table(name.upper(), base, limit, list(table(session.read, base, limit)))


def info_gdt(session: Session) -> Table:
    """The global descriptor table."""
    return _table(session, "gdt")


def info_ldt(session: Session) -> Table:
    """The local descriptor table that LDTR names; CommandError where it names none."""
    values = session.cpu.registers()
    base, limit = values["ldtr_base"], values["ldtr_limit"]
    if not values["ldtr"] & ~3:
        raise CommandError(f"no LDT: LDTR is {values['ldtr']:04x}, a null selector")
    return Table("LDT", base, limit, list(table(session.read, base, limit)))


def info_idt(session: Session) -> Table:
    """The interrupt descriptor table."""
    return _table(session, "idt")


def info_tss(session: Session) -> Task:
    """The task-state segment that TR names; CommandError where it cannot be read."""
    values = session.cpu.registers()
    base, limit, flags = values["tr_base"], values["tr_limit"], values["tr_flags"]
    kind = decode(0, 0, flags).kind
    try:
        return Task(values["tr"], base, limit, kind, tss(session.read, base, bool(flags >> 8 & _WIDE)))
    except HighmemError as error:
        raise CommandError(f"no TSS: {error}") from None


def info_cr(session: Session) -> list[Control]:
    """CR0 to CR4, EFER and EFLAGS, with the names of their bits."""
    values = session.cpu.registers()
    return [
        Control("CR0", values["cr0"], bit_names(values["cr0"], CR0_BITS)),
        Control("CR2", values["cr2"], []),
        Control("CR3", values["cr3"], [name for bit, name in ((4, "PCD"), (3, "PWT")) if values["cr3"] >> bit & 1]),
        Control("CR4", values["cr4"], bit_names(values["cr4"], CR4_BITS)),
        Control("EFER", values["efer"], bit_names(values["efer"], _EFER_BITS)),
        Control("EFLAGS", values["eflags"],
                [f"IOPL={values['eflags'] >> 12 & 3}", *bit_names(values["eflags"], EFLAGS_BITS)]),
    ]  # fmt: skip


def render_table(result: Table) -> str:
    """A line for each entry, after Bochs."""
    lines = [f"{result.name} base={result.base:08x} limit={result.limit:x}"]
    for entry in result.entries:
        selector = {"GDT": entry.number * 8, "LDT": entry.number * 8 + _LOCAL}.get(result.name)
        place = f"{result.name}[{entry.number:02x}]" + ("" if selector is None else f" sel={selector:04x}")
        if entry.kind == "TaskGate":
            what = f"tss={entry.selector:04x}"
        elif "Gate" in entry.kind:
            what = f"{entry.selector:04x}:{entry.offset:08x}"
        else:
            what = f"base={entry.base:08x} limit={entry.limit:08x}"
        width = (" 32-bit" if entry.big else " 16-bit") if entry.kind.startswith(("Code", "Data")) else ""
        present = "" if entry.present else " not present"
        lines.append(f"{place}: {entry.kind}{width} {what} dpl={entry.dpl}{present}")
    return "\n".join(lines) + "\n"


def render_task(result: Task) -> str:
    """The fields, four to a line."""
    lines = [f"TR={result.selector:04x} {result.kind} base={result.base:08x} limit={result.limit:x}"]
    items = [f"{name}={value:08x}" for name, value in result.fields.items()]
    lines += ["  " + " ".join(f"{item:<15}" for item in items[at:at + 4]).rstrip() for at in range(0, len(items), 4)]
    return "\n".join(lines) + "\n"


def render_control(result: list[Control]) -> str:
    """`CR0=80010033: PG WP NE ET MP PE`."""
    return "".join(f"{register.name}={register.value:08x}{': ' if register.bits else ''}{' '.join(register.bits)}\n"
                   for register in result)


def register(registry: Registry) -> None:
    """Add the commands of this module."""
    for name, summary, compute in (("gdt", "the global descriptor table", info_gdt),
                                   ("ldt", "the local descriptor table", info_ldt),
                                   ("idt", "the interrupt descriptor table", info_idt)):
        registry.add(Command(
            name=f"info {name}", summary=summary, example=f"info {name}", compute=compute, text=render_table,
            details="Entries that are all zero are left out.",
        ))  # fmt: skip
    registry.add(Command(
        name="info tss", summary="the present task-state segment", example="info tss", compute=info_tss,
        text=render_task,
    ))  # fmt: skip
    registry.add(Command(
        name="info cr", summary="control registers, EFER and EFLAGS, with their bits by name", example="info cr",
        compute=info_cr, text=render_control,
    ))  # fmt: skip
