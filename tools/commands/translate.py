"""`vtop`, `gva2gpa`, `pte`, `aliases`: what page tables make of an address, of an entry, of a frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hw.paging import AVL, NX, PAE_LARGE_PAGE_SIZE, PAGE_SIZE, PS, ROW_NX, RW, US, large_pa
from mm import page_flags
from mm.aliases import AddressSpace, mapped_at
from mm.layout import PAGE_SHIFT
from tools.arguments import SPACE, SPACE_USAGE, address_space, take_options
from tools.errors import CommandError
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


@dataclass
class Entry:
    """A page-table entry, taken apart. level: pgd, pmd or pte, as the kernel calls it. physical: of the page or of the
    table that it leads to, None where it is not present. page_size: in bytes, 0 where it leads to a table. available:
    the three bits that are left to software.
    """

    entry: int
    level: str
    present: bool
    physical: int | None
    page_size: int
    flags: list[str]
    available: int
    digits: int


@dataclass
class AliasRow:
    """A linear address of a frame. rights: u where ring 3 may use it, r, w where it may be written, x where executed.

    spaces: the CR3s of the address spaces that have it.
    """

    linear: int
    window: str
    slot: str
    page_size: int
    rights: str
    spaces: list[int]


@dataclass
class Aliases:
    """Every linear address of a frame, in `searched`; who has these address spaces."""

    pfn: int
    physical: int
    aliases: list[AliasRow]
    searched: list[AddressSpace]


def address_in_space(session: Session, text: str) -> tuple[Any, ...]:
    """For a command with an address and `--cr3` or `--pid`."""
    options, rest = take_options(text, SPACE)
    return session.address(rest), address_space(session, options)


def entry_flags(entry: int, level: str = "PDE") -> list[str]:
    """The set bits of a page-table entry in crash's words; only those of a present one mean anything."""
    if not entry & _PRESENT:
        return []
    words = list(_WORDS)
    if level == "PTE":
        words[7] = "PAT"
    flags = [word for bit, word in enumerate(words) if entry >> bit & 1]
    return [*flags, "NX"] if entry & NX else flags


def vtop(session: Session, address: int, cr3: int | None = None) -> Translation:
    """Translate a linear address as the kernel would read it, under CR3 or `cr3`."""
    walk = session.walk(address, cr3=cr3)
    pae = session.pae
    names = _KERNEL_NAMES if pae else _TWO_LEVEL_NAMES
    levels = [
        EntryView(
            names[level.name], level.address, session.direct_map(level.address),
            level.entry, entry_flags(level.entry, level.name),
        )
        for level in walk.levels
    ]  # fmt: skip
    directory = (session.cpu["cr3"] if cr3 is None else cr3) & ~(0x1F if pae else 0xFFF)
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


# gva2gpa


def gva2gpa(session: Session, address: int, cr3: int | None) -> int | None:
    """The physical address of a linear one, None where nothing is mapped."""
    return session.walk(address, cr3=cr3).pa


def _render_gva2gpa(physical: int | None) -> str:
    return "Unmapped\n" if physical is None else f"gpa: {physical:#x}\n"


# pte

_LEVELS = {"pte": "PTE", "pmd": "PDE", "pde": "PDE", "pgd": "PDPTE", "pdpte": "PDPTE"}


def _parse_pte(session: Session, text: str) -> tuple[Any, ...]:
    options, rest = take_options(text, {"-l": 1, "--level": 1})
    level = (options.get("-l") or options.get("--level") or ["pte"])[0].lower()
    if level not in _LEVELS:
        raise CommandError(f"{level!r} is no level: {', '.join(_LEVELS)}")
    try:
        entry = int(rest, 16)
    except ValueError:
        raise CommandError(f"{rest!r} is no hexadecimal number" if rest else "an entry is missing") from None
    bits = 64 if session.pae else 32
    if not 0 <= entry < 1 << bits:
        raise CommandError(f"{rest} does not fit into an entry of {bits} bits")
    return entry, "PDE" if level == "pgd" and not session.pae else _LEVELS[level]


def pte(session: Session, entry: int, level: str) -> Entry:
    """Take an entry apart, in the format that the CPU has now."""
    pae = session.pae
    present, large = bool(entry & _PRESENT), level == "PDE" and bool(entry & PS)
    physical: int | None = None
    if present and large:
        physical = entry & ((1 << 40) - PAE_LARGE_PAGE_SIZE) if pae else large_pa(entry)
    elif present:
        physical = entry & ((1 << 40) - PAGE_SIZE)
    size = (PAE_LARGE_PAGE_SIZE if pae else 4 << 20) if large else PAGE_SIZE if level == "PTE" else 0
    name = (_KERNEL_NAMES if pae else _TWO_LEVEL_NAMES)[level].lower() if pae or level != "PDPTE" else "pgd"
    flags = entry_flags(entry, level)
    return Entry(
        entry, name, present, physical, size, flags, (entry & AVL) >> 9 if present else 0, 16 if pae else 8
    )  # fmt: skip


def render_pte(e: Entry) -> str:
    """crash's three columns."""
    entry = f"{e.entry:x}"
    name = e.level.upper()
    width = max(len(entry), len(name))
    if e.physical is None:
        return f"{name:^{width}}  PHYSICAL  FLAGS\n{entry:>{width}}  (not present)\n"
    what = f"  {e.page_size >> 20}M page" if e.page_size > PAGE_SIZE else "" if e.page_size else "  (a page table)"
    available = f"  available bits {e.available:03b}" if e.available else ""
    frame = max(8, len(f"{e.physical:x}"))
    return (
        f"{name:^{width}}  {'PHYSICAL':^{frame}}  FLAGS\n"
        f"{entry:>{width}}  {e.physical:{frame}x}  ({'|'.join(e.flags)}){what}{available}\n"
    )


# aliases


def _parse_aliases(session: Session, text: str) -> tuple[Any, ...]:
    options, rest = take_options(text, {**SPACE, "-p": 0, "-v": 0})
    if "-p" in options and "-v" in options:
        raise CommandError("-p and -v exclude each other")
    cr3 = address_space(session, options)
    if "-v" in options:
        address = session.address(rest)
        physical = session.walk(address, cr3=cr3).pa
        if physical is None:
            raise CommandError(f"nothing is mapped at {address:08x}")
        return physical >> PAGE_SHIFT, cr3
    if "-p" in options:
        return session.physical(rest) >> PAGE_SHIFT, cr3
    pfn = session.physical(rest)
    if pfn >> 40 - PAGE_SHIFT:
        raise CommandError(f"no frame is called {pfn:x}: is it an address? (-p for a physical, -v for a linear one)")
    return pfn, cr3


def aliases(session: Session, pfn: int, cr3: int | None) -> Aliases:
    """Every linear address of a frame, in all address spaces, or in the one of `cr3`."""
    if session.bare:
        spaces = [AddressSpace(session.directory(session.cpu["cr3"]) if cr3 is None else cr3, 0, "", ())]
    else:
        spaces = session.kernel.address_spaces()
        if cr3 is not None:
            spaces = [s for s in spaces if s.cr3 == cr3] or [AddressSpace(cr3, 0, "", ())]
    cr3s = [space.cr3 for space in spaces]
    if session.bare:
        cpu = session.cpu
        found = mapped_at(session.kernel.ram, pfn, cr3s, cpu["cr0"], cpu["cr4"], session.efer)
        rows = [AliasRow(m.linear, "", "", m.page_size, rights(m.flags), list(m.spaces)) for m in found]
    else:
        rows = [
            AliasRow(a.linear, a.window, a.slot, a.page_size, rights(a.flags), list(a.spaces))
            for a in session.kernel.aliases(pfn, cr3s)
        ]
    return Aliases(pfn, pfn << PAGE_SHIFT, rows, spaces)


def rights(flags: int) -> str:
    """The rights in the flags of hw.paging.ROW_FIELDS: "urwx", each a dash where it is not given."""
    return f"{'u' if flags & US else '-'}r{'w' if flags & RW else '-'}{'-' if flags & ROW_NX else 'x'}"


def _render_aliases(result: Aliases) -> str:
    if not result.aliases:
        return f"frame {result.pfn:x} (physical {result.physical:x}) has no linear address\n"
    names = {space.cr3: space_name(space) for space in result.searched}
    lines = ["LINEAR    PAGE  RIGHTS  WINDOW"]
    for row in result.aliases:
        window = f"{row.window} {row.slot}".strip()
        where = "" if len(row.spaces) == len(names) else f"  in {', '.join(names[cr3] for cr3 in row.spaces)}"
        lines.append(f"{row.linear:08x}  {page_size(row.page_size):>4}  {row.rights:6}  {window}{where}".rstrip())
    return "\n".join(lines) + "\n"


def space_name(space: AddressSpace) -> str:
    """Whose an address space is: 'init_mm', 'insmod (pid 3)', 'cr3 106000'."""
    if space.pids:
        return f"{space.comm} (pid {', '.join(map(str, space.pids))})"
    return "init_mm" if space.mm else f"cr3 {space.cr3:x}"


def page_size(size: int) -> str:
    """'4K', '4M'."""
    return f"{size >> 20}M" if size >> 20 else f"{size >> 10}K"


def register(registry: Registry) -> None:
    """Add the commands of this module."""
    registry.add(Command(
        name="vtop", arguments=f"{SPACE_USAGE} ADDR", summary="translate a virtual address, level by level",
        example="vtop kmalloc",
        details="Every level with its entry's address and value, then the page and its struct page, as crash does.\n"
        "ADDR: a hexadecimal number with or without 0x, $register, a symbol; + and - between them.\n"
        "--cr3, --pid  under another page directory: of physical address PA, or of a task",
        parse=address_in_space, compute=vtop, text=render_vtop,
    ))  # fmt: skip
    registry.add(Command(
        name="gva2gpa", arguments=f"{SPACE_USAGE} ADDR", summary="the physical address of a linear one",
        example="gva2gpa kmalloc", parse=address_in_space, compute=gva2gpa, text=_render_gva2gpa,
    ))  # fmt: skip
    registry.add(Command(
        name="pte", arguments="[-l pte|pmd|pgd] VALUE", summary="a page-table entry taken apart",
        example="pte 1067",
        details="VALUE is hexadecimal, in the format (two levels or PAE) that the CPU has now.\n"
        "-l  the level that it is of: bit 7 is PAT in a pte, and makes a large page in what is above it",
        parse=_parse_pte, compute=pte, text=render_pte,
    ))  # fmt: skip
    registry.add(Command(
        name="aliases", arguments=f"{SPACE_USAGE} [-p|-v] PFN", example="aliases 100",
        summary="every linear address that leads to a frame",
        details="PFN is the number of a frame in hexadecimal; with -p a physical address, with -v a linear one.\n"
        "WINDOW is what of the kernel's maps it: direct map, vmalloc, kmap, kmap_atomic, fixmap, user. All address\n"
        "spaces are searched; what not all of them have says which do.",
        parse=_parse_aliases, compute=aliases, text=_render_aliases,
    ))  # fmt: skip
