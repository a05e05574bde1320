"""The one registry of monitor commands.

A command is a function over the library that takes typed arguments and computes a typed result (dataclasses,
lists, plain values); beside it stand a parser for its arguments and a renderer for its text. Everything that
offers commands (the prompt, `-ex`, a gdb server) goes through here.
"""

from __future__ import annotations

import dataclasses
import enum
import html
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from tools.errors import CommandError

if TYPE_CHECKING:
    from tools.session import Session

T = TypeVar("T")
#: From the rest of a command line to the arguments of the command's function.
Parser = Callable[["Session", str], tuple[Any, ...]]


def no_arguments(session: Session, text: str) -> tuple[()]:
    """For a command without arguments."""
    if text:
        raise CommandError(f"takes no arguments, but got {text!r}")
    return ()


@dataclass(frozen=True)
class Command:
    """One command. `compute(session, *arguments)` answers; `text(result)` prints, `failed(result)` judges it.

    A command that goes on answering computes an iterator of results, each to be printed and judged.
    coloured: `text` with a terminal's colours, for those that have some. aliases: other names, all of them one word.
    """

    name: str
    summary: str
    example: str
    compute: Callable[..., Any]
    text: Callable[[Any], str]
    parse: Parser = no_arguments
    arguments: str = ""
    details: str = ""
    failed: Callable[[Any], bool] = lambda result: False
    coloured: Callable[[Any], str] | None = None
    aliases: tuple[str, ...] = ()

    @property
    def usage(self) -> str:
        """'vtop ADDR'."""
        return f"{self.name} {self.arguments}".strip()


@dataclass(frozen=True)
class Answer:
    """What a command line gave. `failed`: answered, but with something wrong found (damage, an unread rest)."""

    command: Command
    result: Any

    def parts(self) -> Iterator[Answer]:
        """The answer; of a command that goes on answering, one after the other as they come."""
        if isinstance(self.result, Iterator):
            yield from (Answer(self.command, result) for result in self.result)
        else:
            yield self

    @property
    def failed(self) -> bool:
        return self.command.failed(self.result)

    @property
    def text(self) -> str:
        """The answer for people, with its line ends."""
        return self.command.text(self.result)

    @property
    def coloured(self) -> str:
        """The same for a terminal."""
        return (self.command.coloured or self.command.text)(self.result)

    def _repr_html_(self) -> str:
        """The answer in a notebook."""
        return f"<pre>{html.escape(self.text)}</pre>"

    @property
    def data(self) -> Any:
        """The answer as data that JSON can hold; addresses and sizes are plain numbers."""
        return plain(self.result)


#: at the end of a command line: not the answer, but the lines of Python that give it
PYTHON = "--python"
_PYTHON = Command(
    name="python", summary="lines of Python that do what a command does", example="vtop c1000000 --python",
    compute=lambda session: [], text=lambda lines: "".join(f"{line}\n" for line in lines),
)  # fmt: skip


class Registry:
    """Commands by name. Names of two words ('info mem') are understood with a space, a dash or nothing between
    them, one-word names with dashes in them too, and any beginning that only one command has will do.
    """

    def __init__(self) -> None:
        self.commands: dict[str, Command] = {}

    def add(self, command: Command) -> None:
        """Make a command known; ValueError for a second one of the same name."""
        if command.name in self.commands:
            raise ValueError(f"two commands are called {command.name}")
        self.commands[command.name] = command

    def find(self, line: str) -> tuple[Command, str]:
        """The command that a line begins with, and the rest of the line; raises CommandError.

        `x/4xw ADDR` counts as `x /4xw ADDR`.
        """
        first, slash, after = line.strip().partition("/")
        words = (f"{first} /{after}" if slash and len(first.split()) == 1 else line).split()
        if not words:
            raise CommandError("no command given; 'help' lists them")
        for count in (2, 1):
            if len(words) < count:
                continue
            exact = [c for c in self.commands.values() if _squeeze(c.name) == _squeeze("".join(words[:count]))]
            if exact:
                return exact[0], " ".join(words[count:])
        for command in self.commands.values():
            if words[0] in command.aliases:
                return command, " ".join(words[1:])
        for count in (2, 1):
            if len(words) >= count and (found := self._beginning_with(words[:count])):
                if len(found) > 1:
                    names = ", ".join(command.name for command in found)
                    raise CommandError(f"'{' '.join(words[:count])}' can mean {names}")
                return found[0], " ".join(words[count:])
        parts = [c.name for c in self.commands.values() if c.name.split()[0].startswith(words[0])]
        if parts:
            raise CommandError(f"'{' '.join(words[:2])}' is no command; there are {', '.join(parts)}")
        raise CommandError(f"'{words[0]}' is no command; 'help' lists them")

    def _beginning_with(self, words: list[str]) -> list[Command]:
        """Commands of as many words, each of which begins with the word given."""
        return [
            command
            for command in self.commands.values()
            if len(names := command.name.split()) == len(words)
            and all(_squeeze(name).startswith(_squeeze(word)) for name, word in zip(names, words))
        ]

    def execute(self, session: Session, line: str) -> Answer:
        """Run one command line; raises CommandError, or another HighmemError of the library."""
        command, rest = self.find(line)
        if rest in ("-h", "--help"):
            return self.execute(session, f"help {command.name}")
        python = rest.split()[-1:] == [PYTHON]
        if python:
            rest = rest.rpartition(PYTHON)[0].strip()
        try:
            arguments = command.parse(session, rest)
        except CommandError as error:
            raise CommandError(f"{command.name}: {error}; usage: {command.usage}") from None
        if python:
            from tools.script import lines

            return Answer(_PYTHON, lines(command, session, arguments, f"{command.name} {rest}".strip()))
        return Answer(command, command.compute(session, *arguments))

    def completions(self, line: str) -> list[str]:
        """What the last word of a beginning line can become, sorted: words of command names."""
        *before, last = line.lstrip().split(" ")
        if before[:1] == ["help"]:
            before = before[1:]
        matches = set()
        for name in self.commands:
            names = name.split()
            if names[: len(before)] == before and len(names) > len(before) and names[len(before)].startswith(last):
                matches.add(names[len(before)])
        return sorted(matches)


def _squeeze(name: str) -> str:
    return name.replace(" ", "").replace("-", "").replace("_", "").lower()


def plain(value: Any) -> Any:
    """Dataclasses, enums, tuples and bytes as what JSON can hold."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.name.lower()
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (bytes, bytearray)):
        return value.hex()
    return value
