"""`page`: everything about one frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from mm.layout import PAGE_OFFSET, PAGE_SHIFT, PAGE_SIZE
from mm.page_info import FrameInfo
from tools.commands.page_owner import Block, Describer, heading, trace_lines
from tools.errors import CommandError
from tools.registry import Command, Registry
from tools.session import Session


class Place(NamedTuple):
    """A frame, and the direct-map address in it that was asked for, if it was one."""

    pfn: int
    address: int | None


@dataclass
class PageAnswer:
    """What a frame is. `owner`: the allocation of the block that it is in; `what`: a sentence; `asked`: the address."""

    info: FrameInfo
    owner: Block | None
    what: str
    asked: int | None


def frame_of(session: Session, text: str, physical: bool) -> Place:
    """The frame that an argument means: a frame number, a `struct page`, a virtual address; or a physical address."""
    end = session.kernel.limits.max_pfn
    if physical:
        pa = session.physical(text)
        if pa >> PAGE_SHIFT >= end:
            last = (end << PAGE_SHIFT) - 1
            raise CommandError(f"the kernel has no frame at physical 0x{pa:x}, its memory ends at 0x{last:x}")
        return _place(session, pa)
    value = session.address(text)
    if value < end:
        return Place(value, None)
    pfn, rest = divmod(value - session.kernel.page_alloc.mem_map, session.kernel.page_alloc.page_size)
    if not rest and 0 <= pfn < end:
        return Place(pfn, None)
    found = session.walk(value).pa
    if found is None:
        raise CommandError(f"0x{value:x} is no frame number, no struct page and not mapped")
    if found >> PAGE_SHIFT >= end:
        raise CommandError(f"0x{value:x} is mapped to physical 0x{found:x}, where the kernel has no frame")
    return _place(session, found)


def _place(session: Session, pa: int) -> Place:
    return Place(pa >> PAGE_SHIFT, PAGE_OFFSET + pa if pa < session.low_memory else None)


def _parse(session: Session, text: str) -> tuple[Any, ...]:
    physical = text.startswith("-p ") or text == "-p"
    return tuple(frame_of(session, text.removeprefix("-p").strip() if physical else text, physical))


def page(session: Session, pfn: int, address: int | None) -> PageAnswer:
    """Explain a frame below max_pfn."""
    kernel = session.kernel
    info = kernel.frame_info(pfn, address)
    owner = kernel.page_owner(pfn)
    return PageAnswer(info, Describer(session).block(owner) if owner else None, _what(info), address)


def _blocks(order: int) -> str:
    return "1 page" if not order else f"{1 << order} pages"


def _what(f: FrameInfo) -> str:
    """What the frame is, in words."""
    pfn = f.struct.pfn
    position = f"page {pfn - f.head} of the" if f.order else "the"
    block = f"block of order {f.order} at frame {f.head:x} ({_blocks(f.order)})"
    match f.kind:
        case "buddy":
            return f"free: head of the {block}" if pfn == f.head else f"free: {position} {block}"
        case "per-cpu":
            return f"free: on the {'cold' if f.cold else 'hot'} list of CPU {f.cpu}"
        case "in use":
            where = f", on the {f.lru} list" if f.lru else ""
            return f"in use: {position} {'compound ' if f.compound else ''}{block}{where}"
        case "slab" if f.slab:
            return f"slab of {f.slab.name}: {f.slab.inuse} of {f.slab.num} objects in use or in arrays"
        case "vmalloc" if f.area:
            return f"page {f.area.number} of {f.area.nr_pages} of the vmalloc area {f.area.addr:08x}"
        case "page cache" if f.cache:
            where = f", on the {f.lru} list" if f.lru else ""
            return f"page {f.cache.index:x} in the page cache of inode {f.cache.ino}{where}"
        case "page table" if f.table_of is not None:
            return f"page table of {f.table_of[0]:08x}-{f.table_of[1]:08x}"
        case "mem_map" if f.mem_map_of:
            first, last = f.mem_map_of
            return f"mem_map: the page structs of frames {first:x}-{last:x}" if first <= last else "mem_map: its end"
        case "hole":
            return "a hole in the memory map: no RAM"
        case "reserved":
            return f"reserved: {f.reserved_for or 'since the boot'}"
    return f.kind if f.kind != "unclaimed" else "lost: no one holds it and no list has it"


def _render(answer: PageAnswer) -> str:
    return "\n".join(_lines(answer)) + "\n"


def _lines(answer: PageAnswer) -> Iterator[str]:
    f, p = answer.info, answer.info.struct
    yield f"frame {p.pfn:x}  physical {p.physical:x}-{p.physical + PAGE_SIZE - 1:x}  zone {f.zone}"
    if f.virtual is not None:
        yield f"  address     {f.virtual:08x}"
    for mapping in f.mappings:
        users = "" if mapping.users is None else f", {mapping.users} user{'s' * (mapping.users != 1)}"
        yield f"  mapped at   {mapping.address:08x}  {mapping.window}{users}"
    if f.area is not None:
        yield f"  mapped at   {f.area.address:08x}  vmalloc"
    yield f"  what        {answer.what}"
    if f.slab is not None:
        s = f.slab
        yield f"  slab        {s.slab:08x}  objects of {s.objsize} bytes from {s.s_mem:08x} on, cache {s.cache:08x}"
        if s.object is not None:
            yield f"  object      {s.object_address:08x}  number {s.object}, {s.state}"
        elif s.state:
            yield f"  object      {s.state} is at {answer.asked:08x}"
    if f.area is not None:
        yield f"  area        {f.area.addr:08x}-{f.area.addr + f.area.size:08x}  vm_struct {f.area.vm_struct:08x}"
    if f.cache is not None:
        yield f"  inode       {f.cache.inode:08x}  number {f.cache.ino}"
    yield f"  struct page {p.page:08x}  count {p.count}  mapcount {p.mapcount}"
    yield f"  flags       {p.flags:08x}  {','.join(p.flag_names)}".rstrip()
    yield f"  private     {p.private:08x}  mapping {p.mapping:08x}  index {p.index:x}"
    if f.links:
        for name, link in zip(("lru.next", "lru.prev"), f.links):
            yield f"  {name}    {link.address:08x}  {link.what}"
    else:
        yield f"  lru         {p.lru_next:08x}  {p.lru_prev:08x}"
    if answer.owner is not None:
        yield from _owner_lines(answer.owner)


def _owner_lines(owner: Block) -> Iterator[str]:
    a, at = owner.allocation, f"at {owner.nsec / 1e9:.6f} s, block at frame {owner.pfn:x}"
    if a is None:
        yield f"  owner       unknown, the table of records was full; {at}"
        return
    yield f"  owner       {heading(a)}, {at}"
    yield from (f"{'':13}{line}" for line in trace_lines(a))


def register(registry: Registry) -> None:
    """Add the commands of this module."""
    registry.add(Command(
        name="page", arguments="[-p] ADDR", example="page kernel_strings",
        summary="everything about one frame: what it is, its struct page, its links",
        details="ADDR: a frame number, the address of a struct page, or an address in the direct map, in vmalloc\n"
        "space or of a kmap, as an expression; with -p a physical address. What the frame is comes from the\n"
        "structures that have it: free lists, slabs, vmlist, page tables, inodes.",
        parse=_parse, compute=page, text=_render,
    ))  # fmt: skip
