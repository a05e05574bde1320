"""`struct` and `list`: memory as the C types of the kernel and of programs say."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from guest.types import CType, Kind, Member, Value, member_value
from mm.list_walk import HLIST, LIST_HEAD, POINTER, BrokenLink, ListWalk
from tools.arguments import SPACE, SPACE_USAGE, address_space, decimal, take_options
from tools.commands.memory import reader
from tools.dump import Reader
from tools.errors import CommandError
from tools.registry import Command, Registry
from tools.session import Session

_MOST_STRUCTS = 4096
_LONGEST_TEXT = 200
_VARIABLE = re.compile(r"(\**)\s*([A-Za-z_]\w*)((?:[.\[]\S*)?)\Z")


@dataclass
class Row:
    """A member, or an element of an array. type: its declaration in C; kind: as guest.types.Kind has it, of an array
    that of its elements. offset: in bytes from the start of the whole.

    value: a number, a text (of an array of char), a list of numbers; None without an address and where there are
    `members`. note: the symbol that a pointer leads into, the text behind a char *, the name of an enumerator.
    """

    name: str
    type: str
    offset: int
    size: int
    bit_size: int | None = None
    value: Value = None
    note: str = ""
    signed: bool = True
    kind: str = ""
    members: list[Row] = field(default_factory=list)


@dataclass
class View:
    """A type, and what it makes of memory where an address was given. stopped: why not all of it can be read."""

    type: str
    size: int
    address: int | None
    row: Row


@dataclass
class Views:
    """What `struct` answers. offsets: show offsets, or addresses, and no values. radix: "x", "d", or "" for the usual.

    header: whether the type itself was asked for, and not some of its members. note: another type of that name.
    """

    views: list[View]
    offsets: bool
    radix: str
    header: bool
    note: str = ""


# types by name


def find_type(session: Session, words: list[str], own: bool) -> tuple[CType, list[str], list[str], str]:
    """The type that the first words name: (it, the members asked for, the words behind, the type's own words)."""
    types = session.types
    for count in range(len(words), 0, -1):
        name, dot, members = " ".join(words[:count]).partition(".")
        ctype = types.find(name, own) if " " not in members else None
        if ctype is not None:
            if not ctype.complete and not ctype.plain.members:
                raise CommandError(f"{ctype} is declared, and nobody says what is in it")
            return ctype, members.split(",") if dot else [], words[count:], name
    name = words[0].partition(".")[0]
    if name in ("struct", "union", "enum") and len(words) > 1:
        name = words[1].partition(".")[0]
    close = difflib.get_close_matches(name, types.names(), 3)
    raise CommandError(f"no type is called {name!r}" + (f"; there is {', '.join(close)}" if close else ""))


def find_variable(session: Session, text: str, cr3: int | None) -> tuple[CType, list[str], int] | None:
    """A variable, or with stars before its name what the pointer leads to: (its type, the members, its address).

    None where `text` begins with the name of a type, or with that of nothing.
    """
    match = _VARIABLE.match(text)
    if not match:
        return None
    stars, name, path = match.groups()
    ctype, address = session.types.variable(name), session.symbol(name)
    if ctype is None or address is None or not stars and session.types.find(name):
        return None
    for number in range(len(stars)):
        if ctype.plain.kind is not Kind.POINTER:
            raise CommandError(f"{'*' * number}{name} is no pointer: it is {ctype}")
        address = int.from_bytes(reader(session, cr3)(address, ctype.plain.size), "little")
        ctype = ctype.plain.target
    if not ctype.size:
        raise CommandError(f"{ctype} is declared, and nobody says what is in it")
    return ctype, path.removeprefix(".").split(",") if path else [], address


def _parse_struct(session: Session, text: str) -> tuple[Any, ...]:
    known = {**SPACE, **dict.fromkeys(("-o", "-x", "-d", "-p", "--program"), 0), "-l": 1}
    options, rest = take_options(text, known)
    if not rest:
        raise CommandError("a type is missing")
    if "-x" in options and "-d" in options:
        raise CommandError("-x and -d exclude each other")
    own = "--program" in options
    space = address_space(session, options)
    variable = find_variable(session, rest, space)
    address, count, name = None, 1, ""
    words: list[str] = []
    if variable is not None:
        ctype, members, address = variable
    else:
        ctype, members, words, name = find_type(session, rest.split(), own)
    if words:
        if len(words) > 1 and words[-1].isdigit() and words[-2] not in ("+", "-"):
            count = decimal(words.pop(), "a count")
        read = session.physical if "-p" in options else session.address
        address = read(" ".join(words))
    if not 0 < count <= _MOST_STRUCTS:
        raise CommandError(f"the count must be 1 to {_MOST_STRUCTS}")
    if "-l" in options:
        if address is None:
            raise CommandError("-l is of no use without an address")
        address -= _member(ctype, options["-l"][0]).offset
    radix = "x" if "-x" in options else "d" if "-d" in options else ""
    other = session.types.find(name, not own) if name else None
    note = ""
    if other is not None and other is not ctype and other.size != ctype.size:
        note = f"{'the kernel' if own else 'a program'} has another {ctype}, of {other.size} bytes"
        note += "" if own else ": --program shows it"
    return ctype, members, address, count, "-o" in options, radix, "-p" in options, space, note


def _member(ctype: CType, path: str) -> Member:
    try:
        return ctype.find(path.strip())
    except LookupError as error:
        raise CommandError(str(error.args[0])) from None


def struct(
    session: Session, ctype: CType, members: list[str], address: int | None, count: int, offsets: bool, radix: str,
    physical: bool, cr3: int | None, note: str = "",
) -> Views:  # fmt: skip
    """A type; at an address, `count` of it one after the other."""
    read = reader(session, cr3, physical)
    views = []
    for number in range(count):
        at = None if address is None else address + number * ctype.size & 0xFFFF_FFFF_FFFF
        for path in members or [""]:
            member = _member(ctype, path) if path else Member("", ctype, 0)
            where = None if at is None else at + member.offset
            data = None
            if where is not None and not offsets:
                data = read(where, max(_size(member), 1))
            row = _Rows(session, read).row(member._replace(offset=0), data, member.offset)
            row.name = path
            views.append(View(str(member.type) if path else str(ctype), _size(member), where, row))
    return Views(views, offsets, radix, not members, note)


def _size(member: Member) -> int:
    return member.type.size if member.bit_size is None else member.bit_offset + member.bit_size + 7 >> 3


class _Rows:
    """Puts members into rows."""

    def __init__(self, session: Session, read: Reader) -> None:
        self._session = session
        self._read = read

    def row(self, member: Member, data: bytes | None, offset: int, at: int = 0) -> Row:
        """A member's row. data: of the whole that it is in, which begins at `at` in it."""
        plain, start = member.type.plain, at + member.offset
        declared = member.type.declaration(member.name)
        row = Row(member.name, declared, offset, member.type.size, member.bit_size)
        row.signed, row.kind = plain.signed, str(plain.kind)
        if plain.is_aggregate:
            row.members = [self.row(m, data, offset + m.offset, start) for m in plain.members]
        elif data is None and plain.kind is Kind.ARRAY and plain.target.is_aggregate and not plain.target.name:
            row.members = [self.row(m, None, offset + m.offset) for m in plain.target.members]
        elif plain.kind is Kind.ARRAY and (plain.target.is_aggregate or plain.target.plain.kind is Kind.ARRAY):
            element = plain.target
            for number in range(plain.count or 0) if data is not None else ():
                inner = Member(f"[{number}]", element, number * element.size)
                row.members.append(self.row(inner, data, offset + inner.offset, start))
        elif data is not None:
            row.value = member_value(member, data, at)
            row.note = self._note(plain, row.value)
            if plain.kind is Kind.ARRAY:
                row.signed, row.kind = plain.target.plain.signed, str(plain.target.plain.kind)
        return row

    def _note(self, ctype: CType, value: Value) -> str:
        if ctype.kind is Kind.ENUM:
            return ctype.enumerators.get(value, "")
        if ctype.kind is Kind.CHAR:
            return f"'{chr(value)}'" if 32 <= value < 127 else ""
        if ctype.kind is not Kind.POINTER or not value:
            return ""
        if ctype.target.plain.kind is Kind.CHAR and (text := self._text(value)) is not None:
            return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
        name = self._session.name(value)
        return f"<{name}>" if name else ""

    def _text(self, address: int) -> str | None:
        data = b""
        while len(data) < _LONGEST_TEXT:
            try:
                byte = self._read(address + len(data), 1)
            except CommandError:
                return None
            if byte == b"\0":
                break
            data += byte
        return data.decode("latin-1") if all(32 <= c < 127 or c in b"\t\n" for c in data) else None


# text


def render_struct(result: Views) -> str:
    """A type as C declares it, or the values of its members in gdb's form."""
    lines: list[str] = []
    for view in result.views:
        if view.address is None or result.offsets:
            lines += _declaration(view, result)
            continue
        if result.header:
            lines.append(f"{view.type} at {view.address:08x}")
        name = view.row.name
        prefix = f"  {name} = " if name else ""
        lines += _value_lines(view.row, prefix, "  " if name else "", result.radix, "")
    return "\n".join([*lines, f"({result.note})"] if result.note else lines) + "\n"


def _declaration(view: View, result: Views) -> Iterator[str]:
    row = view.row

    def place(each: Row) -> str:
        if not result.offsets:
            return ""
        if view.address is not None:
            return f"[{view.address + each.offset - row.offset:08x}] "
        return f"[{each.offset:#x}] ".rjust(8) if result.radix == "x" else f"[{each.offset}] ".rjust(7)

    def lines(each: Row, indent: str) -> Iterator[str]:
        bits = "" if each.bit_size is None else f" : {each.bit_size}"
        head, brace, tail = each.type.partition("{...}")
        if brace:
            yield f"{indent}{place(each)}{head}{{"
            for inner in each.members:
                yield from lines(inner, indent + "    ")
            yield f"{indent}{' ' * len(place(each))}}}{tail.rstrip()};"
        else:
            yield f"{indent}{place(each)}{each.type}{bits};"

    if row.name or row.kind not in (Kind.STRUCT, Kind.UNION):
        yield from lines(row, "  ")
    else:
        yield f"{view.type} {{"
        for each in row.members:
            yield from lines(each, "  " if result.offsets else "    ")
        yield "}"
    if result.header:
        yield f"SIZE: {view.size:#x}" if result.radix == "x" else f"SIZE: {view.size}"


def _value_lines(row: Row, prefix: str, indent: str, radix: str, comma: str) -> Iterator[str]:
    if not row.members:
        shown = "{}" if row.value is None else _shown(row, radix)
        yield f"{prefix}{shown}{comma}"
        return
    yield f"{prefix}{{"
    for number, each in enumerate(row.members):
        end = "," if number + 1 < len(row.members) else ""
        name = f"{each.name} = " if each.name else ""
        yield from _value_lines(each, f"{indent}  {name}", indent + "  ", radix, end)
    yield f"{indent}}}{comma}"


def _shown(row: Row, radix: str) -> str:
    if isinstance(row.value, str):
        return '"' + row.value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    if isinstance(row.value, list):
        runs = [(value, len(list(same))) for value, same in groupby(row.value)]
        items = []
        for value, times in runs:
            text = _number(row, value, radix)
            items += [f"{text} <repeats {times} times>"] if times > 9 else [text] * times
        return "{" + ", ".join(items) + "}"
    text = _number(row, row.value, radix)
    if row.note and row.note.isidentifier():
        return row.note if radix != "x" else f"{text} ({row.note})"
    return f"{text} {row.note}".rstrip()


def _number(row: Row, value: Value, radix: str) -> str:
    if isinstance(value, float) or value is None:
        return str(value)
    if row.kind == Kind.POINTER or radix == "x" or (not row.signed and radix != "d"):
        return f"{value & 0xFFFF_FFFF_FFFF_FFFF:#x}" if value >= 0 else f"-{-value:#x}"
    return str(value)


# list


@dataclass
class Entry:
    """An entry of a list. address: of the struct; link: of its list_head. members: those that were asked for."""

    address: int
    link: int
    members: list[Row] = field(default_factory=list)


@dataclass
class List:
    """A list. kind: list_head, hlist_node or pointer. offset: of the member in the struct, in bytes. count: of all
    entries in order; `entries` may be fewer.

    broken: the first link that is not as it must be, None for a list in order.
    """

    type: str
    member: str
    head: int
    kind: str
    offset: int
    count: int
    entries: list[Entry]
    broken: BrokenLink | None
    radix: str = ""


def _parse_list(session: Session, text: str) -> tuple[Any, ...]:
    known = {**SPACE, "-s": 1, "-n": 1, "-h": 0, "-x": 0, "-d": 0, "--program": 0}
    options, rest = take_options(text, known)
    if not rest:
        raise CommandError("which list? TYPE.MEMBER and the address of its head")
    ctype, members, words, _ = find_type(session, rest.split(), "--program" in options)
    if len(members) != 1:
        raise CommandError("TYPE.MEMBER must say which member links the structs")
    if not words:
        raise CommandError("the address of the head is missing")
    head = session.address(" ".join(words))
    link = _member(ctype, members[0])
    if "-h" in options:
        head += link.offset
    most = decimal(options["-n"][0], "a number") if "-n" in options else None
    shown = [name for name in ",".join(options.get("-s", [])).split(",") if name]
    for name in shown:
        _member(ctype, name)
    radix = "x" if "-x" in options else "d" if "-d" in options else ""
    return ctype, members[0], head, shown, most, radix, address_space(session, options)


def follow(
    session: Session, ctype: CType, path: str, head: int, shown: list[str], most: int | None, radix: str,
    cr3: int | None,
) -> List:  # fmt: skip
    """The structs that a list links, `most` of them; all of the list is checked."""
    read = reader(session, cr3)
    read(head, 4)  # so that no list at all is an error
    link = _member(ctype, path)
    kind = _kind(link)
    walk = ListWalk(_words(read), head, kind, link.offset if kind == POINTER else 0)
    entries, count = [], 0
    for at in walk:
        count += 1
        if most is None or count <= most:
            address = at - link.offset & 0xFFFF_FFFF
            entries.append(Entry(address, at, _shown_members(session, read, ctype, address, shown)))
    return List(str(ctype), path, head, kind, link.offset, count, entries, walk.broken, radix)


def _words(read: Reader) -> Callable[[int], int | None]:
    """What gives the word at an address, None where there is no memory. Pages are read once."""
    pages: dict[int, memoryview | None] = {}

    def word(address: int) -> int | None:
        page = address >> 12
        if page not in pages:
            try:
                pages[page] = memoryview(read(page << 12, 4096)).cast("I")
            except CommandError:
                pages[page] = None
        words = pages[page]
        if words is None:
            return None
        return words[(address & 0xFFF) >> 2] if not address % 4 else int.from_bytes(read(address, 4), "little")

    return word


def _kind(link: Member) -> str:
    plain = link.type.plain
    if plain.kind is Kind.STRUCT and plain.name in (LIST_HEAD, HLIST):
        return plain.name
    if plain.kind is Kind.POINTER:
        return POINTER
    raise CommandError(f"{link.name} is {link.type}: no list_head, no hlist_node, no pointer")


def _shown_members(session: Session, read: Reader, ctype: CType, address: int, names: list[str]) -> list[Row]:
    rows = []
    for name in names:
        member = _member(ctype, name)
        try:
            data = read(address + member.offset, max(_size(member), 1))
        except CommandError:
            continue
        row = _Rows(session, read).row(member._replace(offset=0), data, member.offset)
        row.name = name
        rows.append(row)
    return rows


def render_list(result: List) -> str:
    """A line for each struct, and what is broken."""
    lines = []
    for entry in result.entries:
        lines.append(f"{entry.address:08x}")
        for row in entry.members:
            lines += _value_lines(row, f"  {row.name} = ", "  ", result.radix, "")
    left = result.count - len(result.entries)
    lines += [f"... {left} more"] if left else []
    if broken := result.broken:
        number = broken.entry if broken.name in ("prev", "pprev") else broken.entry - 1
        where = f"entry {number}, the {result.type} at {broken.at - result.offset & 0xFFFF_FFFF:08x}"
        if broken.at == result.head:
            where = "the head"
        value = "cannot be read" if broken.value is None else f"is {broken.value:08x}"
        lines.append(f"broken after {result.count} {_plural(result.count)}: {broken.name} of {where},")
        lines += [f"  the word at {broken.word:08x}, {value}", f"  {broken.why}"]
        if broken.backward:
            lines.append(f"  from the other end {broken.backward} {_plural(broken.backward)} are in order")
    else:
        lines.append(f"{result.count} {_plural(result.count)}")
    return "\n".join(lines) + "\n"


def _plural(count: int) -> str:
    return "entry" if count == 1 else "entries"


def register(registry: Registry) -> None:
    """Add the commands of this module."""
    registry.add(Command(
        name="struct", arguments=f"[-o] [-x|-d] [-p] [-l MEMBER] {SPACE_USAGE} TYPE[.MEMBER,...] [ADDR [COUNT]]"
        " | [*]VARIABLE[.MEMBER,...]",
        summary="a C type, what it makes of memory, or a variable", example="struct page.flags,lru mem_map 2",
        details="The kernel's types and variables, and those of the program (of its debug information).\n"
        "*VARIABLE  what the pointer leads to; [N] is an element of an array: struct numbers[2]\n"
        "-o  offsets of the members, with ADDR their addresses; -x, -d  all numbers hexadecimal, decimal\n"
        "-l MEMBER  ADDR is that of this member; -p  ADDR is physical\n"
        "--program  the program's type where the kernel has one of that name too",
        parse=_parse_struct, compute=struct, text=render_struct,
    ))  # fmt: skip
    registry.add(Command(
        name="list", arguments=f"[-h] [-s MEMBER,...] [-n N] [-x|-d] {SPACE_USAGE} TYPE.MEMBER HEAD",
        summary="the structs that a list links; the first link that is broken",
        example="list kmem_cache.next cache_chain -s name",
        details="MEMBER is a list_head, an hlist_node, or a pointer to the next struct. HEAD is the address of the\n"
        "list_head that is no entry; of the other two, of the word that leads to the first struct.\n"
        "-h  HEAD is the address of a TYPE in which MEMBER is the head; -s  show members; -n  at most N structs\n"
        "Every link is checked in both directions; the answer is a failure where one is broken.",
        parse=_parse_list, compute=follow, text=render_list, failed=lambda result: result.broken is not None,
    ))  # fmt: skip
