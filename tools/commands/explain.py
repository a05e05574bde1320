"""`explain`: the whole story of a byte."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from guest.explain import Explanation
from hw.fault import Entry
from mm.owner import Owner, Site
from tools.arguments import SPACE, SPACE_USAGE, address_space, take_options
from tools.registry import Command, Registry
from tools.session import Session


def explain(session: Session, address: int, physical: bool, cr3: int | None) -> Explanation:
    """The whole story of a linear or physical address."""
    return session.kernel.explain(address, physical, cr3, session.cpu_number)


# arguments


def _parse(session: Session, text: str) -> tuple[Any, ...]:
    options, rest = take_options(text, SPACE | {"-p": 0})
    physical = "-p" in options
    return session.physical(rest) if physical else session.address(rest), physical, address_space(session, options)


# text


def row(name: str, text: str) -> str:
    """A line with a name in front."""
    return f"{name:<11} {text}".rstrip()


def size_words(size: int) -> str:
    """'4 kB'."""
    for shift, unit in ((20, "MB"), (10, "kB")):
        if size >> shift and not size & (1 << shift) - 1:
            return f"{size >> shift} {unit}"
    return f"{size} bytes"


def _text(e: Explanation) -> str:
    return "".join(f"{line}\n" for line in _lines(e))


def _lines(e: Explanation) -> Iterator[str]:
    where = f"physical {e.address:x}" if e.physical else f"{e.address:08x}  {_region(e)}"
    if not e.physical:
        where += f", physical {e.pa:x}" if e.pa is not None else ", not mapped"
    yield where + (f", zone {e.owner.zone}" if e.owner.zone else "")
    yield from _owner_lines(e, e.owner, "what")
    if e.owner.behind is not None:
        yield from _owner_lines(e, e.owner.behind, "behind it")
    yield from _walk_lines(e)
    for alias in e.aliases:
        slot = f" {alias.slot}" if alias.slot else ""
        spaces = f", in {len(alias.spaces)} address spaces" if len(alias.spaces) > 1 else ""
        window = f"{alias.window or 'no window'}{slot}"
        window += f", {size_words(alias.page_size)} page{spaces}"
        yield row("alias", f"{alias.linear:08x}  {window}")
    if e.pa is not None and not e.aliases:
        yield row("alias", "none: no linear address leads there")
    if f := e.frame:
        p = f.struct
        yield row("frame", f"{p.pfn:x}, {f.kind}, page {p.page:08x}, count {p.count}, mapcount {p.mapcount}")
        yield row("", f"flags {p.flags:08x} {','.join(p.flag_names)}")
        yield row("", f"private {p.private:08x}, mapping {p.mapping:08x}, index {p.index:x}")
        for name, link in zip(("lru.next", "lru.prev"), f.links):
            yield row("", f"{name} {link.address:08x}, {link.what}")


def _region(e: Explanation) -> str:
    return {"user": "user space", "hole": "no region of the kernel's"}.get(e.region, e.region)


def _owner_lines(e: Explanation, owner: Owner, name: str) -> Iterator[str]:
    """An owner, and what its memory was taken from."""
    yield row(name, owner.note)
    first, last, size = owner.start, owner.end - 1, size_words(owner.end - owner.start)
    extent = f"{first:08x}-{last:08x}" if owner.linear else f"physical {first:x}-{last:x}"
    yield row("", f"{owner.kind}, {extent} ({size})")
    for verb, site in (("allocated", owner.allocated), ("freed", owner.freed)):
        if site is not None:
            yield from _site_lines(e, verb, site)
    for side, neighbour in (("before it", owner.previous), ("after it", owner.next)):
        if neighbour is not None:
            yield row(side, f"{neighbour.address:08x}  object {neighbour.number}, {neighbour.state}")
    if owner.within is not None:
        yield from _owner_lines(e, owner.within, "part of")


def _site_lines(e: Explanation, verb: str, site: Site) -> Iterator[str]:
    words = [f"{site.size} bytes"] if site.size else []
    if site.time_ns is not None:
        words.append(f"at {site.time_ns / 1e9:.6f} s")
    if site.pid is not None:
        comm = e.comms.get(site.pid)
        words.append(f"by {comm} (pid {site.pid})" if comm else f"by pid {site.pid}, which has ended")
    if site.cpu is not None:
        words.append(f"on CPU {site.cpu}")
    place = e.places.get(site.address)
    yield row(verb, ", ".join([" ".join(words), f"in {place}" if place else "the kernel itself"]).removeprefix(", "))


def _walk_lines(e: Explanation) -> Iterator[str]:
    if not e.walk:
        return
    yield row("CR3", f"{e.cr3:08x}")
    yield from entry_lines(e.walk)
    if e.pa is None:
        yield row("", e.reason)
    else:
        yield row("page", f"{size_words(e.page_size)}, rights {e.rights}")


def entry_lines(walk: list[Entry]) -> Iterator[str]:
    """A line for each entry of a walk."""
    for entry in walk:
        words = entry.words()
        yield row(entry.level, words[len(entry.level) :].lstrip())


def register(registry: Registry) -> None:
    """Add the commands of this module."""
    registry.add(Command(
        name="explain", arguments=f"[-p] ADDR {SPACE_USAGE}", example="explain kernel_strings",
        summary="the whole story of a byte: owner, object, who allocated it, walk, frame, aliases",
        details="What the byte belongs to, down to the slab object with its neighbours, the page of an area, the\n"
        "member of a struct page; who allocated that and who freed it last, as far as that is known; the walk;\n"
        "every linear address of the byte; the frame and its struct page. -p: ADDR is a physical address.\n"
        "--cr3, --pid: under another page directory.",
        parse=_parse, compute=explain, text=_text,
    ))  # fmt: skip
