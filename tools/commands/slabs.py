"""`slabinfo`, `slab contains`, `slab dump`: the slab allocator's caches, slabs and objects."""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mm import vmstat
from mm.layout import PAGE_OFFSET, PAGE_SIZE
from mm.slab import EINVAL, ENOMEM
from mm.slab_info import CacheInfo, SlabPlace, SlabState
from tools.errors import CommandError
from tools.registry import Command, Registry
from tools.session import Session

_SOME_SLABS = 8
_CELLS = 64  # a row
_CELL = {"allocated": "A", "free": ".", "cpu": "c", "shared": "s", "unknown": "?"}


@dataclass
class Tuning:
    """What is to be written to /proc/slabinfo."""

    name: str
    limit: int
    batchcount: int
    shared: int


@dataclass
class Dump:
    """A cache and its first slabs. left: how many follow."""

    cache: CacheInfo
    slabs: list[SlabState]
    left: int


@dataclass
class Found:
    """What is at an address that was `asked` for."""

    asked: int
    place: SlabPlace


# caches


def cache_of(session: Session, text: str) -> int:
    """The cache that an argument means: its name, or the address of its `struct kmem_cache`."""
    if not text:
        raise CommandError("the name of a cache is missing")
    caches = session.kernel.slab_caches()
    for cachep, name in caches.items():
        if name == text:
            return cachep
    try:
        address = session.address(text)
    except CommandError:
        raise CommandError(f"no cache is called {text!r}{_suggestion(text, list(caches.values()))}") from None
    if address not in caches:
        raise CommandError(f"no cache is called {text!r}, and there is none at 0x{address:x}")
    return address


def _suggestion(text: str, names: list[str]) -> str:
    near = difflib.get_close_matches(text, names, 4, 0.5) or [name for name in names if text in name][:4]
    return f"; there is {', '.join(near)}" if near else "; slabinfo lists them"


def slabinfo(
    session: Session, tuning: Tuning | None, statistics: bool = False
) -> list[vmstat.SlabInfo] | list[vmstat.SlabStatistics]:
    """Every cache, the newest first; or the one that was tuned."""
    kernel = session.kernel
    if statistics:
        if not kernel.layout.slab_debug:
            raise CommandError("the kernel counts this only on a machine started with --slab-debug")
        return kernel.slab_statistics()
    if tuning is None:
        return kernel.slabinfo()
    name = kernel.slab_caches()[cache_of(session, tuning.name)]
    match -kernel.slabinfo_write(name, tuning.limit, tuning.batchcount, tuning.shared):
        case 0:
            return [row for row in kernel.slabinfo() if row.name == name][:1]
        case error if error == EINVAL:
            raise CommandError("it must be that LIMIT >= BATCHCOUNT >= 1 and SHARED >= 0")
        case error if error == ENOMEM:
            raise CommandError(f"no memory for arrays of that size (an array has {PAGE_SIZE << 5} bytes at most)")
        case error:
            raise CommandError(f"error {error}")


def _slabinfo_arguments(session: Session, text: str) -> tuple[Tuning | None, bool]:
    if not text or text in ("-s", "--statistics"):
        return None, bool(text)
    option, _, rest = text.partition(" ")
    words = rest.replace('"', "").replace("'", "").rsplit(None, 3)
    if option != "-w":
        raise CommandError(f"{option!r} is no option of slabinfo")
    if len(words) != 4:
        raise CommandError("-w takes the name of a cache and three numbers")
    try:
        limit, batchcount, shared = (int(word) for word in words[1:])
    except ValueError:
        raise CommandError(f"{' '.join(words[1:])!r} are no three decimal numbers") from None
    return Tuning(words[0], limit, batchcount, shared), False


# one address


def slab_contains(session: Session, asked: int) -> Found:
    """What of a slab is at a linear address."""
    address = asked
    if not PAGE_OFFSET <= asked < PAGE_OFFSET + session.low_memory:
        pa = session.walk(asked).pa
        if pa is None:
            raise CommandError(f"0x{asked:x} is not mapped")
        if pa >= session.low_memory:
            raise CommandError(f"0x{asked:x} is mapped to physical 0x{pa:x}, above low memory: no slab is there")
        address = PAGE_OFFSET + pa
    place = session.kernel.slab_place(address)
    if place is None:
        raise CommandError(f"0x{asked:x} is in no slab; 'page {asked:x}' tells what is there")
    return Found(asked, place)


_BESIDE = {
    "red zone": "in the red zone {where}", "last user": "in the word for the last user of", "padding": "behind",
}  # fmt: skip


def _side(offset: int) -> str:
    return "before" if offset < 0 else "behind"


def _contains_text(found: Found) -> str:
    p, obj = found.place, found.place.object
    lines = []
    if found.asked != p.address:
        lines.append(f"{found.asked:08x} is mapped to {p.address:08x}")
    if obj is not None:
        where = f"{p.offset} bytes into" if p.part == "object" else _BESIDE[p.part].format(where=_side(p.offset))
        lines.append(f"{p.address:08x} is {where} object {obj.number} of {p.name}, {obj}")
        lines.append(f"  object  {obj.address:08x}-{obj.address + p.objsize - 1:08x}  {p.objsize} bytes")
    else:
        where = {"left over": "what is left over behind the objects"}.get(p.part, f"the {p.part}")
        lines.append(f"{p.address:08x} is {p.offset} bytes into {where} of a slab of {p.name}: no object")
    lines.append(f"  slab    {p.slab:08x}  {p.inuse} of {p.num} objects in use or in arrays")
    lines.append(f"  cache   {p.cache:08x}")
    return "".join(f"{line}\n" for line in lines)


# pictures


def slab_dump(session: Session, cachep: int, count: int) -> Dump:
    """A cache with its first `count` slabs."""
    slabs = session.kernel.slabs(cachep)
    return Dump(session.kernel.slab_cache(cachep), slabs[:count], max(0, len(slabs) - count))


def _dump_arguments(session: Session, text: str) -> tuple[Any, ...]:
    name, option, number = text.partition(" -n")
    if not option:
        return cache_of(session, text), _SOME_SLABS
    if not number.strip().isdecimal() or not int(number):
        raise CommandError("-n takes a number of slabs, 1 or more")
    return cache_of(session, name.strip()), int(number)


def _dump_text(dump: Dump) -> str:
    c = dump.cache
    where = f"in {c.slabp_cache}" if c.slabp_cache else "on the slab"
    lines = [
        f"{c.name} {c.address:08x}: {c.num} objects of {c.objsize} bytes in a slab of {c.slab_size >> 10}k, "
        f"management of {c.management} bytes {where}, {c.colours} colour{'s' * (c.colours != 1)}"
        + (f" of {c.colour_off} bytes" if c.colours > 1 else "")
    ]
    for slab in dump.slabs:
        lines += _slab_lines(slab, c)
    if dump.left:
        lines.append(f"... {dump.left} more: -n COUNT shows them")
    if dump.slabs:
        lines.append("A allocated  . free  c in the array of a CPU  s in the shared array")
    return "".join(f"{line}\n" for line in lines)


def _slab_lines(slab: SlabState, cache: CacheInfo) -> Iterator[str]:
    where = "on the slab" if slab.on_slab else f"at {slab.address:08x}"
    first = slab.chain[0] if slab.chain else "END"
    yield (
        f"slab {slab.address:08x}  {slab.on_list:<7}  pages {slab.start:08x}  colour {slab.colour}  "
        f"management {where}  objects {slab.s_mem:08x}  inuse {slab.inuse} of {cache.num}  free {first}"
    )
    cells = "".join(_CELL[obj.state] for obj in slab.objects)
    yield from (f"  {at:5d} {cells[at : at + _CELLS]}" for at in range(0, len(cells), _CELLS))
    chain = " -> ".join([*map(str, slab.chain), slab.error and "?" or "END"])
    yield from textwrap.wrap(chain, 100, initial_indent="  chain ", subsequent_indent=" " * 8)
    if slab.error:
        yield f"  damaged: {slab.error}"


def register(registry: Registry) -> None:
    """Add the commands of this module."""
    registry.add(Command(
        name="slabinfo", arguments="[-s | -w CACHE LIMIT BATCHCOUNT SHARED]", example="slabinfo -w size-64 252 126 8",
        summary="slab caches, and how to tune them: /proc/slabinfo",
        details="active_objs counts the objects that rest in arrays too, as the kernel's does.\n"
        "-s  with what is counted on a machine started with --slab-debug (--statistics): objects taken out of slabs,\n"
        "    hits and misses of the arrays, and more\n"
        "-w  tune a cache, as writing this line to /proc/slabinfo does: so many objects in the array of each CPU, so\n"
        "    many moved at a time, and SHARED * BATCHCOUNT in the array that CPUs share. The old arrays are emptied.",
        parse=_slabinfo_arguments, compute=slabinfo, text=vmstat.slabinfo_text,
        failed=lambda rows: any(row.error for row in rows),
    ))  # fmt: skip
    registry.add(Command(
        name="slab contains", arguments="ADDR", example="slab contains c1000040",
        summary="the slab object that an address is in, and whether it is allocated",
        details="ADDR: any address in it, in the direct map or elsewhere (vmalloc space, kmap). Where no object\n"
        "is: the management (struct slab and the chain of free objects), the gap before it that gives the slab its\n"
        "colour, or what is left over behind the objects.",
        parse=lambda session, text: (session.address(text),), compute=slab_contains, text=_contains_text,
    ))  # fmt: skip
    registry.add(Command(
        name="slab dump", arguments="CACHE [-n COUNT]", example="slab dump size-256",
        summary="a picture of each slab of a cache",
        details="CACHE: a name, or the address of a struct kmem_cache. For each slab: the list it is on, its pages,\n"
        "colour, management, a cell for each object in order, and the chain of free objects, the first of which\n"
        "is the next to be taken.\n"
        f"-n  so many slabs; without it {_SOME_SLABS}",
        parse=_dump_arguments, compute=slab_dump, text=_dump_text,
        failed=lambda dump: any(slab.error for slab in dump.slabs),
    ))  # fmt: skip
