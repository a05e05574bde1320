"""`kmap`, `fixmap`, `kernel_page_tables`: the windows of the kernel onto memory, and all of its page tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mm.fixmap import FIX_HYPERCALL
from mm.kmap_info import UNKNOWN, AtomicSlot, KmapHolder, KmapSlot, TaskState, holder_words
from mm.ptdump import Run, kernel_page_tables_text
from tools.arguments import SPACE_USAGE, space_alone
from tools.commands.page_owner import Place, place
from tools.commands.translate import entry_flags
from tools.errors import CommandError
from tools.registry import Command, Registry
from tools.session import Session


@dataclass
class Holder:
    """Who mapped a slot last. comm: "" where that task has ended. caller: None where the kernel itself called kmap."""

    pid: int
    comm: str
    caller: Place | None

    def __str__(self) -> str:
        return holder_words(self.pid, self.comm, str(self.caller) if self.caller else "")


@dataclass
class Slot:
    """A slot of the kmap window. count: pkmap_count. state: free, unused or in use. holder: None where unknown."""

    nr: int
    address: int
    count: int
    users: int
    state: str
    pfn: int | None
    page: int | None
    holder: Holder | None


@dataclass
class HolderCount:
    """How many slots in use somebody mapped last."""

    slots: int
    holder: Holder | None


@dataclass
class Kmap:
    """The kmap window. slots: those asked for. until_wrap: mappings until the search wraps and unused slots go free."""

    base: int
    size: int
    in_use: int
    unused: int
    free: int
    last_pkmap_nr: int
    until_wrap: int
    owners_known: bool
    holders: list[HolderCount]
    slots: list[Slot]
    waiting: list[TaskState]
    atomic: list[AtomicSlot]
    atomic_tasks: list[TaskState]


@dataclass
class FixedSlot:
    """A slot of the fixmap. pte: 0 where nothing is mapped. maps: what it leads to, in words."""

    index: int
    name: str
    address: int
    pte: int
    pfn: int | None
    flags: list[str]
    maps: str


@dataclass
class Fixmap:
    """Slots of the fixmap. digits: of an entry."""

    slots: list[FixedSlot]
    used: int
    size: int
    digits: int


# kmap


def kmap(session: Session, every: bool) -> Kmap:
    """The kmap window; with `every` its unused and free slots too."""
    state = session.kernel.kmap_state()
    words: dict[KmapHolder, Holder] = {}

    def holder(of: KmapHolder | None) -> Holder | None:
        if of is None:
            return None
        if of not in words:
            words[of] = Holder(of.pid, of.comm, place(session, of.caller) if of.caller else None)
        return words[of]

    def slot(of: KmapSlot) -> Slot:
        return Slot(of.nr, of.address, of.count, of.users, of.state, of.pfn, of.page, holder(of.holder))

    states = [slot.state for slot in state.slots]
    return Kmap(
        state.base, len(state.slots), states.count("in use"), states.count("unused"), states.count("free"),
        state.last_pkmap_nr, state.until_wrap, state.owners_known,
        [HolderCount(count, holder(who)) for who, count in state.holders()],
        [slot(each) for each in state.slots if every or each.count > 1],
        state.waiting, state.atomic, state.atomic_tasks,
    )  # fmt: skip


def _kmap_text(k: Kmap) -> str:
    return "\n".join(_kmap_lines(k)) + "\n"


def _kmap_lines(k: Kmap) -> Iterator[str]:
    yield f"{k.size} kmap slots from {k.base:08x} on: {k.in_use} in use, {k.unused} unused but mapped, {k.free} free"
    yield f"last_pkmap_nr {k.last_pkmap_nr}, {k.until_wrap} free slots until the search wraps"
    if k.holders:
        yield " SLOTS  IN USE, MAPPED LAST BY"
        yield from (f"{row.slots:6d}  {row.holder or UNKNOWN}" for row in k.holders)
    if k.slots:
        yield "  SLOT  ADDRESS   COUNT  STATE     PFN      PAGE     MAPPED LAST BY"
        yield from map(_slot_line, k.slots)
    for task in k.waiting:
        yield f"{task.comm} (pid {task.pid}) waits for a slot"
    if k.atomic:
        yield "   CPU  ADDRESS   PFN     KMAP_ATOMIC"
        yield from (f"{slot.cpu:6d}  {slot.address:08x}  {slot.pfn:<6x}  {slot.km_type}" for slot in k.atomic)
    for task in k.atomic_tasks:
        yield f"{task.comm} (pid {task.pid}) has preempt_count {task.preempt_count:#x}"


def _slot_line(s: Slot) -> str:
    pfn, page = "-" if s.pfn is None else f"{s.pfn:x}", "-" if s.page is None else f"{s.page:08x}"
    who = "" if not s.count else str(s.holder or UNKNOWN)
    return f"{s.nr:6d}  {s.address:08x}  {s.count:5d}  {s.state:6s}  {pfn:>7s}  {page:>8s}  {who}".rstrip()


# fixmap


def fixmap(session: Session, every: bool) -> Fixmap:
    """The slots of the fixmap that map something, or all."""
    slots = session.kernel.fixmap_slots()
    limits = session.kernel.limits

    def maps(index: int, pfn: int | None, is_ram: bool) -> str:
        if pfn is None:
            return ""
        if index == FIX_HYPERCALL:
            return "hypercall window"
        if not is_ram:
            return "no RAM"
        return "RAM" if pfn >= limits.max_pfn else "lowmem" if pfn < limits.max_low_pfn else "HighMem"

    rows = [
        FixedSlot(s.index, s.name, s.address, s.pte, s.pfn, entry_flags(s.pte, "PTE"), maps(s.index, s.pfn, s.is_ram))
        for s in slots
        if every or s.pte
    ]
    used = sum(s.pte != 0 for s in slots)
    return Fixmap(rows, used, len(slots), 2 * session.kernel.tables.pte_size)


def _fixmap_text(f: Fixmap) -> str:
    lines = [f"{f.used} of {f.size} fixmap slots in use", f"INDEX  ADDRESS   {'PTE':<{f.digits}}  NAME"]
    for s in f.slots:
        entry = f"{s.pte:0{f.digits}x}" if s.pte else "-" * f.digits
        what = f"  {s.maps}, {'|'.join(s.flags) or 'not present'}" if s.pte else ""
        lines.append(f"{s.index:5d}  {s.address:08x}  {entry}  {s.name}{what}")
    return "\n".join(lines) + "\n"


# kernel_page_tables


def kernel_page_tables(session: Session, cr3: int | None) -> list[Run]:
    """All page tables, as debugfs shows them."""
    return session.kernel.kernel_page_tables(cr3)


def _all_or_used(session: Session, text: str) -> tuple[Any, ...]:
    if text not in ("", "-a"):
        raise CommandError(f"{text!r} is no option")
    return (text == "-a",)


def register(registry: Registry) -> None:
    """Add the commands of this module."""
    registry.add(Command(
        name="kmap", arguments="[-a]", example="kmap",
        summary="the kmap window: slots, counts, pages, who holds them; kmap_atomic",
        details="COUNT is pkmap_count: 0 free, 1 unused but mapped until the search for a slot wraps, n: n-1 users.\n"
        "Of each slot is known who mapped it last, not with --page-owner off. Then the slots of kmap_atomic in use,\n"
        "and the tasks whose preempt_count is not 0. -a: all slots, not only those in use.",
        parse=_all_or_used, compute=kmap, text=_kmap_text,
    ))  # fmt: skip
    registry.add(Command(
        name="fixmap", arguments="[-a]", summary="the slots of the fixmap, by name", example="fixmap",
        details="INDEX, ADDRESS, the entry, the slot's name and what it maps. -a: all slots, not only those in use.",
        parse=_all_or_used, compute=fixmap, text=_fixmap_text,
    ))  # fmt: skip
    registry.add(Command(
        name="kernel_page_tables", arguments=SPACE_USAGE, example="kernel_page_tables",
        summary="every mapping by region and attributes, as in debugfs",
        details="START-END SIZE, USR, RW or ro, PWT, PCD, PSE (pat in a PTE), GLB, NX or x, and the level of the\n"
        "entries; a line without attributes is a hole. Of init_mm, or of the page directory at physical PA, as in\n"
        "--cr3 $cr3, or of a task. The text is that of kernels from 2.6.26 to 3.13.",
        parse=space_alone, compute=kernel_page_tables, text=kernel_page_tables_text,
    ))  # fmt: skip
