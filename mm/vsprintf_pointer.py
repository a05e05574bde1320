"""What later kernels print of the thing that a pointer leads to: the letters behind %p (lib/vsprintf.c, 2.6.26 to 6.x).

2.6.20 has none of them: letters that are not in the table stay text. Bitmaps, bytes in hexadecimal and addresses on
the net are printed as Documentation/printk-formats says; a pointer into the first page or the last one is not
followed, and prints as (null) or (efault).
"""

from __future__ import annotations

import errno
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby

_MAX_HEX = 64  # bytes of %*ph
_ESCAPES = {12: b"f", 10: b"n", 13: b"r", 9: b"t", 11: b"v"}
_SPECIAL = {92: b"\\", 34: b'"', 7: b"a", 27: b"e"}


@dataclass(frozen=True, slots=True)
class Memory:
    """What a pointer's conversion may look at: bytes (a bad address raises), strings, names of functions.

    format(fmt, args): printf once more, with the arguments at an address.
    """

    read: Callable[[int, int], bytes]
    symbol: Callable[[int], tuple[str, int, int] | None]
    format: Callable[[int, int], bytes]
    physical_size: int

    def number(self, va: int, size: int = 4) -> int:
        """The number at `va`."""
        return int.from_bytes(self.read(va, size), "little")


def known(letters: str) -> bool:
    """Whether letters that follow %p are a conversion."""
    return _handler(letters) is not None


def format_pointer(va: int, letters: str, width: int, memory: Memory) -> tuple[bytes, bool]:
    """The text for a pointer, and whether the field's width is still to be kept."""
    handler = _handler(letters)
    assert handler is not None
    if handler in _PLAIN:
        return handler(va, letters, width, memory), True
    if va < 4096 or va >= 0xFFFFF000:
        return b"(efault)" if va else b"(null)", True
    return handler(va, letters, width, memory), handler not in _COUNTED


def _handler(letters: str) -> Callable[[int, str, int, Memory], bytes] | None:
    for length in (3, 2, 1):
        found = _TABLE.get(letters[:length])
        if found and len(letters) >= length:
            return found
    return None


def _plain(va: int, letters: str, width: int, memory: Memory) -> bytes:
    return b"%08x" % va


def _error(va: int, letters: str, width: int, memory: Memory) -> bytes:
    if va < 0x100000000 - 4095:
        return b"%08x" % va
    number = 0x100000000 - va
    return b"-" + errno.errorcode.get(number, str(number)).encode()


def _symbol(va: int, letters: str, width: int, memory: Memory) -> bytes:
    found = memory.symbol(va - (letters[0] == "B"))
    if not found:
        return b"0x%x" % va
    name, offset, size = found
    offset += letters[0] == "B"
    return (name if letters[0] in "sf" else f"{name}+{offset:#x}/{size:#x}").encode()


def _hex(va: int, letters: str, width: int, memory: Memory) -> bytes:
    separator = {"C": ":", "D": "-", "N": ""}.get(letters[1:2], " ")
    data = memory.read(va, min(max(width, 1), _MAX_HEX))
    return separator.join(f"{byte:02x}" for byte in data).encode()


def _bits(va: int, letters: str, width: int, memory: Memory) -> bytes:
    value = int.from_bytes(memory.read(va, (width + 31) // 32 * 4), "little") & ((1 << width) - 1)
    if letters[1:2] == "l":
        return ",".join(_runs(value)).encode()
    digits = f"{value:0{(width + 3) // 4}x}" if width else ""
    first = len(digits) % 8 or 8
    return ",".join([digits[:first], *(digits[at : at + 8] for at in range(first, len(digits), 8))]).encode()


def _runs(value: int) -> Iterator[str]:
    start = 0
    for bit, run in groupby(reversed(bin(value)[2:])):
        end = start + len(list(run))
        if bit == "1":
            yield str(start) if end == start + 1 else f"{start}-{end - 1}"
        start = end


def _mac(va: int, letters: str, width: int, memory: Memory) -> bytes:
    data = memory.read(va, 6)
    if "R" in letters:
        data = data[::-1]
    separator = "" if letters[0] == "m" else "-" if "F" in letters else ":"
    return separator.join(f"{byte:02x}" for byte in data).encode()


def _address(va: int, letters: str, width: int, memory: Memory) -> bytes:
    kind = letters[1:2]
    if kind == "4":
        return _ip4(memory.read(va, 4), letters[0], letters[2:3] in ("h", "l"))
    if kind == "6":
        return _ip6(memory.read(va, 16), letters)
    family = memory.number(va, 2)
    port = f":{int.from_bytes(memory.read(va + 2, 2), 'big')}".encode() if "p" in letters[2:] else b""
    if family == 2:
        return _ip4(memory.read(va + 4, 4), letters[0], False) + port
    if family == 10:
        text = _ip6(memory.read(va + 8, 16), letters)
        return b"[" + text + b"]" + port if port else text
    return b"(einval)"


def _ip4(data: bytes, letter: str, little: bool) -> bytes:
    return ".".join(
        f"{byte:03d}" if letter == "i" else str(byte) for byte in (data[::-1] if little else data)
    ).encode()


def _ip6(data: bytes, letters: str) -> bytes:
    words = [int.from_bytes(data[at : at + 2], "big") for at in range(0, 16, 2)]
    if "c" not in letters:
        return ("" if letters[0] == "i" else ":").join(f"{word:04x}" for word in words).encode()
    mapped = words[:6] == [0, 0, 0, 0, 0, 0xFFFF]
    text = ":".join(f"{word:x}" for word in words[: 6 if mapped else 8])
    zeros = max(re.finditer(r"\b0(?::0\b)+", text), key=lambda run: len(run.group()), default=None)
    if zeros:
        text = text[: zeros.start()].rstrip(":") + "::" + text[zeros.end() :].lstrip(":")
    return (text.rstrip(":") + ":" + _ip4(data[12:], "I", False).decode() if mapped else text).encode()


def _uuid(va: int, letters: str, width: int, memory: Memory) -> bytes:
    data = memory.read(va, 16)
    if letters[1:2] in ("l", "L"):
        data = data[3::-1] + data[5:3:-1] + data[7:5:-1] + data[8:]
    text = data.hex()
    text = "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
    return (text.upper() if letters[1:2] in ("B", "L") else text).encode()


def _physical(va: int, letters: str, width: int, memory: Memory) -> bytes:
    size = memory.physical_size
    return f"{memory.number(va, size):#0{2 + 2 * size}x}".encode()


def _nested(va: int, letters: str, width: int, memory: Memory) -> bytes:
    return memory.format(memory.number(va), memory.number(memory.number(va + 4)))


def _fourcc(va: int, letters: str, width: int, memory: Memory) -> bytes:
    value = memory.number(va)
    low = value & 0x7FFFFFFF
    text = "".join(chr(c) if 32 <= c < 127 else "." for c in low.to_bytes(4, "little"))
    return f"{text} {'big' if value >> 31 else 'little'}-endian ({value:#010x})".encode()


def _time(va: int, letters: str, width: int, memory: Memory) -> bytes:
    kind = letters[1:2]
    if kind == "R":
        second, minute, hour, day, month, year = (
            int.from_bytes(memory.read(va + 4 * n, 4), "little", signed=True) for n in range(6)
        )
    elif kind == "T":
        seconds = int.from_bytes(memory.read(va, 8), "little", signed=True)
        then = time.gmtime(seconds)
        second, minute, hour, day = then.tm_sec, then.tm_min, then.tm_hour, then.tm_mday
        month, year = then.tm_mon - 1, then.tm_year - 1900
    else:
        return b"(%pt?)"
    part = letters[2:3] if letters[2:3] in ("d", "t") else ""
    marks = letters[2 + len(part) :]
    marks = marks[: len(marks) - len(marks.lstrip("rs"))]
    has_time, has_date = part != "d", part != "t"
    raw = "r" in marks
    date = f"{year + (0 if raw else 1900):04d}-{month + (not raw):02d}-{day:02d}"
    parts = ([date] if has_date else []) + ([f"{hour:02d}:{minute:02d}:{second:02d}"] if has_time else [])
    return (" " if "s" in marks else "T").join(parts).encode()


def _escaped(va: int, letters: str, width: int, memory: Memory) -> bytes:
    """%*pE: a letter each for what is escaped: a any, s space, c special, o octal, h hex, n NULL, p not what prints."""
    flags = letters[1:] or "ap"
    if "a" in flags:
        flags += "scon"
    out = b""
    for byte in memory.read(va, width or 1):
        prints = 32 <= byte < 127
        if prints and "p" in flags:
            out += bytes([byte])
        elif "s" in flags and byte in _ESCAPES:
            out += b"\\" + _ESCAPES[byte]
        elif "c" in flags and byte in _SPECIAL:
            out += b"\\" + _SPECIAL[byte]
        elif "n" in flags and not byte:
            out += b"\\0"
        elif "o" in flags:
            out += b"\\%03o" % byte
        elif "h" in flags:
            out += b"\\x%02x" % byte
        else:
            out += bytes([byte])
    return out


_TABLE: dict[str, Callable[[int, str, int, Memory], bytes]] = {
    "x": _plain, "K": _plain, "e": _error,
    "S": _symbol, "s": _symbol, "B": _symbol, "F": _symbol, "f": _symbol,
    "h": _hex, "b": _bits, "M": _mac, "m": _mac, "U": _uuid, "E": _escaped, "V": _nested, "a": _physical,
    "I4": _address, "i4": _address, "I6": _address, "i6": _address, "IS": _address, "iS": _address,
    "t": _time, "4cc": _fourcc,
}  # fmt: skip
_PLAIN = frozenset({_plain, _error, _symbol})
_COUNTED = frozenset({_hex, _bits, _escaped})  # the field's width says how much there is to print
