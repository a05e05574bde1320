"""`vtop`: what the page tables make of an address, level by level, in crash's form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hw.paging import CR4_PAE, NX
from mm import page_flags
from mm.layout import PAGE_SHIFT
from tools.registry import Command, Registry
from tools.session import Session

#: The bits of an entry in crash's words; bit 7 is PSE in a directory entry, PAT in a table entry.
_WORDS = ("PRESENT", "RW", "USER", "PWT", "PCD", "ACCESSED", "DIRTY", "PSE", "GLOBAL")
_PRESENT = 1
#: What the levels of a walk are called by the kernel, in both formats.
_KERNEL_NAMES = {"PDPTE": "PGD", "PDE": "PMD", "PTE": "PTE"}
_TWO_LEVEL_NAMES = {"PDE": "PGD", "PTE": "PTE"}


@dataclass
class EntryView:
    """One level: the entry's physical address and, in the direct map, its virtual one; value; flags in words."""

    level: str
    physical: int
    virtual: int | None
    entry: int
    flags: list[str]


@dataclass
class PageView:
    """A `struct page`: its address, and its fields. `count` is 0 for a free page; `flags` as stored."""

    page: int
    physical: int
    mapping: int
    index: int
    count: int
    flags: int
    flag_names: list[str]


@dataclass
class Translation:
    """The way of one linear address. `physical` is None where the kernel cannot read it; `reason` says why.

    `writable` and `user` are the rights of all levels together; `page_size` is 0 where nothing is mapped.
    """

    virtual: int
    physical: int | None
    page_directory: int
    levels: list[EntryView]
    page_size: int
    writable: bool
    user: bool
    reason: str
    page: PageView | None


def _address(session: Session, text: str) -> tuple[Any, ...]:
    return (session.address(text),)


def entry_flags(entry: int, level: str = "PDE") -> list[str]:
    """The set bits of a page-table entry in crash's words; only those of a present one mean anything."""
    if not entry & _PRESENT:
        return []
    words = list(_WORDS)
    if level == "PTE":
        words[7] = "PAT"
    flags = [word for bit, word in enumerate(words) if entry >> bit & 1]
    return [*flags, "NX"] if entry & NX else flags


def vtop(session: Session, address: int) -> Translation:
    """Translate a linear address as the kernel would read it."""
    walk = session.walk(address)
    pae = bool(session.cpu["cr4"] & CR4_PAE)
    names = _KERNEL_NAMES if pae else _TWO_LEVEL_NAMES
    levels = [
        EntryView(
            names[level.name], level.address, session.direct_map(level.address),
            level.entry, entry_flags(level.entry, level.name),
        )
        for level in walk.levels
    ]  # fmt: skip
    directory = session.cpu["cr3"] & ~(0x1F if pae else 0xFFF)
    return Translation(
        virtual=address,
        physical=walk.pa,
        page_directory=session.direct_map(directory) or directory,
        levels=levels,
        page_size=walk.page_size,
        writable=walk.writable,
        user=walk.user,
        reason=walk.reason,
        page=_page(session, walk.pa) if walk.pa is not None else None,
    )


def _page(session: Session, pa: int) -> PageView | None:
    """The `struct page` of the frame at `pa`, None for a frame that mem_map does not cover, and without a kernel."""
    if session.bare:
        return None
    layout = session.kernel.layout
    pfn = pa >> PAGE_SHIFT
    if pfn >= session.variable("max_mapnr"):
        return None
    struct = layout["page"]
    page = session.variable("mem_map") + pfn * struct.size

    def field(name: str) -> int:
        return session.lowmem_word(page + struct.offset(name))

    flags = field("flags")
    names = page_flags.decode(flags)
    return PageView(
        page, pa & -(1 << PAGE_SHIFT), field("mapping"), field("index"), field("_count"), flags,
        names.split("|") if names != "-" else [],
    )  # fmt: skip


def render_vtop(result: Translation) -> str:
    """crash's text, with the flags of every level; where nothing is mapped, the reason."""
    physical = "(not mapped)" if result.physical is None else f"{result.physical:x}"
    lines = ["VIRTUAL   PHYSICAL", f"{result.virtual:08x}  {physical}", ""]
    lines.append(f"PAGE DIRECTORY: {result.page_directory:08x}")
    for level in result.levels:
        where = level.physical if level.virtual is None else level.virtual
        flags = "|".join(level.flags) or "not present"
        lines.append(f"  {level.level}: {where:08x} => {level.entry:08x}  ({flags})")
    if result.physical is None or not result.levels:
        return "\n".join([*lines, "", result.reason]) + "\n"
    base = result.physical & -result.page_size
    big = f"  ({result.page_size >> 20}MB)" if result.page_size > 4096 else ""
    last = result.levels[-1]
    entry, frame = f"{last.entry:8x}", f"{base:8x}"
    lines += [f" PAGE: {base:08x}{big}", ""]
    lines.append(f"{'PTE':^{len(entry)}}  {'PHYSICAL':^{len(frame)}}  FLAGS")
    lines.append(f"{entry}  {frame}  ({'|'.join(last.flags)})")
    if page := result.page:
        lines += ["", "  PAGE    PHYSICAL   MAPPING    INDEX CNT FLAGS"]
        lines.append(
            f"{page.page:08x} {page.physical:9x} {page.mapping:9x} {page.index:8x} {page.count:3d} {page.flags:x}"
            + (f" {','.join(page.flag_names)}" if page.flag_names else "")
        )
    return "\n".join(lines) + "\n"


def register(registry: Registry) -> None:
    """Add the commands of this module."""
    registry.add(Command(
        name="vtop", arguments="ADDR", summary="translate a virtual address, level by level", example="vtop kmalloc",
        details="Every level with its entry's address and value, then the page and its struct page, as crash does.\n"
        "ADDR: a hexadecimal number with or without 0x, $register, a symbol; + and - between them.",
        parse=_address, compute=vtop, text=render_vtop,
    ))  # fmt: skip
