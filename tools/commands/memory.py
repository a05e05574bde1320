"""`x` and `xp`: what memory holds, by linear or physical address."""

from __future__ import annotations

from typing import Any

from tools.dump import Dump, Format, examine, parse_format, render
from tools.registry import Command, Registry
from tools.session import Session

_FORMATS = (
    "FMT is a count, a format (x hex, d signed, u unsigned, o octal, t binary, a address, c character,\n"
    "s string, i instruction) and a size (b 1, h 2, w 4, g 8 bytes); each may be left out: 1, x, w.\n"
    "ADDR: a hexadecimal number with or without 0x, $register, a symbol; + and - between them."
)


def _parts(text: str) -> tuple[Format, str]:
    if not text.startswith("/"):
        return Format(), text
    form, _, address = text[1:].partition(" ")
    return parse_format(form), address


def _linear(session: Session, text: str) -> tuple[Any, ...]:
    form, address = _parts(text)
    return session.address(address), form


def _physical(session: Session, text: str) -> tuple[Any, ...]:
    form, address = _parts(text)
    return session.physical(address), form


def x(session: Session, address: int, form: Format) -> Dump:
    """Memory at a linear address."""
    return examine(address, form, session.read, session.name)


def xp(session: Session, address: int, form: Format) -> Dump:
    """Memory at a physical address."""
    return examine(address, form, session.read_physical, lambda pa: None)


def register(registry: Registry) -> None:
    """Add the commands of this module."""
    registry.add(Command(
        name="x", arguments="[/FMT] ADDR", summary="memory at a linear address", example="x /4xw $esp",
        details=_FORMATS, parse=_linear, compute=x, text=render, failed=lambda dump: dump.stopped is not None,
    ))  # fmt: skip
    registry.add(Command(
        name="xp", arguments="[/FMT] ADDR", summary="memory at a physical address", example="xp /8xb 9fc00",
        details=_FORMATS, parse=_physical, compute=xp, text=lambda dump: render(dump, 16),
        failed=lambda dump: dump.stopped is not None,
    ))  # fmt: skip
