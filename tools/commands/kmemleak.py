"""`kmemleak`: memory in use that nobody can reach any more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tools.commands.page_owner import Describer
from tools.errors import CommandError
from tools.registry import Command, Registry
from tools.session import Session

_SOME = 64


@dataclass
class Row:
    """One unreferenced thing.

    kind: "slab", "pages" or "vmalloc". address: virtual, None for a block in HighMem. pfn: its first frame, None where
    it has no pages. what: the cache of an object, the order of a block. site: who allocated its pages, None where that
    is not known.
    """

    address: int | None
    pfn: int | None
    size: int
    kind: str
    what: str
    site: str | None


@dataclass
class Answer:
    """rows: the first of what was found. Totals: objects, blocks, areas, and the bytes of all."""

    rows: list[Row]
    objects: int
    blocks: int
    areas: int
    size: int

    @property
    def total(self) -> int:
        """How many there are."""
        return self.objects + self.blocks + self.areas


def kmemleak(session: Session, count: int) -> Answer:
    """Search now; `count`: how many to name one by one."""
    kernel = session.kernel
    found = kernel.unreferenced()
    describe = Describer(session)
    rows = []
    for leak in kernel.leaks(found, count):
        block = kernel.page_owner(leak.pfn) if leak.owner else None
        allocation = describe.block(block).allocation if block else None
        what = leak.cache if leak.kind == "slab" else f"order {leak.order}" if leak.kind == "pages" else ""
        pfn = leak.pfn if leak.pfn >= 0 else None
        rows.append(Row(leak.address, pfn, leak.size, leak.kind, what, allocation.site if allocation else None))
    return Answer(
        rows, sum(map(len, found.objects.values())), sum(map(len, found.blocks.values())), len(found.areas),
        kernel.size_of(found),
    )  # fmt: skip


def _parse(session: Session, text: str) -> tuple[Any, ...]:
    if not text:
        return (_SOME,)
    option, _, count = text.partition(" ")
    if option != "-n":
        raise CommandError(f"{option!r} is no option of kmemleak")
    if not count.strip().isdecimal():
        raise CommandError(f"a count is a number, not {count.strip()!r}")
    return (int(count),)


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"


def _render(answer: Answer) -> str:
    if not answer.total:
        return "no unreferenced memory\n"
    lines = []
    if answer.rows:
        width = max(len(row.what) for row in answer.rows)
        lines.append(f"ADDRESS     PFN     SIZE KIND    {'':{width}}  PAGES ALLOCATED AT")
    for row in answer.rows:
        address = f"{row.address:08x}" if row.address is not None else "-"
        pfn = f"{row.pfn:x}" if row.pfn is not None else "-"
        lines.append(f"{address:8} {pfn:>6} {row.size:8d} {row.kind:7} {row.what:{width}}  {row.site or '?'}")
    if left := answer.total - len(answer.rows):
        lines.append(f"... {left} more: -n COUNT shows them")
    lines.append(
        f"{answer.size >> 10} kB unreferenced: {_many(answer.objects, 'slab object')}, "
        f"{_many(answer.blocks, 'block')} of pages, {_many(answer.areas, 'vmalloc area')}"
    )
    return "".join(f"{line}\n" for line in lines)


def register(registry: Registry) -> None:
    """Add the commands of this module."""
    registry.add(Command(
        name="kmemleak", arguments="[-n COUNT]", example="kmemleak",
        summary="memory in use that nobody can reach: leaks",
        details="ADDRESS, first frame (PFN), SIZE in bytes, and the call that allocated the pages: for a slab object\n"
        "that is whatever made its cache grow. What can be reached from the kernel's variables, from the stacks of\n"
        "live tasks and from loaded programs is in use. Each word that looks like an address counts as one, so a leak\n"
        "can be missed; and what is kept in another form (by its frame number, for example) is taken for one.\n"
        f"-n  so many one by one; without it {_SOME}",
        parse=_parse, compute=kmemleak, text=_render, failed=lambda answer: answer.total > 0,
    ))  # fmt: skip
