"""Options of monitor commands: `-p`, `--cr3 PA`, anywhere in a line; the rest is the command's own text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tools.errors import CommandError

if TYPE_CHECKING:
    from tools.session import Session

#: From the options that a line has to the values of each (none for a flag).
Options = dict[str, list[str]]

#: The options of a command that can look into another address space.
SPACE = {"--cr3": 1, "--pid": 1}
#: The same for the usage line of such a command.
SPACE_USAGE = "[--cr3 PA|--pid N]"


def take_options(text: str, known: Mapping[str, int]) -> tuple[Options, str]:
    """The options in `text`, and what is left of it.

    known: how many words follow each option. A value may also stand behind `=`. Options can be anywhere; behind `--`
    there are none. Raises CommandError for a value that is missing, an option given twice, and an unknown option in
    front (behind the first other word a `-` is arithmetic).

    >>> take_options("--cr3 106000 c0100000 -p", {"--cr3": 1, "-p": 0})
    ({'--cr3': ['106000'], '-p': []}, 'c0100000')
    """
    options: Options = {}
    rest: list[str] = []
    words = text.split()
    while words:
        word = words.pop(0)
        if word == "--":
            rest += words
            break
        name, equals, value = word.partition("=")
        if name not in known:
            if not rest and (word.startswith("--") or (word[:1] == "-" and word[1:2].isalpha())):
                raise CommandError(f"{word!r} is no option")
            rest.append(word)
            continue
        if name in options:
            raise CommandError(f"{name} is given twice")
        values = [value] if equals else []
        if len(values) > known[name]:
            raise CommandError(f"{name} takes no value")
        missing = known[name] - len(values)
        if len(words) < missing or (equals and not value):
            raise CommandError(f"{name} needs {_WANTS.get(known[name], 'a value')}")
        options[name] = values + words[:missing]
        del words[:missing]
    return options, " ".join(rest)


_WANTS = {1: "a value", 2: "two values"}


def address_space(session: Session, options: Options) -> int | None:
    """The page directory that `--cr3 PA` or `--pid N` (decimal) names, for Session.walk; None without either."""
    if "--pid" in options:
        if "--cr3" in options:
            raise CommandError("--cr3 and --pid exclude each other")
        return session.directory_of(decimal(options["--pid"][0], "a pid"))
    if "--cr3" in options:
        return session.directory(session.physical(options["--cr3"][0]))
    return None


def space_alone(session: Session, text: str) -> tuple[int | None]:
    """The parser of a command that takes an address space and nothing else."""
    options, rest = take_options(text, SPACE)
    if rest:
        raise CommandError(f"takes no arguments, but got {rest!r}")
    return (address_space(session, options),)


def decimal(text: str, what: str) -> int:
    """A decimal number of a command line, or a hexadecimal one with 0x."""
    try:
        return int(text, 16 if text[:2].lower() == "0x" else 10)
    except ValueError:
        raise CommandError(f"{text!r} is not {what}") from None
