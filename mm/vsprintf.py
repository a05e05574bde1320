"""The kernel's printf formats (lib/vsprintf.c, 2.6.20), and of later ones %hhd and the letters behind %p."""

from __future__ import annotations

import re
from collections.abc import Callable

from mm.vsprintf_pointer import Memory, format_pointer, known

_CONVERSION = re.compile(
    rb"%(?P<flags>[-+ #0]*)(?P<width>\*|\d+)?(?P<precision>\.(?:\*|-?\d*))?"
    rb"(?P<qualifier>ll|hh|[hlLZzt])?(?P<conversion>.?)(?P<letters>(?:(?<=p)[0-9A-Za-z]+)?)",
    re.DOTALL,
)

_KNOWN = frozenset(bytes([c]) for c in b"cspndiouxX")


def vsnprintf(
    fmt: bytes,
    next_word: Callable[[], int],
    read_string: Callable[[int, int], bytes],
    memory: Memory | None = None,
) -> bytes:
    """Format `fmt` as the kernel does.

    next_word gives the next 32-bit argument. read_string(va, limit) gives the C string at a virtual address,
    at most `limit` bytes of it. An unknown conversion is printed as "%" and its letter. %n stores nothing. Raises what
    read_string and `memory` raise; without the latter, letters behind %p are text.
    """

    def one(match: re.Match[bytes]) -> bytes:
        conversion, rest = match["conversion"], match["letters"]
        if conversion not in _KNOWN:
            return b"%" + conversion.replace(b"%", b"") + rest
        flags = match["flags"]
        left, zero = b"-" in flags, b"0" in flags
        width = 0
        if match["width"] == b"*":
            width = _signed(next_word(), 32)
            if width < 0:
                left, width = True, -width
        elif match["width"]:
            width = int(match["width"])
        width = min(width, 4096 if not rest else 1 << 23)
        precision = -1
        if match["precision"] is not None:
            digits = match["precision"][1:]
            precision = max(0, _signed(next_word(), 32) if digits == b"*" else int(digits or b"0"))
            precision = min(precision, 4096)
        if conversion == b"c":
            text = bytes([next_word() & 0xFF])
        elif conversion == b"s":
            va = next_word()
            limit = precision if precision >= 0 else 1 << 16
            text = b"<NULL>"[:limit] if va < 4096 else read_string(va, limit)
        elif conversion == b"n":
            next_word()
            return b""
        elif rest and memory and known(rest.decode()):
            text, padded = format_pointer(next_word(), rest.decode(), width, memory)
            width *= padded
        else:
            return _number(match, conversion, flags, left, zero, width, precision, next_word) + rest
        return text.ljust(width) if left else text.rjust(width)

    return _CONVERSION.sub(one, fmt)


def _number(
    match: re.Match[bytes], conversion: bytes, flags: bytes, left: bool, zero: bool, width: int, precision: int,
    next_word: Callable[[], int],
) -> bytes:  # fmt: skip
    value = next_word()
    bits = 32
    if conversion == b"p":
        if width == 0:
            width, zero = 8, True
        conversion = b"x"
    elif match["qualifier"] in (b"ll", b"L"):
        value |= next_word() << 32
        bits = 64
    elif match["qualifier"] in (b"h", b"hh"):
        bits = 16 if match["qualifier"] == b"h" else 8
    value &= (1 << bits) - 1
    sign = b""
    if conversion in b"di":
        value = _signed(value, bits)
        sign = b"-" if value < 0 else b"+" if b"+" in flags else b" " if b" " in flags else b""
        value = abs(value)
    digits = {b"o": b"%o", b"x": b"%x", b"X": b"%X"}.get(conversion, b"%d") % value
    if precision > len(digits):
        digits = digits.rjust(precision, b"0")
    prefix = b""
    if b"#" in flags:
        prefix = {b"o": b"0", b"x": b"0x", b"X": b"0X"}.get(conversion, b"")
    room = width - len(sign) - len(prefix)
    if left:
        return (sign + prefix + digits).ljust(width)
    if zero:
        return sign + prefix + digits.rjust(room, b"0")
    return (sign + prefix + digits).rjust(width)


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) & 1 else value
