"""`why`: would an access work now, and which rule says so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from guest.explain import Why
from hw.paging import Access
from hw.permission import permission
from tools.arguments import SPACE, SPACE_USAGE, address_space, take_options
from tools.commands.explain import entry_lines, row, size_words
from tools.errors import CommandError
from tools.registry import Command, Registry
from tools.session import Session

_ACCESSES = {"-r": Access.READ, "-w": Access.WRITE, "-x": Access.FETCH}
_VERBS = {"read": "a read of", "write": "a write to", "fetch": "executing"}


def why(session: Session, address: int, access: Access, user: bool, cr3: int | None, eip: int | None) -> Why:
    """Whether an access would work, and which rule says so; without a kernel, what the CPU says."""
    if session.bare:
        found = permission(session.cpu, address, access, user, cr3)
        return Why("yes" if found.works else "no", found, None, "", None, None)
    return session.kernel.why(address, access, user, cr3, session.cpu_number, eip)


def _parse(session: Session, text: str) -> tuple[Any, ...]:
    options, rest = take_options(text, SPACE | dict.fromkeys((*_ACCESSES, "-u", "-k"), 0) | {"--eip": 1})
    accesses = [access for option, access in _ACCESSES.items() if option in options]
    if len(accesses) > 1 or ("-u" in options and "-k" in options):
        raise CommandError("-r, -w and -x exclude each other, and so do -u and -k")
    eip = session.address(options["--eip"][0]) if "--eip" in options else None
    access = accesses[0] if accesses else Access.READ
    return session.address(rest), access, "-u" in options, address_space(session, options), eip


# text


def _text(w: Why) -> str:
    return "".join(f"{line}\n" for line in _lines(w))


def _lines(w: Why) -> Iterator[str]:
    p = w.permission
    what = f"{_VERBS[p.access]} {p.linear:08x} from ring {3 if p.user else 0}"
    yield {"yes": f"yes: {what} works", "no": f"no: {what} does not work"}.get(
        w.answer, f"yes, after a fault: {what} works, once the kernel has repaired it"
    )
    if p.segment:
        s = p.segment
        refused = "" if s.reason else ", allows it"
        yield row("segment", f"{s.register.upper()} {s.selector:04x}, base {s.base:08x}, limit {s.limit:08x}{refused}")
    yield row("rule", p.reason)
    yield row("CR3", f"{p.cr3:08x}")
    for entry, line in zip(p.walk, entry_lines(p.walk)):
        decides = p.level == entry.level
        yield line + (f"   <- {p.bit} decides" if decides else "")
    if p.physical is not None:
        ram = "" if p.is_ram else ", where no RAM is"
        yield row("physical", f"{p.physical:x}{ram}, {size_words(p.page_size)} page, rights {p.rights}")
    if p.error_code is not None:
        bits = ", ".join(bit.words for bit in p.bits if bit.value) or "not present, a read from ring 0"
        yield row("fault", f"#PF with error code {p.error_code:04x}: {bits}")
    if w.verdict is not None:
        then = f" at {w.fixup}" if w.fixup else ""
        yield row("kernel", f"{w.verdict}: {w.decision}{then}")
    if w.owner is not None:
        yield row("address", f"{w.owner.note} ({w.owner.kind})")


def register(registry: Registry) -> None:
    """Add the command of this module."""
    registry.add(Command(
        name="why", arguments=f"ADDR [-r|-w|-x] [-u|-k] [--eip ADDR] {SPACE_USAGE}", example="why 1000 -w",
        summary="would this access work now, and which rule says so",
        details="-r, -w, -x: a read (without any of them), a write, a fetch of code. -u, -k: from ring 3, from ring 0\n"
        "(without any). Segment, page tables, CR0.WP, NX, SMEP and SMAP are asked, without an access: no A or D bit\n"
        "changes, and no TLB. Of a fault in ring 0 it is said what the kernel would do: copy a page table of vmalloc,\n"
        "go on at the fixup of the instruction at --eip (by default the one where the CPU stands), or die.\n"
        "What a TLB still holds may differ: info tlb -s.",
        parse=_parse, compute=why, text=_text,
    ))  # fmt: skip
