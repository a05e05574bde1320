"""`search`: where in memory a number, a text or bytes are."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from hw import paging
from tools.arguments import SPACE, SPACE_USAGE, address_space, decimal, take_options
from tools.errors import CommandError
from tools.registry import Command, Registry
from tools.session import Session

_SIZES = {"-h": 2, "-w": 4, "-g": 8}
_CHUNK = 16 << 20
_MOST = 1000


@dataclass
class Pattern:
    """What is looked for. size: of the numbers `values`, of which only the bits of `mask` count; or `data` itself."""

    size: int = 4
    values: list[int] = field(default_factory=list)
    mask: int = 0xFFFF_FFFF
    data: bytes = b""

    @property
    def finds_zeros(self) -> bool:
        """Whether memory that nobody has ever touched can match."""
        return not any(self.data) if self.data else any(not value & self.mask for value in self.values)


@dataclass
class Hit:
    """A place. value: the number, None for bytes. physical: the place in RAM. name: the symbol that it lies in.

    before, after: numbers around it; text: the characters from there on, for bytes.
    """

    address: int
    physical: int
    value: int | None
    name: str | None
    region: str
    before: list[int] = field(default_factory=list)
    after: list[int] = field(default_factory=list)
    text: str = ""


@dataclass
class Hits:
    """What was found; size of the numbers, 0 for bytes. more: there are others, which were not asked for."""

    size: int
    physical: bool
    hits: list[Hit]
    more: bool


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stretch of addresses that lies in RAM as a whole."""

    address: int
    pa: int
    size: int


def _parse(session: Session, text: str) -> tuple[Any, ...]:
    flags = ("-p", "-c", "-b", *_SIZES)
    options, rest = take_options(text, {**SPACE, **dict.fromkeys(flags, 0), "-s": 1, "-e": 1, "-l": 1, "-m": 1,
                                        "-x": 1, "-n": 1})  # fmt: skip
    kinds = [name for name in ("-c", "-b", *_SIZES) if name in options]
    if len(kinds) > 1:
        raise CommandError(f"{kinds[0]} and {kinds[1]} exclude each other")
    if not rest:
        raise CommandError("what is looked for?")
    pattern = _pattern(session, rest, kinds[0] if kinds else "-w")
    if "-m" in options:
        if pattern.data:
            raise CommandError("a mask is for numbers")
        pattern.mask &= ~session.physical(options["-m"][0])
    read = session.physical if "-p" in options else session.address
    start = read(options["-s"][0]) if "-s" in options else 0
    end = 1 << 64
    if "-e" in options:
        end = read(options["-e"][0])
    if "-l" in options:
        end = min(end, start + session.physical(options["-l"][0]))
    if end <= start:
        raise CommandError("the end is not behind the start")
    around = decimal(options["-x"][0], "a count") if "-x" in options else 0
    most = decimal(options["-n"][0], "a count") if "-n" in options else _MOST
    if not 0 <= around <= 256 or most < 1:
        raise CommandError("-x takes 0 to 256, -n at least 1")
    return pattern, "-p" in options, start, end, around, most, address_space(session, options)


def _pattern(session: Session, text: str, kind: str) -> Pattern:
    if kind == "-c":
        words = shlex.split(text) if text[:1] in "\"'" else [text]
        return Pattern(data=" ".join(words).encode("utf-8", "surrogateescape"))
    if kind == "-b":
        try:
            return Pattern(data=bytes.fromhex(text))
        except ValueError:
            raise CommandError(f"{text!r} are no bytes in hexadecimal") from None
    size = _SIZES[kind]
    mask = (1 << 8 * size) - 1
    values = []
    for word in text.split():
        value = int(word, 16) if size == 8 and _is_hex(word) else session.address(word)
        if value > mask:
            raise CommandError(f"{word} does not fit into {8 * size} bits")
        values.append(value)
    return Pattern(size, values, mask)


def _is_hex(word: str) -> bool:
    try:
        return 0 <= int(word, 16) < 1 << 64
    except ValueError:
        return False


def search(
    session: Session, pattern: Pattern, physical: bool, start: int, end: int, around: int, most: int, cr3: int | None
) -> Hits:
    """The places in [start, end), ascending."""
    pieces = list(_pieces(session, physical, start, end, cr3, not pattern.finds_zeros))
    places = _bytes_in(session, pieces, pattern.data) if pattern.data else _numbers_in(session, pieces, pattern)
    found = list(islice(places, most + 1))
    regions = [] if physical else session.regions()
    hits = []
    for address, pa, value in found[:most]:
        region = next((r.name for r in regions if r.start <= address < r.end), "")
        hit = Hit(address, pa, value, None if physical else session.name(address), region)
        if value is not None:
            hit.before = _around(session, pa, -around, pattern.size)
            hit.after = _around(session, pa, around, pattern.size)
        else:
            data = session.read_physical(pa, min(32, 4096 - pa % 4096))
            hit.text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in data)
        hits.append(hit)
    return Hits(0 if pattern.data else pattern.size, physical, hits, len(found) > most)


def _around(session: Session, pa: int, count: int, size: int) -> list[int]:
    """The numbers of the same page next to one."""
    page = pa & -4096
    first, last = (pa + count * size, pa) if count < 0 else (pa + size, pa + (count + 1) * size)
    places = range(max(page, first), min(page + 4096, last), size)
    return [int.from_bytes(session.read_physical(at, size), "little") for at in places]


def _pieces(
    session: Session, physical: bool, start: int, end: int, cr3: int | None, touched_only: bool
) -> Iterator[_Piece]:
    """What of [start, end) is RAM, ascending; with `touched_only` without what is surely zero."""
    ram = session.kernel.ram
    extents = list(ram.extents()) if touched_only else []
    backed = [
        (max(low, first), min(high, last))
        for first, last in ram.ranges
        for low, high in (extents if touched_only else [(first, last)])
        if max(low, first) < min(high, last)
    ]
    if physical:
        rows = [(first, last, first) for first, last in backed]
    else:
        cpu = session.cpu
        found = paging.walk_all(ram, cpu["cr3"] if cr3 is None else cr3, cpu["cr0"], cpu["cr4"], session.efer)
        rows = [(low, high, pa) for low, high, pa, _, _ in found.tolist()]
    for low, high, pa in rows:
        for first, last in backed:
            begin, stop = max(pa, first), min(pa + high - low, last)
            if begin < stop:
                one, two = max(low + begin - pa, start), min(low + stop - pa, end)
                if one < two:
                    yield _Piece(one, pa + one - low, two - one)


def _numbers_in(session: Session, pieces: list[_Piece], pattern: Pattern) -> Iterator[tuple[int, int, int | None]]:
    import numpy as np

    form = np.dtype(f"<u{pattern.size}")
    for piece in pieces:
        skip = -piece.address % pattern.size
        for at in range(skip, piece.size - pattern.size + 1, _CHUNK):
            size = min(_CHUNK, piece.size - at) & -pattern.size
            numbers = np.frombuffer(session.kernel.ram.read(piece.pa + at, size), form)
            masked = numbers & form.type(pattern.mask)
            match = np.isin(masked, [form.type(value & pattern.mask) for value in pattern.values])
            for n in np.flatnonzero(match).tolist():
                offset = at + n * pattern.size
                yield piece.address + offset, piece.pa + offset, int(numbers[n])


def _bytes_in(session: Session, pieces: list[_Piece], wanted: bytes) -> Iterator[tuple[int, int, int | None]]:
    """Bytes may begin in one piece and end in the next."""
    tail: list[tuple[_Piece, bytes]] = []  # of the pieces right before
    for piece in pieces:
        if tail and tail[-1][0].address + tail[-1][0].size != piece.address:
            tail.clear()
        for at in range(0, piece.size, _CHUNK):
            part = _Piece(piece.address + at, piece.pa + at, min(_CHUNK, piece.size - at))
            data = session.kernel.ram.read(part.pa, part.size)
            before = b"".join(end for _, end in tail)
            whole = before + data
            found = whole.find(wanted)
            while found >= 0:
                address = part.address - len(before) + found
                owner = next((p for p, _ in tail if p.address <= address < p.address + p.size), part)
                yield address, owner.pa + address - owner.address, None
                found = whole.find(wanted, found + 1)
            tail = _last(tail, part, data, len(wanted) - 1)


def _last(tail: list[tuple[_Piece, bytes]], part: _Piece, data: bytes, count: int) -> list[tuple[_Piece, bytes]]:
    """The last `count` bytes up to the end of `part`, with the pieces that they are in."""
    result: list[tuple[_Piece, bytes]] = []
    for piece, end in reversed([*tail, (part, data)]):
        if count <= 0:
            break
        result.insert(0, (piece, end[-count:]))
        count -= len(result[0][1])
    return result


def render_search(result: Hits) -> str:
    """crash's line `ADDRESS: NUMBER`, with the numbers around; of bytes their characters."""
    digits = 2 * result.size
    lines = []
    for hit in result.hits:
        where = f"<{hit.name}>" if hit.name else hit.region
        if hit.value is None:
            lines.append(f"{hit.address:08x}: {hit.text}  {where}".rstrip())
            continue
        numbers = [f"{n:0{digits}x}" for n in hit.before] + [f"{hit.value:0{digits}x}"]
        numbers += [f"{n:0{digits}x}" for n in hit.after]
        lines.append(f"{hit.address:08x}: {' '.join(numbers)}  {where}".rstrip())
    if result.more:
        lines.append(f"... and more: -n {2 * len(result.hits)} shows them")
    return "".join(f"{line}\n" for line in lines) or "not found\n"


def register(registry: Registry) -> None:
    """Add the command of this module."""
    registry.add(Command(
        name="search", arguments=f"[-p] [-w|-h|-g|-c|-b] [-s START] [-e END|-l LENGTH] {SPACE_USAGE} WHAT ...",
        summary="where in memory a number, a text or bytes are", example="search -p -c Normal",
        details="-w  numbers of 32 bits, the default; -h  of 16, -g  of 64: hexadecimal, symbols too, at a multiple\n"
        "of their size; several find any of them\n"
        "-c TEXT, -b BYTES  at any place; BYTES are hexadecimal\n"
        "-p  in physical memory; else in all that is mapped, at each address that leads there\n"
        "-m MASK  the bits of numbers that do not count; -x N  show N numbers around each; -n N  at most N places",
        parse=_parse, compute=search, text=render_search,
    ))  # fmt: skip
