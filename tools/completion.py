"""What the arguments of a command can become at the prompt: symbols, registers, C types and their members."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tools.session import REGISTER_NAMES

if TYPE_CHECKING:
    from tools.session import Session

#: What a command's usage calls an argument that can be a symbol.
_SYMBOLS = re.compile(r"ADDR|SYMBOL|HEAD|WHAT|LOCATION|\b[AB]\b")
_TYPES = re.compile(r"TYPE")


def complete_word(session: Session, arguments: str, word: str) -> list[str]:
    """What `word` can become as an argument of a command, sorted. arguments: of its usage, 'ADDR [COUNT]'."""
    found: list[str] = []
    if _TYPES.search(arguments):
        found += _types(session, word)
    if _SYMBOLS.search(arguments):
        at = max(word.rfind("+"), word.rfind("-")) + 1
        before, last = word[:at], word[at:]
        names = {f"${name}" for name in REGISTER_NAMES} if last.startswith("$") else set(_symbol_names(session, last))
        found += [before + name for name in names if name.startswith(last)]
    return sorted(set(found))


def _symbol_names(session: Session, beginning: str) -> list[str]:
    """Symbols, if at least one letter of them is there: else there are too many to choose from."""
    return [symbol.name for symbol in session.symbols() if symbol.name.startswith(beginning)] if beginning else []


def _types(session: Session, word: str) -> list[str]:
    """Names of types; behind a dot those of members: 'page.lru.n', 'page.flags,l'."""
    name, dot, rest = word.partition(".")
    if not dot:
        return [each for each in session.types.names() if each.startswith(name)]
    at = max(rest.rfind("."), rest.rfind(",")) + 1
    ctype = session.types.find(name)
    try:
        if ctype and rest[:at].endswith("."):
            ctype = ctype.find(rest[: at - 1].rpartition(",")[2]).type
    except LookupError:
        return []
    members = ctype.members_flat() if ctype else ()
    return [f"{name}.{rest[:at]}{member.name}" for member in members if member.name.startswith(rest[at:])]
