"""`frag`: how far free memory is of use for large requests, and what stands in its way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mm.layout import MAX_ORDER
from tools.errors import CommandError
from tools.registry import Command, Registry
from tools.session import Session

if TYPE_CHECKING:  # it loads numpy
    from mm.fragmentation import Picture, UnusableIndex

_ROW = 64
_MOST_CELLS = 1 << 16
#: A cell's letter by what most of its frames that are not free are, and a terminal's colour.
_LETTERS = {
    "free": (".", "32"), "hole": ("#", "90"), "reserved": ("R", "90"), "mem_map": ("M", "34"),
    "page table": ("T", "35"), "slab": ("S", "33"), "per-cpu": ("C", "36"), "vmalloc": ("V", "96"),
    "page cache": ("P", "94"),
    "in use": ("U", "31"), "unclaimed": ("?", "41"),
}  # fmt: skip
_OTHER = ("+", "31")


@dataclass
class Fragmentation:
    """The unusable free space index of each zone, and the picture of one."""

    index: list[UnusableIndex]
    picture: Picture | None


def frag(session: Session, zone: str | None, order: int | None) -> Fragmentation:
    """The index of every zone; with the name of one, its index and its picture."""
    from mm.fragmentation import picture, unusable_index

    kernel = session.kernel
    index = unusable_index(kernel.buddyinfo())
    if zone is None:
        return Fragmentation(index, None)
    zones = [row for row in kernel.zoneinfo() if row.zone.lower() == zone.lower()]
    if not zones:
        raise CommandError(f"no zone {zone!r}; there are {', '.join(row.zone for row in kernel.zoneinfo())}")
    if order is not None and zones[0].spanned >> order > _MOST_CELLS:
        raise CommandError(f"{zones[0].spanned >> order} cells are too many; -n {order} is too small for this zone")
    mine = [row for row in index if row.zone == zones[0].zone]
    return Fragmentation(mine, picture(zones[0], kernel.frame_map(), order))


def _parse(session: Session, text: str) -> tuple[Any, ...]:
    words = text.split()
    order: int | None = None
    if "-n" in words:
        at = words.index("-n")
        number = words[at + 1] if at + 1 < len(words) else ""
        if not number.isdecimal() or int(number) > 20:
            raise CommandError(f"-n takes an order, 0 to 20, not {number!r}")
        order = int(number)
        del words[at : at + 2]
    if len(words) > 1:
        raise CommandError(f"one zone at a time, but got {' '.join(words)!r}")
    if order is not None and not words:
        raise CommandError("-n goes with a zone")
    return (words[0] if words else None, order)


def _text(result: Fragmentation, colour: bool = False) -> str:
    lines = [f"{'unusable at order':<21}" + " ".join(f"{order:5d}" for order in range(MAX_ORDER))]
    for row in result.index:
        lines.append(f"Node {row.node}, zone {row.zone:>8} " + " ".join(f"{value:.3f}" for value in row.index))
    if result.picture is not None:
        lines += ["", *_picture(result.picture, colour)]
    return "\n".join(lines) + "\n"


def _paint(text: str, code: str, colour: bool) -> str:
    return f"\033[{code}m{text}\033[0m" if colour else text


def _picture(picture: Picture, colour: bool) -> list[str]:
    size = 1 << picture.order
    unit = f"{4 << picture.order} kB" if picture.order < 8 else f"{1 << picture.order - 8} MB"
    lines = [f"zone {picture.zone}, a cell is {size} frame{'s' if size > 1 else ''} ({unit})"]
    for at in range(0, len(picture.cells), _ROW):
        row = picture.cells[at : at + _ROW]
        text = ""
        for cell in row:
            letter, code = _LETTERS.get(cell.kind, _OTHER)
            text += _paint(letter.lower() if cell.free else letter, code, colour)
        lines.append(f"{row[0].first:6x} {text}")
    parts = []
    for kind, frames in sorted(picture.frames.items(), key=lambda item: -item[1]):
        letter, code = _LETTERS.get(kind, _OTHER)
        parts.append(f"{_paint(letter, code, colour)} {kind} {frames}")
    lines += ["   ".join(parts), "a small letter: some of the cell is free"]
    return lines


def register(registry: Registry) -> None:
    """Add the commands of this module."""
    registry.add(Command(
        name="frag", arguments="[ZONE [-n ORDER]]", example="frag Normal",
        summary="fragmentation: the unusable free space index, the picture of a zone",
        details="The index of an order is the share of a zone's free pages that lie in blocks too small for it\n"
        "(Mel Gorman's definition): 0 all free memory serves, 1 none does.\n"
        "The picture has a character for every 2^ORDER frames: what most of its frames that are not free are.",
        parse=_parse, compute=frag, text=_text, coloured=lambda result: _text(result, colour=True),
    ))  # fmt: skip
