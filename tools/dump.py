"""The `/FMT` of `x` and `xp`, and their output: gdb's letters, QEMU's lines.

FMT is a count, a format letter (x d u o t c a s i) and a size letter (b h w g), each may be left out:
`4xw` is four 32-bit words in hexadecimal.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from tools.errors import CommandError

SIZES = {"b": 1, "h": 2, "w": 4, "g": 8}
LETTERS = "xduotcasi"
MAX_COUNT = 1 << 20
MAX_STRING = 4096
MAX_INSTRUCTION = 15

#: Reads `size` bytes at an address; raises CommandError where nothing is mapped.
Reader = Callable[[int, int], bytes]
#: The name of the symbol that holds an address, as 'kmalloc+0x4'; None where there is none.
Namer = Callable[[int], str | None]

_FORMAT = re.compile(r"(\d*)([a-z]{0,2})\Z")


@dataclass(frozen=True)
class Format:
    """A parsed /FMT; `size` is in bytes."""

    count: int = 1
    letter: str = "x"
    size: int = 4


def parse_format(text: str) -> Format:
    """Read a FMT, without its slash; raises CommandError for letters that mean nothing."""
    match = _FORMAT.match(text)
    letter, size = "", ""
    for character in match[2] if match else "?":
        if character in LETTERS and not letter:
            letter = character
        elif character in SIZES and not size:
            size = character
        else:
            raise CommandError(
                f"bad format /{text}: a count, one of {' '.join(LETTERS)}, and one of {' '.join(SIZES)}"
            )
    assert match
    count = int(match[1]) if match[1] else 1
    if not 1 <= count <= MAX_COUNT:
        raise CommandError(f"bad format /{text}: the count must be 1 to {MAX_COUNT}")
    letter = letter or "x"
    fixed = {"c": "b", "s": "b", "a": "w"}.get(letter)
    return Format(count, letter, SIZES[fixed or size or "w"])


@dataclass
class Dump:
    """What memory holds, item by item.

    `values` are unsigned numbers; strings for the formats s and i. `addresses` are those of the items.
    `stopped` says why it ends early, None where it is whole.
    """

    format: str
    size: int
    addresses: list[int] = field(default_factory=list)
    values: list[int | str] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)
    code: list[str] = field(default_factory=list)
    stopped: str | None = None


def examine(address: int, form: Format, read: Reader, name: Namer) -> Dump:
    """Read `form.count` items from `address` on. Raises CommandError only where not even the first is there."""
    dump = Dump(form.letter, form.size)
    take = {"s": _take_string, "i": _take_instruction}.get(form.letter, _take_number)
    for _ in range(form.count):
        try:
            address = take(dump, address, form, read)
        except CommandError as error:
            if not dump.values:
                raise
            dump.stopped = str(error)
            break
        where = dump.values[-1] if form.letter == "a" else dump.addresses[-1]
        dump.names.append(name(where) if isinstance(where, int) and form.letter in "ai" else None)
    return dump


def _take_number(dump: Dump, address: int, form: Format, read: Reader) -> int:
    value = int.from_bytes(read(address, form.size), "little")
    dump.addresses.append(address)
    dump.values.append(value)
    return address + form.size


def _take_string(dump: Dump, address: int, form: Format, read: Reader) -> int:
    """A C string, of which at most MAX_STRING bytes; a string that runs into unmapped memory ends there."""
    found = bytearray(read(address, 1))
    while found[-1] and len(found) <= MAX_STRING:
        try:
            found += read(address + len(found), 1)
        except CommandError:
            break
    dump.addresses.append(address)
    dump.values.append(found.removesuffix(b"\0").decode("latin-1"))
    return address + len(found)


def _take_instruction(dump: Dump, address: int, form: Format, read: Reader) -> int:
    import capstone  # type: ignore[import-untyped]

    engine = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_32)
    engine.syntax = capstone.CS_OPT_SYNTAX_ATT  # as gdb and QEMU print
    code = read(address, 1)
    while len(code) < MAX_INSTRUCTION:
        try:
            code += read(address + len(code), 1)
        except CommandError:
            break
    instruction = next(engine.disasm_lite(code, address, 1), None)
    length, text = (1, f".byte 0x{code[0]:02x}") if instruction is None else (
        instruction[1], f"{instruction[2]} {instruction[3]}".rstrip())
    dump.addresses.append(address)
    dump.values.append(text)
    dump.code.append(code[:length].hex(" "))
    return address + length


def render(dump: Dump, address_digits: int = 8) -> str:
    """The text of a dump: QEMU's lines of 16 bytes (8 where the items are bytes), one item a line for a s i."""
    lines = []
    if dump.format in "asi":
        for index, (address, value, name) in enumerate(zip(dump.addresses, dump.values, dump.names)):
            if dump.format == "i":
                place = f" <{name}>" if name else ""
                lines.append(f"0x{address:0{address_digits}x}{place}:  {dump.code[index]:<24} {value}")
            elif dump.format == "s":
                lines.append(f"{address:0{address_digits}x}: {_quoted(str(value))}")
            else:
                place = f" <{name}>" if name else ""
                lines.append(f"{address:0{address_digits}x}: 0x{value:08x}{place}")
    else:
        per_line = (8 if dump.size == 1 else 16) // dump.size
        for first in range(0, len(dump.values), per_line):
            items = (_number(int(value), dump.format, dump.size) for value in dump.values[first : first + per_line])
            lines.append(f"{dump.addresses[first]:0{address_digits}x}: " + " ".join(items))
    if dump.stopped:
        lines.append(dump.stopped)
    return "\n".join(lines) + "\n"


def _number(value: int, letter: str, size: int) -> str:
    bits = size * 8
    decimal = -(-bits * 10 // 33)
    if letter == "d":
        signed = value - (1 << bits) if value >> (bits - 1) else value
        return f"{signed:{decimal}d}"
    if letter == "u":
        return f"{value:{decimal}d}"
    if letter == "o":
        return f"{f'0{value:o}' if value else '0':>{-(-bits // 3)}}"
    if letter == "t":
        return f"{value:0{bits}b}"
    if letter == "c":
        return "'" + _character(value, "'") + "'"
    return f"0x{value:0{size * 2}x}"


def _quoted(text: str) -> str:
    return '"' + "".join(_character(ord(character), '"') for character in text) + '"'


def _character(code: int, quote: str) -> str:
    if chr(code) in (quote, "\\"):
        return "\\" + chr(code)
    if code in (9, 10, 13):
        return {9: "\\t", 10: "\\n", 13: "\\r"}[code]
    return chr(code) if 32 <= code < 127 else f"\\x{code:02x}"
