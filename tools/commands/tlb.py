"""`info tlb`: every mapped page, in QEMU's form; with -s the translations that were changed without an invalidation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hw import paging
from hw.tlb_watch import StaleEntry
from tools.arguments import SPACE, SPACE_USAGE, address_space, take_options
from tools.errors import CommandError
from tools.registry import Command, Registry
from tools.session import Session

if TYPE_CHECKING:
    from guest.tlb_check import TlbCheck

_LETTERS = (
    ("X", paging.ROW_NX), ("G", paging.G), ("P", 0), ("D", paging.D), ("A", paging.A), ("C", paging.PCD),
    ("T", paging.PWT), ("U", paging.US), ("W", paging.RW),
)  # fmt: skip


@dataclass
class Page:
    """A mapped page. flags: QEMU's letters; U and W where all levels allow it, X where it cannot be executed."""

    linear: int
    physical: int
    size: int
    flags: str


@dataclass
class StaleRow:
    """A translation that a CPU may hold and the page tables no longer give.

    linear, size, physical: what is cached. level, entry, old, new: the entry that was changed, its physical address and
    its values; None where CR3 leads to other tables. changed_at: virtual time in nanoseconds. reported: an access could
    use it.
    """

    cpu: int
    linear: int
    size: int
    physical: int
    reported: bool
    level: str | None = None
    entry: int | None = None
    old: int | None = None
    new: int | None = None
    changed_by: str | None = None
    changed_on_cpu: int | None = None
    changed_at: int | None = None
    source: str | None = None


@dataclass
class Answer:
    """Pages that are mapped, or stale translations; and how many uses of such were reported since the start."""

    mapped: list[Page] | None = None
    stale: list[StaleRow] | None = None
    reports: int | None = None


def info_tlb(session: Session, only_stale: bool, cr3: int | None = None) -> Answer:
    """The pages that the session's CPU maps; or, of all CPUs, the stale translations of --check-tlb."""
    if not only_stale:
        return Answer(mapped=_mapped(session, cr3))
    check = session.kernel.tlb_check
    if check is None:
        raise CommandError(
            "which translations are stale is known only where --check-tlb was given: highmem monitor --check-tlb ..."
        )
    cpus = range(len(session.kernel.machine.cpus))
    return Answer(stale=[_row(check, entry) for cpu in cpus for entry in check.stale(cpu)], reports=check.reports)


def _mapped(session: Session, cr3: int | None) -> list[Page]:
    import numpy

    cpu = session.cpu
    cr4 = cpu["cr4"]
    where = cpu["cr3"] if cr3 is None else cr3
    words = numpy.frombuffer(session.kernel.ram.words, "<u4")
    pages = []
    for row in paging.paging_format(cr4).leaves(words, where, cr4, session.efer):
        size, flags = int(row["page_size"]), int(row["flags"])
        letters = "".join(
            letter if (flags & bit if bit else size > paging.PAGE_SIZE) else "-" for letter, bit in _LETTERS
        )
        pages.append(Page(int(row["start"]), int(row["pa"]), size, letters))
    return pages


def _row(check: TlbCheck, stale: StaleEntry) -> StaleRow:
    cached, level, change = stale.cached, stale.level, stale.change
    row = StaleRow(stale.cpu, cached.linear, cached.size, cached.pa, bool(cached.reported))
    if level:
        row.level, row.entry, row.old, row.new = level.name, level.address, level.entry, stale.new
    if change:
        row.old, row.changed_on_cpu, row.changed_at = change.old, change.cpu, change.time
        row.changed_by, row.source = check.origin(change), check.source(change) or None
    return row


def render(answer: Answer) -> str:
    """QEMU's line `LINEAR: PHYSICAL XGPDACTUW`; of stale translations what was cached, what changed, and who did it."""
    if answer.stale is None:
        return "".join(f"{page.linear:016x}: {page.physical:016x} {page.flags}\n" for page in answer.mapped or ())
    if not answer.stale:
        told = f"; accesses reported that could use one: {answer.reports} (dmesg)" if answer.reports else ""
        return f"no stale translations{told}\n"
    lines = ["CPU LINEAR   SIZE PHYSICAL   ENTRY        OLD         NEW      "]
    for row in answer.stale:
        size = f"{row.size >> 20}M" if row.size >> 20 else f"{row.size >> 10}K"
        line = f"{row.cpu:3d} {row.linear:08x} {size:>4} {row.physical:08x}   "
        if row.entry is None:
            line += "CR3 leads to other tables"
        else:
            line += f"{row.level} {row.entry:08x} {row.old:08x} -> {row.new:08x}"
        lines.append(line + ("   reported" if row.reported else ""))
        if row.changed_at is not None:
            at = f"{row.changed_at // 1_000_000_000}.{row.changed_at // 1000 % 1_000_000:06d}"
            source = f" ({row.source})" if row.source else ""
            lines.append(f"    changed at {at} on CPU {row.changed_on_cpu} by {row.changed_by}{source}")
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _parse(session: Session, text: str) -> tuple[Any, ...]:
    options, rest = take_options(text, {**SPACE, "-s": 0})
    if rest:
        raise CommandError(f"{rest!r} is no option of info tlb")
    return "-s" in options, address_space(session, options)


def register(registry: Registry) -> None:
    """Add the command of this module."""
    registry.add(Command(
        name="info tlb", arguments=f"[-s] {SPACE_USAGE}", example="info tlb",
        summary="mapped pages with their flags; -s: stale translations",
        details="LINEAR: PHYSICAL XGPDACTUW: X cannot be executed, G global, P large page, D dirty, A accessed, C no\n"
        "cache, T write-through, U ring 3 may use it, W it may be written.\n"
        "-s  of all CPUs, what a TLB may still hold and the page tables no longer give: a present entry was changed,\n"
        "    and the CPU was not told. What was cached, the entry with its old and new value, who changed it, and\n"
        "    whether an access that could use it was reported. Only with --check-tlb. A program that ends well leaves\n"
        "    nothing: that its memory is freed flushes every TLB.",
        parse=_parse, compute=info_tlb, text=render, failed=lambda answer: bool(answer.stale),
    ))  # fmt: skip
