"""`x`, `xp`, `rd`, `hexdump`, `telescope`: what memory holds, by linear or physical address."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tools.arguments import SPACE, SPACE_USAGE, address_space, decimal, take_options
from tools.dump import MAX_COUNT, Dump, Format, Reader, examine, parse_format, render
from tools.errors import CommandError
from tools.registry import Command, Registry
from tools.session import Session

_FORMATS = (
    "FMT is a count, a format (x hex, d signed, u unsigned, o octal, t binary, a address, c character,\n"
    "s string, i instruction) and a size (b 1, h 2, w 4, g 8 bytes); each may be left out: 1, x, w.\n"
    "ADDR: a hexadecimal number with or without 0x, $register, a symbol; + and - between them."
)
_LINE = 16  # bytes


def reader(session: Session, cr3: int | None, physical: bool = False) -> Reader:
    """What reads memory: linear under CR3 or `cr3`, or physical."""
    if physical:
        return session.read_physical
    return lambda address, size: session.read(address, size, cr3)


# x, xp


def _parts(text: str) -> tuple[Format, str]:
    if not text.startswith("/"):
        return Format(), text
    form, _, address = text[1:].partition(" ")
    return parse_format(form), address


def _linear(session: Session, text: str) -> tuple[Any, ...]:
    if not text.startswith("/"):
        options, text = take_options(text, SPACE)
        form, address = _parts(text)
        return session.address(address), form, address_space(session, options)
    form, text = _parts(text)
    options, address = take_options(text, SPACE)
    return session.address(address), form, address_space(session, options)


def _physical(session: Session, text: str) -> tuple[Any, ...]:
    form, address = _parts(text)
    return session.physical(address), form


def x(session: Session, address: int, form: Format, cr3: int | None = None) -> Dump:
    """Memory at a linear address."""
    return examine(address, form, reader(session, cr3), session.name)


def xp(session: Session, address: int, form: Format) -> Dump:
    """Memory at a physical address."""
    return examine(address, form, session.read_physical, lambda pa: None)


# rd


@dataclass
class Words:
    """Memory as numbers of `size` bytes. names: of each the symbol that it leads into, or the slab cache that has the
    object, where that was asked for. text: the bytes as characters. stopped: why it ends early, None where it is whole.
    """

    address: int
    size: int
    form: str
    values: list[int] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)
    data: bytes = b""
    ascii: bool = True
    stopped: str | None = None


def _parse_rd(session: Session, text: str) -> tuple[Any, ...]:
    flags = ("-p", "-8", "-16", "-32", "-64", "-a", "-s", "-S", "-d", "-D", "-x")
    options, rest = take_options(text, {**SPACE, **dict.fromkeys(flags, 0), "-e": 1, "-o": 1})
    sizes = [int(name[1:]) // 8 for name in ("-8", "-16", "-32", "-64") if name in options]
    forms = [name[1:] for name in ("-a", "-s", "-S", "-d", "-D") if name in options]
    if len(sizes) > 1 or len(forms) > 1:
        raise CommandError("-8, -16, -32, -64 exclude each other, and so do -a, -s, -S, -d, -D")
    physical = "-p" in options
    read = session.physical if physical else session.address
    count, rest = _count(rest)
    address = read(rest) + (read(options["-o"][0]) if "-o" in options else 0)
    form = forms[0] if forms else "x"
    size = 1 if form == "a" else sizes[0] if sizes else 4
    if form in "sS":
        size = 4
    if "-e" in options:
        if count is not None:
            raise CommandError("a count and -e exclude each other")
        count = max(0, read(options["-e"][0]) - address) // size
    count = (64 if form == "a" else 1) if count is None else count
    if not 0 < count <= MAX_COUNT:
        raise CommandError(f"the count must be 1 to {MAX_COUNT}")
    return address, count, size, form, physical, address_space(session, options), "-x" not in options


def _count(rest: str) -> tuple[int | None, str]:
    """A decimal count behind the address, if there is one."""
    before, _, last = rest.rpartition(" ")
    if before and not before.rstrip().endswith(("+", "-")) and last[:1].isdigit():
        return decimal(last, "a count"), before
    return None, rest


def rd(
    session: Session, address: int, count: int, size: int, form: str, physical: bool, cr3: int | None, ascii: bool
) -> Words:
    """`count` numbers of `size` bytes from `address` on."""
    words = Words(address, size, form, ascii=ascii)
    words.data, words.stopped = _read_some(reader(session, cr3, physical), address, count * size)
    whole = len(words.data) - len(words.data) % size
    if form == "a":
        return words
    for at in range(0, whole, size):
        value = int.from_bytes(words.data[at : at + size], "little", signed=form == "d")
        words.values.append(value)
        words.names.append(_name(session, value, form) if form in "sS" else None)
    return words


def _read_some(read: Reader, address: int, size: int) -> tuple[bytes, str | None]:
    """As much of `size` bytes as can be read, and why not all; CommandError where not even the first byte can."""
    data = b""
    while len(data) < size:
        at = address + len(data)
        piece = min(size - len(data), 4096 - at % 4096)
        try:
            data += read(at, piece)
        except CommandError as error:
            if not data:
                raise
            return data, str(error)
    return data, None


def _name(session: Session, value: int, form: str) -> str | None:
    if (name := session.name(value)) or form == "s" or session.bare:
        return name
    place = session.kernel.slab_place(value)
    return f"[{place.name}]" if place else None


def render_rd(words: Words, digits: int = 8) -> str:
    """crash's lines: 16 bytes each, with their characters."""
    lines = []
    per_line = 64 if words.form == "a" else _LINE // words.size
    for at in range(0, len(words.data), per_line * words.size):
        chunk = words.data[at : at + per_line * words.size]
        address = f"{words.address + at:0{digits}x}:  "
        if words.form == "a":
            lines.append(address + _characters(chunk))
            continue
        first = at // words.size
        values = words.values[first : first + per_line]
        items = [_item(words, first + n, value) for n, value in enumerate(values)]
        line = address + " ".join(items)
        if words.ascii and words.form not in "sS":
            line += " " * (3 + (per_line - len(items)) * (len(items[0]) + 1) if items else 0) + _characters(chunk)
        lines.append(line.rstrip())
    return "\n".join([*lines, words.stopped] if words.stopped else lines) + "\n"


def _item(words: Words, index: int, value: int) -> str:
    if words.form in ("d", "D"):
        return f"{value:{{1: 4, 2: 6, 4: 11, 8: 20}[words.size]}d}"
    name = words.names[index]
    return f"{name:<16}" if name else f"{value:0{2 * words.size}x}".ljust(16 if words.form in "sS" else 0)


def _characters(data: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 else "." for byte in data)


# hexdump


@dataclass
class Bytes:
    """Bytes at an address; stopped: why they end early, None where they are whole."""

    address: int
    data: bytes
    stopped: str | None


def _parse_hexdump(session: Session, text: str) -> tuple[Any, ...]:
    options, rest = take_options(text, {**SPACE, "-p": 0})
    count, rest = _count(rest)
    physical = "-p" in options
    address = session.physical(rest) if physical else session.address(rest)
    count = 128 if count is None else count
    if not 0 < count <= MAX_COUNT:
        raise CommandError(f"the number of bytes must be 1 to {MAX_COUNT}")
    return address, count, physical, address_space(session, options)


def hexdump(session: Session, address: int, count: int, physical: bool, cr3: int | None) -> Bytes:
    """`count` bytes from `address` on."""
    return Bytes(address, *_read_some(reader(session, cr3, physical), address, count))


def render_hexdump(result: Bytes) -> str:
    """The lines of hexdump -C; lines that repeat the one before are one `*`."""
    lines: list[str] = []
    before = b""
    for at in range(0, len(result.data), _LINE):
        chunk = result.data[at : at + _LINE]
        if chunk == before and at + _LINE < len(result.data):
            if lines[-1] != "*":
                lines.append("*")
            continue
        before = chunk
        hexes = "  ".join(chunk[half : half + 8].hex(" ") for half in (0, 8))
        lines.append(f"{result.address + at:08x}  {hexes:<49} |{_characters(chunk)}|")
    return "\n".join([*lines, result.stopped] if result.stopped else lines) + "\n"


# telescope

_DEPTH = 5
_SHORTEST = 4  # characters that make a text


@dataclass
class Link:
    """A step of a chain: a value, and what it is: `name` of the symbol that it points into, `text` that is there, or
    `code`, the instruction.
    """

    value: int
    name: str | None = None
    text: str | None = None
    code: str | None = None


@dataclass
class Slot:
    """A word, and where it leads: to a word that leads on, and so on. registers: those that point to the word."""

    address: int
    offset: int
    links: list[Link]
    registers: list[str]
    note: str = ""


def _parse_telescope(session: Session, text: str) -> tuple[Any, ...]:
    options, rest = take_options(text, SPACE)
    count, rest = _count(rest)
    count = 10 if count is None else count
    if not 0 < count <= 4096:
        raise CommandError("the number of words must be 1 to 4096")
    return session.address(rest or "$esp"), count, address_space(session, options)


def telescope(session: Session, address: int, count: int, cr3: int | None) -> list[Slot]:
    """`count` words from `address` on, each followed as far as it leads."""
    read = reader(session, cr3)
    read(address, 4)
    registers: dict[int, list[str]] = {}
    for name in ("eax", "ebx", "ecx", "edx", "esi", "edi", "ebp", "esp", "eip"):
        registers.setdefault(session.cpu[name], []).append(f"${name}")
    slots = []
    for offset in range(0, 4 * count, 4):
        at = address + offset & 0xFFFF_FFFF
        slots.append(Slot(at, offset, list(_chain(session, read, at)), registers.get(at, [])))
        if not slots[-1].links:
            slots[-1].note = f"Cannot access memory at address 0x{at:x}"
            break
    return slots


def _chain(session: Session, read: Reader, at: int) -> Iterator[Link]:
    """The word at an address, the word that it points to, and so on, up to a text, an instruction or a number."""
    seen = {at}
    for _ in range(_DEPTH):
        try:
            value = int.from_bytes(read(at, 4), "little")
        except CommandError:
            return
        link = Link(value, session.name(value))
        if value < 4096 and not link.name:
            yield link
            return
        try:
            target = read(value, 1)
        except CommandError:
            yield link
            return
        function = session.function(value)
        if link.name and function and _is_code(session, function[0], value):
            link.code = str(examine(value, Format(1, "i"), read, session.name).values[0])
        else:
            link.text = _text(read, value, target)
        yield link
        if link.text or link.code or value in seen:
            return
        seen.add(value)
        at = value


def _is_code(session: Session, name: str, address: int) -> bool:
    return any(s.kind == "T" for s in session.symbols() if s.name == name and s.va <= address < s.va + max(s.size, 1))


def _text(read: Reader, address: int, first: bytes) -> str | None:
    """The C string at an address, None where what is there is not one of at least some characters."""
    data = first
    while data[-1] and len(data) < 64:
        if not 32 <= data[-1] < 127 and data[-1] not in b"\t\n":
            return None
        try:
            data += read(address + len(data), 1)
        except CommandError:
            return None
    return data.rstrip(b"\0").decode("latin-1") if len(data) > _SHORTEST else None


def render_telescope(slots: list[Slot]) -> str:
    """gef's lines: address, offset, and the chain with arrows."""
    lines = []
    for slot in slots:
        line = f"{slot.address:08x}|+{slot.offset:04x}: " + (" -> ".join(map(_link, slot.links)) or slot.note)
        lines.append(line + (f"   <- {', '.join(slot.registers)}" if slot.registers else ""))
    return "\n".join(lines) + "\n"


def _link(link: Link) -> str:
    text = f"{link.value:08x}"
    text += f" <{link.name}>" if link.name else ""
    text += f" {link.code}" if link.code else ""
    if link.text:
        return f"{text} -> {_quoted(link.text)}"
    return text


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace('"', '\\"') + '"'


def register(registry: Registry) -> None:
    """Add the commands of this module."""
    registry.add(Command(
        name="x", arguments=f"[/FMT] {SPACE_USAGE} ADDR", summary="memory at a linear address",
        example="x /4xw $esp", details=_FORMATS, parse=_linear, compute=x, text=render,
        failed=lambda dump: dump.stopped is not None,
    ))  # fmt: skip
    registry.add(Command(
        name="xp", arguments="[/FMT] ADDR", summary="memory at a physical address", example="xp /8xb 9fc00",
        details=_FORMATS, parse=_physical, compute=xp, text=lambda dump: render(dump, 16),
        failed=lambda dump: dump.stopped is not None,
    ))  # fmt: skip
    registry.add(Command(
        name="rd", arguments=f"[-p] [-8|-16|-32|-64] [-a|-s|-S|-d|-D] [-x] {SPACE_USAGE} ADDR [COUNT]",
        summary="memory as numbers and characters, as crash prints it", example="rd mem_map 8",
        details="-p  ADDR is physical; -8 to -64  bits of a number, 32 by default; -a  characters only\n"
        "-s  symbols instead of numbers that lead to one, -S  the names of slab caches too; -d signed, -D unsigned\n"
        "-x  no characters; -e ADDR  up to there; -o OFFSET  is added to ADDR. COUNT is decimal, 1 by default.",
        parse=_parse_rd, compute=rd, text=render_rd, failed=lambda words: words.stopped is not None,
    ))  # fmt: skip
    registry.add(Command(
        name="hexdump", arguments=f"[-p] {SPACE_USAGE} ADDR [BYTES]", summary="bytes and characters",
        example="hexdump mem_map 64", details="BYTES is decimal, 128 by default. -p: ADDR is physical.",
        parse=_parse_hexdump, compute=hexdump, text=render_hexdump, failed=lambda result: result.stopped is not None,
    ))  # fmt: skip
    registry.add(Command(
        name="telescope", arguments=f"{SPACE_USAGE} [ADDR [COUNT]]", example="telescope $esp 8",
        summary="words, each followed through memory as far as it leads",
        details="From $esp on by default, 10 words. A chain ends at a text, an instruction or a number.",
        parse=_parse_telescope, compute=telescope, text=render_telescope,
    ))  # fmt: skip
