"""`page_owner`: who allocated the pages in use, one by one or grouped, in the forms of /proc/page_owner."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from mm import gfp
from mm.layout import MAX_ORDER, ZONE_NAMES
from mm.page_owner import OwnedBlock, PageOwner
from tools.errors import CommandError
from tools.registry import Command, Registry
from tools.session import Session

_SOME_BLOCKS = 64


@dataclass
class Place:
    """Where a call was made: the return address, and in words, as far as they are known."""

    address: int
    function: str | None
    offset: int
    file: str | None
    line: int | None

    @property
    def source(self) -> str:
        """'leak.c:12', "" where no DWARF tells."""
        return f"{self.file}:{self.line}" if self.file else ""

    def __str__(self) -> str:
        name = f"{self.function}+0x{self.offset:x}" if self.function else f"0x{self.address:x}"
        return f"{name} ({self.source})" if self.source else name


def place(session: Session, address: int) -> Place:
    """What is known of a return address."""
    kernel = session.kernel
    function, offset, _ = kernel.symbol_at(address) or (None, 0, 0)
    file, line = kernel.symbols.line(address - 1) or (None, None)  # of the call, not of what follows it
    return Place(address, function, offset, file, line)


@dataclass
class Allocation:
    """What an allocation record says. trace: the call site first; empty where the kernel itself allocated."""

    order: int
    gfp_mask: int
    gfp_flags: str
    pid: int
    trace: list[Place]

    @property
    def site(self) -> str:
        """The call site in words."""
        return str(self.trace[0]) if self.trace else "the kernel itself"


@dataclass
class Block:
    """A block in use. nsec: when it was allocated, since boot. allocation: None where the records had no place."""

    pfn: int
    zone: str
    nsec: int
    allocation: Allocation | None


@dataclass
class Blocks:
    """Blocks by ascending frame. left: how many follow that were not asked for."""

    blocks: list[Block]
    left: int
    backtrace: bool


@dataclass
class Group:
    """Blocks with the same allocation record, or (by_line) from the same line of source."""

    times: int
    pages: int
    allocation: Allocation | None


@dataclass
class Groups:
    """Groups, the one with the most pages first. left: how many follow that were not asked for."""

    groups: list[Group]
    left: int
    by_line: bool


@dataclass
class Query:
    """What is asked for; None and "" ask for everything. gfp_mask: bits that must be set. at: a pattern for the call
    site, its function or FILE:LINE.
    """

    grouped: bool = False
    by_line: bool = False
    backtrace: bool = False
    order: int | None = None
    zone: str = ""
    gfp_mask: int = 0
    at: str = ""
    count: int | None = None


@dataclass
class Describer:
    """Puts records into words, each once."""

    session: Session
    known: dict[int, Allocation] = field(default_factory=dict)

    def block(self, block: OwnedBlock) -> Block:
        """A block in words."""
        return Block(block.pfn, block.zone, block.nsec, self._allocation(block.owner) if block.owner else None)

    def _allocation(self, owner: PageOwner) -> Allocation:
        if owner.address not in self.known:
            trace = [place(self.session, address) for address in owner.trace]
            names = gfp.decode(owner.gfp_mask)
            self.known[owner.address] = Allocation(owner.order, owner.gfp_mask, names, owner.pid, trace)
        return self.known[owner.address]


def page_owner(session: Session, query: Query) -> Blocks | Groups:
    """Who allocated the blocks in use that the query asks for."""
    kernel = session.kernel
    if not kernel.layout.page_owner:
        raise CommandError("this kernel was booted with --page-owner off")
    describe = Describer(session)
    found = [block for block in map(describe.block, kernel.page_owners()) if _matches(block, query)]
    if query.grouped or query.by_line:
        groups = _groups(found, query.by_line)
        count = len(groups) if query.count is None else query.count
        return Groups(groups[:count], max(0, len(groups) - count), query.by_line)
    count = _SOME_BLOCKS if query.count is None else query.count
    return Blocks(found[:count], max(0, len(found) - count), query.backtrace)


def _matches(block: Block, query: Query) -> bool:
    if query.zone and block.zone.lower() != query.zone.lower():
        return False
    a = block.allocation
    if a is None:
        return query.order is None and not query.gfp_mask and not query.at
    if query.order not in (None, a.order) or a.gfp_mask & query.gfp_mask != query.gfp_mask:
        return False
    names = (a.trace[0].function or "", a.trace[0].source) if a.trace else ()
    return not query.at or any(fnmatchcase(name, query.at) for name in names)


def _groups(blocks: Iterable[Block], by_line: bool) -> list[Group]:
    groups: dict[object, Group] = {}
    for block in blocks:
        a = block.allocation
        key: object = id(a)
        if a and by_line:
            key = (a.trace[0].source or a.trace[0].address) if a.trace else ""
        group = groups.setdefault(key, Group(0, 0, a))
        group.times += 1
        group.pages += 1 << a.order if a else 1
    return sorted(groups.values(), key=lambda group: (-group.pages, -group.times))


# arguments


def _order(word: str) -> int:
    if not word.isdecimal() or int(word) >= MAX_ORDER:
        raise CommandError(f"an order is a number from 0 to {MAX_ORDER - 1}, not {word!r}")
    return int(word)


def _zone(word: str) -> str:
    if word.lower() not in (name.lower() for name in ZONE_NAMES):
        raise CommandError(f"no zone {word!r}; there are {', '.join(ZONE_NAMES)}")
    return word


def _gfp_mask(word: str) -> int:
    try:
        return gfp.parse(word)
    except ValueError as error:
        raise CommandError(str(error)) from None


def _count(word: str) -> int:
    if not word.isdecimal() or not int(word):
        raise CommandError(f"a count is a number from 1 on, not {word!r}")
    return int(word)


_SWITCHES = {"-g": "grouped", "--group": "grouped", "--by-line": "by_line", "-b": "backtrace"}
_OPTIONS: dict[str, tuple[str, Callable[[str], object]]] = {
    "-o": ("order", _order), "-z": ("zone", _zone), "--gfp": ("gfp_mask", _gfp_mask), "--at": ("at", str),
    "-n": ("count", _count),
}  # fmt: skip


def _parse(session: Session, text: str) -> tuple[Any, ...]:
    query = Query()
    try:
        words = iter(shlex.split(text))
    except ValueError as error:
        raise CommandError(str(error)) from None
    for word in words:
        if word in _SWITCHES:
            setattr(query, _SWITCHES[word], True)
        elif word in _OPTIONS:
            name, convert = _OPTIONS[word]
            value = next(words, None)
            if value is None:
                raise CommandError(f"{word} takes a value")
            setattr(query, name, convert(value))
        else:
            raise CommandError(f"{word!r} is no option of page_owner")
    return (query,)


# text


def heading(a: Allocation) -> str:
    """An allocation in the words of /proc/page_owner."""
    return f"Page allocated via order {a.order}, mask 0x{a.gfp_mask:x}({a.gfp_flags}), pid {a.pid}"


def trace_lines(a: Allocation) -> Iterator[str]:
    """The backtrace, a call a line."""
    for place in a.trace:
        yield f" [<{place.address:08x}>] {place}"
    if not a.trace:
        yield " the kernel itself"


def _render(result: Blocks | Groups) -> str:
    if isinstance(result, Blocks):
        lines = list(_block_lines(result))
    elif result.by_line:
        lines = [f"{'TIMES':>7} {'PAGES':>7}  ALLOCATED AT"]
        lines += [f"{g.times:7d} {g.pages:7d}  {_site(g.allocation)}" for g in result.groups]
    else:
        lines = [line for group in result.groups for line in _group_lines(group)]
    if result.left:
        lines.append(f"... {result.left} more: -n COUNT shows them")
    return "".join(f"{line}\n" for line in lines)


def _site(allocation: Allocation | None) -> str:
    return allocation.site if allocation else "(no record: their table was full)"


def _group_lines(group: Group) -> Iterator[str]:
    yield f"{group.times} time{'s' * (group.times != 1)}, {group.pages} page{'s' * (group.pages != 1)}:"
    if group.allocation:
        yield heading(group.allocation)
        yield from trace_lines(group.allocation)
    else:
        yield _site(None)
    yield ""


def _block_lines(result: Blocks) -> Iterator[str]:
    width = max([3, *(len(b.allocation.gfp_flags) for b in result.blocks if b.allocation)])
    yield f"{'PFN':>6} ORDER ZONE       PID          TIME  {'GFP':<{width}}  ALLOCATED AT"
    for b in result.blocks:
        a, time = b.allocation, f"{b.nsec // 1_000_000_000}.{b.nsec // 1000 % 1_000_000:06d}"
        order, pid, flags = (a.order, a.pid, a.gfp_flags) if a else ("?", "?", "?")
        yield f"{b.pfn:6x} {order:>5} {b.zone:<7} {pid:>6} {time:>13}  {flags:<{width}}  {_site(a)}"
        if a and result.backtrace:
            yield from (f"{'':6}{line}" for line in trace_lines(a))


def register(registry: Registry) -> None:
    """Add the commands of this module."""
    registry.add(Command(
        name="page_owner",
        arguments="[-g | --by-line] [-b] [-o ORDER] [-z ZONE] [--gfp FLAGS] [--at PATTERN] [-n COUNT]",
        example="page_owner -g", summary="who allocated the pages in use, one by one or grouped",
        details="PFN of the block's first frame, ORDER, ZONE, PID of the task that asked, TIME in seconds since boot,\n"
        "GFP flags, and the line of the program that called the kernel.\n"
        "-b         with the backtrace, as far as the frame pointers lead\n"
        "-g         grouped by allocation record, the one with the most pages first (--group)\n"
        "--by-line  grouped by line of source\n"
        "-o, -z     blocks of an order, of a zone\n"
        "--gfp      allocated with all of these flags: GFP_KERNEL, __GFP_COMP, 'GFP_USER|__GFP_ZERO', 0x80\n"
        "--at       called from this function or FILE:LINE, with * and ? as in a shell\n"
        f"-n         so many; without it all groups, {_SOME_BLOCKS} blocks",
        parse=_parse, compute=page_owner, text=_render,
    ))  # fmt: skip
