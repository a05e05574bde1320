"""`kmem -f|-p|-s|-S|-v|-z|-i`: free lists, page structs, slabs, areas, zones, memory use, in crash's forms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from mm.free_areas import FreePages, FreeZone
from mm.layout import PAGE_SHIFT
from mm.page_info import PageStruct
from mm.slab_info import CacheInfo, SlabObject, SlabState
from mm.vmalloc_info import VmallocInfo
from mm.vmstat import ZoneInfo
from tools.commands.frames import frame_of
from tools.commands.slabs import cache_of
from tools.errors import CommandError
from tools.registry import Command, Registry
from tools.session import Session

_SOME_PAGES = 64
#: enum zone_stat_item, as crash names the words of vm_stat.
_VM_STAT = (
    "NR_ANON_PAGES", "NR_FILE_MAPPED", "NR_FILE_PAGES", "NR_SLAB_RECLAIMABLE", "NR_SLAB_UNRECLAIMABLE", "NR_PAGETABLE",
    "NR_FILE_DIRTY", "NR_WRITEBACK", "NR_UNSTABLE_NFS", "NR_BOUNCE", "NR_VMSCAN_WRITE",
)  # fmt: skip


@dataclass
class Pages:
    """Some page structs. `next`: the frame that follows them, None where they were asked for or none follows."""

    pages: list[PageStruct]
    next: int | None
    left: int


@dataclass
class Usage:
    """A row of `kmem -i`: pages, and of what they are a share (0 to 100 percent); a total has none."""

    name: str
    pages: int
    percent: int | None
    of: str


@dataclass
class Caches:
    """Rows of `kmem -s`."""

    caches: list[CacheInfo]


@dataclass
class CacheSlabs:
    """A cache with all its slabs."""

    cache: CacheInfo
    slabs: list[SlabState]


@dataclass
class Areas:
    """Rows of `kmem -v`."""

    areas: list[VmallocInfo]


Result = FreePages | Pages | Caches | CacheSlabs | Areas | list[ZoneInfo] | list[Usage]


def kmem(session: Session, answer: Callable[..., Result], *arguments: Any) -> Result:
    """One of the answers below."""
    return answer(session, *arguments)


def free_lists(session: Session) -> FreePages:
    """The free lists, walked, and their counters."""
    return session.kernel.free_pages()


def zones(session: Session) -> list[ZoneInfo]:
    """The zones with their counters."""
    return session.kernel.zoneinfo()


def some_pages(session: Session, first: int, count: int | None) -> Pages:
    """`count` page structs from frame `first` on; None: the first few, and where the rest begins."""
    end = session.kernel.limits.max_pfn
    last = min(end, first + (_SOME_PAGES if count is None else count))
    left = end - last if count is None else 0
    return Pages(session.kernel.page_structs(range(first, last)), last if left else None, left)


def caches(session: Session, cachep: int | None) -> Caches:
    """All slab caches, or one."""
    kernel = session.kernel
    return Caches([kernel.slab_cache(va) for va in ([*kernel.slab_caches()] if cachep is None else [cachep])])


def cache_slabs(session: Session, cachep: int) -> CacheSlabs:
    """A slab cache, every slab and every object of it."""
    return CacheSlabs(session.kernel.slab_cache(cachep), session.kernel.slabs(cachep))


def areas(session: Session) -> Areas:
    """The areas of vmalloc space."""
    return Areas(session.kernel.vmallocinfo())


def usage(session: Session) -> list[Usage]:
    """General memory use, in pages."""
    kernel = session.kernel
    info = {name: kbytes >> (PAGE_SHIFT - 10) for name, kbytes in kernel.meminfo().items()}
    shared = kernel.memory_state().shared
    total, swap, limit = info["MemTotal"], info["SwapTotal"], info["CommitLimit"]
    rows: list[tuple[str, int, str, int]] = [
        ("TOTAL MEM", total, "", 0),
        ("FREE", info["MemFree"], "TOTAL MEM", total),
        ("USED", total - info["MemFree"], "TOTAL MEM", total),
        ("SHARED", shared, "TOTAL MEM", total),
        ("BUFFERS", info["Buffers"], "TOTAL MEM", total),
        ("CACHED", info["Cached"], "TOTAL MEM", total),
        ("SLAB", info["Slab"], "TOTAL MEM", total),
        ("TOTAL HIGH", info["HighTotal"], "TOTAL MEM", total),
        ("FREE HIGH", info["HighFree"], "TOTAL HIGH", info["HighTotal"]),
        ("TOTAL LOW", info["LowTotal"], "TOTAL MEM", total),
        ("FREE LOW", info["LowFree"], "TOTAL LOW", info["LowTotal"]),
        ("TOTAL SWAP", swap, "", 0),
        ("SWAP USED", swap - info["SwapFree"], "TOTAL SWAP", swap),
        ("SWAP FREE", info["SwapFree"], "TOTAL SWAP", swap),
        ("COMMIT LIMIT", limit, "", 0),
        ("COMMITTED", info["Committed_AS"], "TOTAL LIMIT", limit),
    ]
    return [
        Usage(name, pages, (pages * 100 // whole if whole else 0) if of else None, of)
        for name, pages, of, whole in rows
    ]


# arguments


def _parse(session: Session, text: str) -> tuple[Any, ...]:
    option, _, rest = text.partition(" ")
    rest = rest.strip()
    if option == "-p":
        return (some_pages, *_page_arguments(session, rest))
    if option == "-s":
        return caches, cache_of(session, rest) if rest else None
    if option == "-S":
        return cache_slabs, cache_of(session, rest)
    simple: dict[str, Callable[..., Result]] = {"-f": free_lists, "-v": areas, "-z": zones, "-i": usage}
    if option not in simple:
        raise CommandError(f"{option!r} is no option of kmem" if option else "an option is missing")
    if rest:
        raise CommandError(f"{option} takes no arguments, but got {rest!r}")
    return (simple[option],)


def _page_arguments(session: Session, text: str) -> tuple[int, int | None]:
    if not text:
        return 0, None
    physical = text.startswith("-P ")
    words = text.removeprefix("-P ").split()
    count = 1
    if len(words) > 1 and words[-1].isdecimal() and words[-2] not in ("+", "-"):
        count = int(words.pop())
        if not count:
            raise CommandError("COUNT is 1 or more")
    return frame_of(session, " ".join(words), physical).pfn, count


# text


def _render(result: Result) -> str:
    if isinstance(result, FreePages):
        return _free_text(result)
    if isinstance(result, Pages):
        return _pages_text(result)
    if isinstance(result, Caches):
        return _CACHE_HEADER + "".join(map(_cache_row, result.caches))
    if isinstance(result, Areas):
        return _AREA_HEADER + "".join(map(_area_row, result.areas))
    if isinstance(result, CacheSlabs):
        return _CACHE_HEADER + _cache_row(result.cache) + "".join(_slab_text(slab) for slab in result.slabs)
    rows = [row for row in result if isinstance(row, Usage)]
    return _usage_text(rows) if rows else _zones_text([row for row in result if isinstance(row, ZoneInfo)])


def _middle(text: str, width: int) -> str:
    """Centred; of an odd number of blanks one more stands before, as in crash."""
    after = max(0, width - len(text)) // 2
    return text.rjust(width - after).ljust(width)


def _free_text(result: FreePages) -> str:
    lines = ["NODE", "  0"]
    for zone in result.zones:
        lines += [*_free_zone(zone), ""]
    verdict = "(verified)" if result.verified else f"(found {result.found})"
    return "\n".join([*lines, f"nr_free_pages: {result.nr_free_pages}  {verdict}"]) + "\n"


def _free_zone(zone: FreeZone) -> Iterator[str]:
    yield "ZONE  NAME        SIZE    FREE  MEM_MAP   START_PADDR  START_MAPNR"
    yield (
        f"{zone.number:3d}   {zone.name:<9}{zone.size:7d} {zone.free:7d}  {zone.mem_map:08x}  "
        f"{_middle(f'{zone.start_paddr:x}', 11)}  {_middle(str(zone.start_mapnr), 11)}"
    )
    yield "AREA    SIZE  FREE_AREA_STRUCT  BLOCKS  PAGES"
    for area in zone.areas:
        size = f"{4 << area.order}k"
        yield (
            f"{area.order:3d}  {size:>7}  {_middle(f'{area.address:08x}', 16)}  {area.blocks:6d} "
            f"{area.blocks << area.order:6d}"
            + (f"  nr_free is {area.nr_free}" if area.nr_free != area.blocks else "")
            + (f"  ({area.error})" if area.error else "")
        )
    if zone.free != zone.found:
        yield f"free_pages of zone {zone.name} is {zone.free}, its lists hold {zone.found}"


def _pages_text(result: Pages) -> str:
    lines = ["  PAGE    PHYSICAL   MAPPING    INDEX CNT FLAGS"]
    for p in result.pages:
        row = f"{p.page:08x} {p.physical:9x} {p.mapping:9x} {p.index:9x} {p.count:2d} {p.flags:x}"
        lines.append(f"{row} {','.join(p.flag_names)}".rstrip())
    if result.next is not None:
        lines.append(f"... {result.left} more: kmem -p {result.next:x} COUNT")
    return "\n".join(lines) + "\n"


_AREA_HEADER = "VM_STRUCT     ADDRESS RANGE     SIZE\n"


def _area_row(area: VmallocInfo) -> str:
    return f"{area.vm_struct:08x}   {area.addr:08x} - {area.addr + area.size:08x}  {area.size:6d}\n"


_CACHE_HEADER = "CACHE      OBJSIZE  ALLOCATED     TOTAL  SLABS  SSIZE  NAME\n"


def _cache_row(c: CacheInfo) -> str:
    return (
        f"{c.address:08x}  {c.objsize:8d}  {c.allocated:9d}  {c.total:8d}  {c.slabs:5d}  {c.slab_size >> 10:4d}k  "
        f"{c.name}\n"
    )


def _slab_text(slab: SlabState) -> str:
    total, allocated = len(slab.objects), slab.allocated
    lines = [
        "SLAB      MEMORY    TOTAL  ALLOCATED  FREE",
        f"{slab.address:08x}  {slab.s_mem:08x}  {total:5d}  {allocated:9d}  {total - allocated:4d}"
        + (f"  ({slab.error})" if slab.error else ""),
        "FREE / [ALLOCATED]",
        *map(_object_text, slab.objects),
    ]
    return "\n".join(lines) + "\n"


def _object_text(obj: SlabObject) -> str:
    match obj.state:
        case "allocated":
            return f"  [{obj.address:08x}]"
        case "cpu":
            return f"   {obj.address:08x}  (cpu {obj.cpu} cache)"
        case "shared":
            return f"   {obj.address:08x}  (shared cache)"
        case "unknown":
            return f"   {obj.address:08x}  (unknown)"
    return f"   {obj.address:08x}"


def _zones_text(rows: list[ZoneInfo]) -> str:
    lines = []
    for n, z in enumerate(rows):
        lines += [
            f'NODE: {z.node}  ZONE: {n}  ADDR: {z.address:08x}  NAME: "{z.zone}"',
            f"  SIZE: {z.spanned}  PRESENT: {z.present}  MIN: {z.min}  LOW: {z.low}  HIGH: {z.high}",
            f"  FREE: {z.free}  NR_ACTIVE: {z.active}  NR_INACTIVE: {z.inactive}  PAGES_SCANNED: {z.scanned}",
            "  VM_STAT:",
            *(f"{name:>28}: {value}" for name, value in zip(_VM_STAT, z.stats.values())),
            "",
        ]
    return "\n".join(lines) + ("\n" if not rows else "")


def _size(pages: int) -> str:
    """Pages in crash's units."""
    kbytes = pages << (PAGE_SHIFT - 10)
    for shift, unit in ((20, "GB"), (10, "MB")):
        if kbytes >> shift:
            return f"{kbytes / (1 << shift):.1f}".removesuffix(".0") + f" {unit}"
    return f"{kbytes} KB" if kbytes else "0"


def _usage_text(rows: list[Usage]) -> str:
    lines = [f"{'PAGES':>22}{'TOTAL':>13}      PERCENTAGE"]
    for row in rows:
        if row.name in ("TOTAL HIGH", "TOTAL SWAP", "COMMIT LIMIT"):
            lines.append("")
        share = "       ----" if row.percent is None else f"{row.percent:3d}% of {row.of}"
        lines.append(f"{row.name:>13}  {row.pages:7d}  {_size(row.pages):>11}  {share}")
    return "\n".join(lines) + "\n"


def _failed(result: Result) -> bool:
    if isinstance(result, CacheSlabs):
        return any(slab.error for slab in result.slabs)
    return isinstance(result, FreePages) and not result.verified


def register(registry: Registry) -> None:
    """Add the commands of this module."""
    registry.add(Command(
        name="kmem", arguments="-f | -p [[-P] ADDR [COUNT]] | -s [CACHE] | -S CACHE | -v | -z | -i",
        summary="free lists, page structs, slabs, areas, zones, memory use, as in crash", example="kmem -f",
        details="-f  every free list, counted; nr_free_pages is (verified), or it is said what was found, and the\n"
        "    command counts as failed\n"
        "-p  struct page of a frame, or of COUNT (decimal) frames from it on; without ADDR the first 64 frames.\n"
        "    ADDR: a frame number, the address of a struct page, a virtual address; -P: a physical address\n"
        "-s  the slab caches, or one (its name, or the address of its struct kmem_cache)\n"
        "-S  a cache, every slab, every object: [allocated] or free; free ones that rest in an array say in which\n"
        "-v  the areas of vmalloc space; a size has the guard page in it\n"
        "-z  the zones with their watermarks and vm_stat\n"
        "-i  memory use; SHARED are the references to pages beyond their first",
        parse=_parse, compute=kmem, text=_render,
        failed=_failed,
    ))  # fmt: skip
