"""`slabtop`: the slab caches by size or use, in the form of procps; live while a program goes on."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from mm.layout import PAGE_SIZE
from mm.vmstat import SlabInfo
from tools.errors import CommandError
from tools.registry import Command, Registry
from tools.session import Session

_DELAY = 3.0
_CLEAR = "\x1b[H\x1b[2J"


@dataclass
class CacheUse:
    """A row. use: percent of the objects that are active; obj_size and cache_size in bytes."""

    objs: int
    active: int
    use: int
    obj_size: int
    slabs: int
    active_slabs: int
    obj_per_slab: int
    pages_per_slab: int
    cache_size: int
    name: str


@dataclass
class Slabtop:
    """The caches in the order asked for. ended: in the last answer of --watch, the program's exit status."""

    caches: list[CacheUse]
    watched: bool = False
    ended: int | None = None


#: slabtop's keys: all but the name from the greatest down.
_KEYS: dict[str, Callable[[CacheUse], int | str]] = {
    "a": lambda row: -row.active, "b": lambda row: -row.obj_per_slab, "c": lambda row: -row.cache_size,
    "l": lambda row: -row.slabs, "v": lambda row: -row.active_slabs, "n": lambda row: row.name,
    "o": lambda row: -row.objs, "p": lambda row: -row.pages_per_slab, "s": lambda row: -row.obj_size,
    "u": lambda row: -row.use,
}  # fmt: skip


@dataclass
class Query:
    """What is asked for. delay: host seconds between the answers of --watch."""

    sort: str = "o"
    watch: bool = False
    delay: float = field(default=_DELAY)


def slabtop(session: Session, query: Query) -> Slabtop | Iterator[Slabtop]:
    """The caches now; with --watch again and again, while the program that was halted goes on."""
    return _watch(session, query) if query.watch else _look(session, query.sort)


def _look(session: Session, sort: str) -> Slabtop:
    return Slabtop(sorted(map(_cache_use, session.kernel.slabinfo()), key=_KEYS[sort]))


def _watch(session: Session, query: Query) -> Iterator[Slabtop]:
    kernel = session.kernel
    while True:
        status = kernel.resume(query.delay)
        shown = replace(_look(session, query.sort), watched=True)
        if kernel.halt != "timeout":
            yield replace(shown, ended=None if kernel.halt else status)
            return
        yield shown


def _cache_use(row: SlabInfo) -> CacheUse:
    return CacheUse(
        row.num_objs, row.active_objs, 100 * row.active_objs // row.num_objs if row.num_objs else 0, row.objsize,
        row.num_slabs, row.active_slabs, row.objperslab, row.pagesperslab,
        row.num_slabs * row.pagesperslab * PAGE_SIZE, row.name,
    )  # fmt: skip


def _parse(session: Session, text: str) -> tuple[Query]:
    query = Query()
    try:
        words = iter(shlex.split(text))
    except ValueError as error:
        raise CommandError(str(error)) from None
    for word in words:
        option, _, value = word.partition("=")
        if option == "--watch" and option == word:
            query.watch = True
        elif option in ("-s", "--sort"):
            query.sort = value or next(words, "")
            if query.sort not in _KEYS:
                raise CommandError(f"{option} takes one of the letters {', '.join(_KEYS)}")
        elif option in ("-d", "--delay"):
            query.delay = _seconds(value or next(words, ""))
        else:
            raise CommandError(f"{word!r} is no option of slabtop")
    return (query,)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e9:
        raise CommandError(f"a delay is a number of seconds, not {text!r}")
    return seconds


# text


def _share(part: float, whole: float) -> str:
    return f"({100 * part / whole if whole else 0:.1f}%)"


def _render(top: Slabtop) -> str:
    rows = top.caches
    objs, active = sum(row.objs for row in rows), sum(row.active for row in rows)
    slabs, active_slabs = sum(row.slabs for row in rows), sum(row.active_slabs for row in rows)
    used = sum(row.objs > 0 for row in rows)
    size = sum(row.objs * row.obj_size for row in rows) / 1024
    active_size = sum(row.active * row.obj_size for row in rows) / 1024
    sizes = [row.obj_size / 1024 for row in rows] or [0.0]
    average = size / objs if objs else 0
    lines = [
        f" Active / Total Objects (% used)    : {active} / {objs} {_share(active, objs)}",
        f" Active / Total Slabs (% used)      : {active_slabs} / {slabs} {_share(active_slabs, slabs)}",
        f" Active / Total Caches (% used)     : {used} / {len(rows)} {_share(used, len(rows))}",
        f" Active / Total Size (% used)       : {active_size:.2f}K / {size:.2f}K {_share(active_size, size)}",
        f" Minimum / Average / Maximum Object : {min(sizes):.2f}K / {average:.2f}K / {max(sizes):.2f}K",
        "",
        f"{'OBJS':>6} {'ACTIVE':>6} {'USE':>4} {'OBJ SIZE':>8} {'SLABS':>6} {'OBJ/SLAB':>8} {'CACHE SIZE':>10} NAME",
    ]
    lines += [
        f"{r.objs:6d} {r.active:6d} {r.use:3d}% {r.obj_size / 1024:7.2f}K {r.slabs:6d} {r.obj_per_slab:8d} "
        f"{r.cache_size >> 10:9d}K {r.name}"
        for r in rows
    ]
    if top.ended is not None:
        lines.append(f"the program ended with status {top.ended}")
    return "".join(f"{line}\n" for line in lines) + ("\n" if top.watched else "")


def register(registry: Registry) -> None:
    """Add the commands of this module."""
    registry.add(Command(
        name="slabtop", arguments="[-s KEY] [--watch [-d SECONDS]]", example="slabtop -s c",
        summary="the slab caches, the largest first, as slabtop shows them",
        details="ACTIVE objects are out of the slabs, in use or resting in arrays; sizes in KB.\n"
        "-s, --sort   by: o objects, a active, u use, s object size, l slabs, v active slabs, b objects a slab,\n"
        "             p pages a slab, c cache size, n name\n"
        "--watch      let the program that was halted (--timeout, Ctrl-C) go on, and look again until it ends\n"
        f"-d, --delay  for so many seconds at a time, {_DELAY:g} without it",
        parse=_parse, compute=slabtop, text=_render,
        coloured=lambda top: (_CLEAR if top.watched else "") + _render(top),
    ))  # fmt: skip
