"""Address expressions of the monitor: `c0100000`, `0xc0100000`, `$esp+8`, `kmalloc`, `mem_map - 4`.

Numbers are hexadecimal, with or without `0x`, as in crash. A name that a symbol bears means the symbol even if
it could be read as a number (`add`); `0xadd` is always the number.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from tools.errors import CommandError

Lookup = Callable[[str], int | None]

_TOKEN = re.compile(r"\s*(?:(?P<operator>[+-])|\$(?P<register>\w+)|(?P<word>[\w.]+))")
_HEX = re.compile(r"(?:0[xX])?[0-9a-fA-F]+\Z")


def evaluate(text: str, register: Lookup, symbol: Lookup, bits: int = 32) -> int:
    """The value of `text`, modulo 2**bits.

    `register` maps a register's name without `$`, `symbol` a symbol's name to its value, or to None where
    there is none. Raises CommandError, which names what is wrong.
    """
    total = 0
    sign = 1
    wants_value = True
    position = 0
    text = text.strip()
    if not text:
        raise CommandError("an address is missing")
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise CommandError(f"not an address: {text!r} (at {text[position:].strip()!r})")
        position = match.end()
        if operator := match["operator"]:
            if wants_value:
                sign = -sign if operator == "-" else sign
            else:
                sign = -1 if operator == "-" else 1
                wants_value = True
            continue
        if not wants_value:
            raise CommandError(f"not an address: {text!r} (an operator is missing before {match[0].strip()!r})")
        total += sign * _value(match, register, symbol, bits)
        sign, wants_value = 1, False
    if wants_value:
        raise CommandError(f"not an address: {text!r} (it ends with an operator)")
    return total % (1 << bits)


def _value(match: re.Match[str], register: Lookup, symbol: Lookup, bits: int) -> int:
    if name := match["register"]:
        value = register(name)
        if value is None:
            raise CommandError(f"no register is called ${name}")
        return value
    word = match["word"]
    if (value := symbol(word)) is not None:
        return value
    if _HEX.match(word):
        number = int(word, 16)
        if number >> bits:
            raise CommandError(f"{word} does not fit into {bits} bits")
        return number
    raise CommandError(f"{word!r} is no symbol and no hexadecimal number")
