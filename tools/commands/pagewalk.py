"""`pagewalk`, `ptdiff`, `pgcost`: whole page tables: what they map, what has changed in them, what they cost."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import asdict, dataclass, field
from typing import Any

from hw import paging
from mm import ptdiff
from mm.aliases import AddressSpace
from mm.layout import PAGE_SHIFT
from mm.pgcost import TablePage, table_pages
from tools.arguments import SPACE, SPACE_USAGE, address_space, take_options
from tools.commands.page_owner import place
from tools.commands.translate import page_size, rights, space_name
from tools.errors import CommandError
from tools.registry import Command, Registry, no_arguments
from tools.session import Session

#: The attributes of a page, by the words that -attr takes, in the order of the bits.
_ATTRIBUTES = {
    "pwt": paging.PWT, "pcd": paging.PCD, "accessed": paging.A, "dirty": paging.D, "pat": paging.PAT,
    "global": paging.G,
}  # fmt: skip
_SHORT = {"a": "accessed", "d": "dirty", "g": "global"}
#: The words of -filter: the bits that must be set, and those that must not.
_FILTERS = {
    "w": (paging.RW, 0), "ro": (0, paging.RW), "u": (paging.US, 0), "s": (0, paging.US),
    "x": (0, paging.ROW_NX), "nx": (paging.ROW_NX, 0),
}  # fmt: skip


# pagewalk


@dataclass
class Query:
    """What is asked for. wanted, unwanted: bits of the flags of hw.paging.ROW_FIELDS. page_size: in bytes, 0 for any.

    linear, physical: only what lies in these ranges, `end` exclusive. merge: "flat", a row a page; "merged", as far
    as addresses go on and flags are equal; "linear", the same whatever the frames are.
    """

    wanted: int = 0
    unwanted: int = 0
    page_size: int = 0
    linear: tuple[int, int] | None = None
    physical: tuple[int, int] | None = None
    merge: str = "merged"


@dataclass
class PageRange:
    """Pages that are mapped alike. physical: of the first; contiguous: whether the frames go on evenly.

    rights: u where ring 3 may use them, r, w where all levels allow writing, x where they can be executed.
    """

    start: int
    end: int
    physical: int
    contiguous: bool
    page_size: int
    pages: int
    rights: str
    attributes: list[str]
    region: str


def _parse_pagewalk(session: Session, text: str) -> tuple[Any, ...]:
    known = {
        **SPACE, "-filter": 1, "-range": 2, "-has": 1, "-attr": 1, "-phys": 2, "-flat": 0, "-m": 0, "-large": 0,
        "-small": 0,
    }  # fmt: skip
    options, rest = take_options(text, known)
    no_arguments(session, rest)
    query = Query()
    if "-flat" in options and "-m" in options:
        raise CommandError("-flat and -m exclude each other")
    query.merge = "flat" if "-flat" in options else "linear" if "-m" in options else "merged"
    for word in ",".join(options.get("-filter", [])).replace("|", ",").split(","):
        if word and word not in _FILTERS:
            raise CommandError(f"-filter knows {', '.join(_FILTERS)}, not {word!r}")
        wanted, unwanted = _FILTERS.get(word, (0, 0))
        query.wanted |= wanted
        query.unwanted |= unwanted
    for word in ",".join(options.get("-attr", [])).replace("|", ",").lower().split(","):
        name = _SHORT.get(word.lstrip("!"), word.lstrip("!"))
        if word and name not in _ATTRIBUTES:
            raise CommandError(f"-attr knows {', '.join(_ATTRIBUTES)}, each also with a ! before it, not {word!r}")
        if word.startswith("!"):
            query.unwanted |= _ATTRIBUTES[name]
        elif word:
            query.wanted |= _ATTRIBUTES[name]
    if "-large" in options or "-small" in options:
        large = paging.paging_format(_cr4(session)).large_page_size
        query.page_size = paging.PAGE_SIZE if "-small" in options else large
    if "-has" in options:
        address = session.address(options["-has"][0])
        query.linear = address, address + 1
    if "-range" in options:
        start, end = map(session.address, options["-range"])
        query.linear = start, end or 1 << 32
    if "-phys" in options:
        query.physical = session.physical(options["-phys"][0]), session.physical(options["-phys"][1])
    return query, address_space(session, options), "-has" in options


def _cr4(session: Session) -> int:
    return session.cpu["cr4"]


def pagewalk(session: Session, query: Query, cr3: int | None, whole: bool = False) -> list[PageRange]:
    """What is mapped. whole: ranges are not cut to query.linear."""
    rows = ptdiff.take(
        session.kernel.ram, session.cpu["cr3"] if cr3 is None else cr3, session.cpu["cr0"], _cr4(session), session.efer
    ).rows  # fmt: skip
    keep = (rows["flags"] & query.wanted == query.wanted) & (rows["flags"] & query.unwanted == 0)
    if query.page_size:
        keep &= rows["page_size"] == query.page_size
    if query.physical:
        keep &= (rows["pa"] < query.physical[1]) & (rows["pa"] + rows["page_size"] > query.physical[0])
    if query.linear and not whole:
        keep &= (rows["start"] < query.linear[1]) & (rows["end"] > query.linear[0])
    rows = rows[keep]
    even = None
    if query.merge != "flat":
        even = rows = paging.merge_runs(rows)
    if query.merge == "linear":
        rows = paging.merge_runs(rows, by="flags")
    if query.linear and whole:
        rows = rows[(rows["start"] < query.linear[1]) & (rows["end"] > query.linear[0])]
    return _split(session, rows, set() if even is None else set(even["start"].tolist()))


def _split(session: Session, rows: Any, breaks: set[int]) -> list[PageRange]:
    """The rows as data; of a merged one a part for each region that it lies in. breaks: where frames do not go on."""
    regions = session.regions()
    edges = sorted(breaks)
    result = []
    for start, end, pa, flags, size in rows.tolist():
        cuts = sorted({start, *(r.start for r in regions if start < r.start < end)})
        for first, last in zip(cuts, [*cuts[1:], end]):
            region = next((r.name for r in regions if r.start <= first < r.end), "")
            attributes = [name.upper() for name, bit in _ATTRIBUTES.items() if flags & bit]
            result.append(PageRange(
                first, last, pa + first - start, bisect_left(edges, last) - bisect_right(edges, first) <= 0, size,
                -(-(last - first) // size), rights(flags), attributes, region,
            ))  # fmt: skip
    return result


def render_pagewalk(ranges: list[PageRange]) -> str:
    """A line for each range."""
    if not ranges:
        return "nothing of that kind is mapped\n"
    digits = max(8, *(len(f"{r.physical + r.end - r.start:x}") for r in ranges))
    head = f"LINEAR             {'PHYSICAL':<{2 * digits + 1}}     SIZE  PAGES     RIGHTS  ATTRIBUTES"
    lines = [head]
    for r in ranges:
        size = r.end - r.start
        to = f"{r.physical:0{digits}x}" + (f"-{r.physical + size:0{digits}x}" if r.contiguous else "...")
        pages = f"{r.pages} x {page_size(r.page_size)}"
        lines.append(
            f"{r.start:08x}-{r.end:08x}  {to:<{2 * digits + 1}}  {_amount(size):>7}  {pages:<9} {r.rights}    "
            f"{'|'.join(r.attributes):<26}  {r.region}".rstrip()
        )
    return "\n".join(lines) + "\n"


def _amount(size: int) -> str:
    return f"{size >> 20}M" if not size % (1 << 20) else f"{size >> 10}K"


# ptdiff


@dataclass
class Side:
    """One side of a comparison: the name of a snapshot, "now" or whose address space; and its CR3."""

    name: str
    cr3: int


@dataclass
class Difference:
    """What is mapped otherwise. saved: the name of the snapshot that was just taken, then there are no changes."""

    before: Side | None = None
    after: Side | None = None
    changes: list[ptdiff.Change] = field(default_factory=list)
    saved: str | None = None
    snapshots: list[Side] = field(default_factory=list)


def _parse_ptdiff(session: Session, text: str) -> tuple[Any, ...]:
    options, rest = take_options(text, {**SPACE, "-a": 0})
    words = rest.split()
    if not words:
        raise CommandError("what with what? `ptdiff save NAME` keeps a moment, `ptdiff NAME` compares it with now")
    if words[0] in ("save", "drop") and len(words) != 2:
        raise CommandError(f"`{words[0]}` needs a name")
    if words[0] == "save" and words[1] in ("now", "save", "drop", "list"):
        raise CommandError(f"no snapshot can be called {words[1]}")
    if len(words) > 2:
        raise CommandError("two things can be compared")
    return words, address_space(session, options), "-a" in options


def compare(session: Session, words: list[str], cr3: int | None, accessed_dirty: bool) -> Difference:
    """Keep, drop or list snapshots, or compare two moments or two address spaces."""
    kept = session.snapshots
    if words[0] == "save":
        kept[words[1]] = _now(session, cr3)
        return Difference(saved=words[1])
    if words[0] == "drop":
        if kept.pop(words[1], None) is None:
            raise CommandError(f"no snapshot is called {words[1]}")
        words = ["list"]
    if words == ["list"]:
        return Difference(snapshots=[Side(name, snapshot.cr3) for name, snapshot in kept.items()])
    before, one = _side(session, words[0], cr3)
    if len(words) == 2:
        after, two = _side(session, words[1], cr3)
    else:
        after, two = "now", _now(session, one.cr3 if cr3 is None else cr3)
    changes = ptdiff.differences(one, two, accessed_dirty)
    return Difference(Side(before, one.cr3), Side(after, two.cr3), changes)


def _side(session: Session, word: str, cr3: int | None) -> tuple[str, ptdiff.Snapshot]:
    if word in session.snapshots:
        return word, session.snapshots[word]
    if word == "now":
        return word, _now(session, cr3)
    if word.startswith("pid:"):
        try:
            return word, _now(session, session.directory_of(int(word[4:])))
        except ValueError:
            raise CommandError(f"{word[4:]!r} is not a pid") from None
    try:
        other = session.directory(session.physical(word))
    except CommandError as error:
        raise CommandError(f"{word!r} is no snapshot, and no page directory either: {error}") from None
    return f"cr3 {other:x}", _now(session, other)


def _now(session: Session, cr3: int | None) -> ptdiff.Snapshot:
    cpu = session.cpu
    where = session.directory(cpu["cr3"]) if cr3 is None else cr3
    return ptdiff.take(session.kernel.ram, where, cpu["cr0"], cpu["cr4"], session.efer)


def render_ptdiff(d: Difference) -> str:
    """A line for each range that is mapped otherwise: - what was, + what is."""
    if d.saved:
        return f"kept as {d.saved}\n"
    if d.before is None or d.after is None:
        return "".join(f"{side.name}  cr3 {side.cr3:x}\n" for side in d.snapshots) or "no snapshot was taken\n"
    lines = [f"--- {d.before.name} (cr3 {d.before.cr3:x})", f"+++ {d.after.name} (cr3 {d.after.cr3:x})"]
    for change in d.changes:
        lines.append(f"{change.start:08x}-{change.end:08x}  {_amount(change.end - change.start)}  {change.kind}")
        lines += [f"  - {_page(change.before)}"] if change.before else []
        lines += [f"  + {_page(change.after)}"] if change.after else []
    return "\n".join(lines if d.changes else [*lines, "everything is mapped alike"]) + "\n"


def _page(page: ptdiff.Page) -> str:
    attributes = "|".join(name.upper() for name, bit in _ATTRIBUTES.items() if page.flags & bit)
    return f"{page.physical:08x}  {page_size(page.page_size)}  {rights(page.flags)}  {attributes}".rstrip()


# pgcost


@dataclass(frozen=True, slots=True)
class TableRow(TablePage):
    """A page table. site: who allocated it in words, "" where that is unknown."""

    site: str


@dataclass
class SpaceCost:
    """What an address space costs: bytes in tables of its own, and of those that it shares with others."""

    space: AddressSpace
    own: int
    shared: int
    tables: int


@dataclass
class WindowCost:
    """What one use of addresses costs. mapped: pages that its tables map, of as many as they have entries."""

    window: str
    tables: int
    mapped: int
    entries: int


@dataclass
class Cost:
    """What page tables cost. size: in bytes, of all tables, each counted once."""

    size: int
    spaces: list[SpaceCost]
    windows: list[WindowCost]
    tables: list[TableRow]


def _parse_pgcost(session: Session, text: str) -> tuple[Any, ...]:
    options, rest = take_options(text, {"-v": 0} | SPACE)
    no_arguments(session, rest)
    return "-v" in options, address_space(session, options)


def pgcost(session: Session, every: bool, cr3: int | None = None) -> Cost:
    """What page tables cost, by address space and by use; with `every` each table. cr3: only those under it."""
    if not session.cpu["cr0"] & paging.CR0_PG:
        raise CommandError("paging is off (CR0.PG=0): there are no page tables")
    if session.bare:
        spaces = [AddressSpace(session.directory(session.cpu["cr3"]), 0, "", ())]
        tables = table_pages(session.kernel.ram, [spaces[0].cr3], _cr4(session))
    else:
        spaces, tables = session.kernel.address_spaces(), session.kernel.page_table_cost()
    costs = []
    if cr3 is not None:
        tables = [table for table in tables if cr3 in table.spaces]
        spaces = [space for space in spaces if space.cr3 == cr3]
        if not spaces:
            raise CommandError(f"no address space has its page directory at physical 0x{cr3:x}")
    for space in spaces:
        mine = [table for table in tables if space.cr3 in table.spaces]
        own = sum(table.size for table in mine if len(table.spaces) == 1)
        costs.append(SpaceCost(space, own, sum(table.size for table in mine) - own, len(mine)))
    windows: dict[str, WindowCost] = {}
    for table in tables:
        if table.level == "pte":
            cost = windows.setdefault(table.window, WindowCost(table.window, 0, 0, 0))
            cost.tables += 1
            cost.mapped += table.used
            cost.entries += table.entries
    once = {(table.physical, table.size): table.size for table in tables}
    return Cost(
        sum(once.values()), costs, list(windows.values()), [_table(session, t) for t in tables] if every else []
    )  # fmt: skip


def _table(session: Session, table: TablePage) -> TableRow:
    site = ""
    if not session.bare and table.size == paging.PAGE_SIZE:
        owned = session.kernel.page_owner(table.physical >> PAGE_SHIFT)
        if owned and owned.owner:
            site = str(place(session, owned.owner.trace[0])) if owned.owner.trace else "the kernel itself"
    return TableRow(**asdict(table), site=site)


def render_pgcost(cost: Cost) -> str:
    """Address spaces, uses, tables."""
    lines = [f"{_bytes(cost.size)} in page tables", "   OWN  SHARED  TABLES  ADDRESS SPACE"]
    for row in cost.spaces:
        lines.append(f"{_bytes(row.own):>6}  {_bytes(row.shared):>6}  {row.tables:6d}  {space_name(row.space)}")
    if any(row.window for row in cost.windows):
        lines.append("TABLES  PAGES MAPPED  WINDOW")
        lines += [f"{w.tables:6d}  {w.mapped:6d} of {w.entries:<6d}  {w.window}".rstrip() for w in cost.windows]
    if cost.tables:
        lines.append("PHYSICAL  LEVEL  MAPS               USED       WINDOW       ALLOCATED BY")
        for t in cost.tables:
            line = f"{t.physical:08x}  {t.level:5}  {t.start:08x}-{t.end - 1:08x}  {f'{t.used}/{t.entries}':9}"
            lines.append(f"{line}  {t.window:11}  {t.site}".rstrip())
    return "\n".join(lines) + "\n"


def _bytes(size: int) -> str:
    return f"{size >> 10}K" if size >= 1024 or not size else f"{size}B"


def register(registry: Registry) -> None:
    """Add the commands of this module."""
    registry.add(Command(
        name="pagewalk", arguments=f"{SPACE_USAGE} [-filter F] [-attr A] [-range A B] [-has A] [-phys A B] [-flat|-m]",
        summary="everything that is mapped, filtered, merged or page by page", example="pagewalk -filter w,x",
        details="-filter w|ro|x|nx|u|s  writable, read-only, executable or not, for ring 3 too, for ring 0 only\n"
        "-attr WORD  accessed, dirty, global, pcd, pwt, pat: set, or with a ! before it not set\n"
        "    (of -filter and -attr several with commas)\n"
        "-range A B  linear addresses from A up to B; -has A  the range that A lies in; -phys A B  physical ones\n"
        "-large, -small  of large pages, of 4 KB pages\n"
        "-flat  a line a page; -m  merge also where the frames do not go on\n"
        "RIGHTS are those of all levels together, without CR0.WP, SMEP and SMAP.",
        parse=_parse_pagewalk, compute=pagewalk, text=render_pagewalk,
    ))  # fmt: skip
    registry.add(Command(
        name="ptdiff", arguments="save NAME|drop NAME|list|A [B] [-a] [--cr3 PA|--pid N]", example="ptdiff now now",
        summary="what is mapped otherwise: two moments, or two address spaces",
        details="A and B: a name that `ptdiff save` has kept a moment under, now (the default for B), the physical\n"
        "address of a page directory, or pid:N. -a: accessed and dirty bits count too.",
        parse=_parse_ptdiff, compute=compare, text=render_ptdiff,
    ))  # fmt: skip
    registry.add(Command(
        name="pgcost", arguments=f"[-v] {SPACE_USAGE}", example="pgcost",
        summary="the memory that page tables take, and for whom",
        details="By address space (what it has alone, what it shares) and by what the tables map. -v: each table,\n"
        "how many of its entries are used, and who allocated it.",
        parse=_parse_pgcost, compute=pgcost, text=render_pgcost,
    ))  # fmt: skip
