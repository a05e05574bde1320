"""The monitor: commands over one kernel, as typed data, text or JSON. Knows no command line and no prompt.

>>> monitor = Monitor(kernel)
>>> monitor.execute("vtop c0100000").result.physical
1048576
>>> print(monitor.execute("info mem").text)
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from hw.errors import HighmemError
from tools.commands import standard
from tools.completion import complete_word
from tools.errors import CommandError
from tools.registry import Answer, Command, Registry
from tools.session import Session

if TYPE_CHECKING:
    from guest.kernel import Kernel

_USAGE_WIDTH = 24  # of the list that `help` prints; a longer usage has a line of its own


@dataclass
class Help:
    """What `help` tells of one command."""

    usage: str
    summary: str
    details: str
    example: str


class Monitor:
    """Executes command lines over a kernel: booted, ended, or attached to a saved image."""

    def __init__(self, kernel: Kernel, cpu: int = 0, registry: Registry | None = None) -> None:
        self._look(Session(kernel, cpu), registry if registry is not None else standard())

    @classmethod
    def over(cls, session: Session, registry: Registry) -> Monitor:
        """A monitor of a session that is no kernel's."""
        monitor = cls.__new__(cls)
        monitor._look(session, registry)
        return monitor

    def _look(self, session: Session, registry: Registry) -> None:
        self.session = session
        self.registry = registry
        self.registry.add(Command(
            name="help", arguments="[COMMAND]", summary="the list of commands, or how one is used",
            example="help vtop", parse=lambda session, text: (text,), compute=self._help, text=_render_help,
        ))  # fmt: skip

    def execute(self, line: str) -> Answer:
        """Answer one command line; raises HighmemError (CommandError for what is wrong with the line)."""
        return self.registry.execute(self.session, line)

    def answer_all(self, lines: Iterable[str], out: TextIO, err: TextIO, as_json: bool = False) -> bool:
        """Answer command lines one by one: answers to `out`, errors as one line each to `err`.

        With `as_json` each answer is one line, an object with `command` and `result` (or `error`). Colours go to a
        terminal only, and not where the environment has NO_COLOR.
        Returns whether all went well: False after an error, or where a command found damage.
        """
        well = True
        colour = out.isatty() and not os.environ.get("NO_COLOR")
        for line in lines:
            try:
                for answer in self.execute(line).parts():
                    well = well and not answer.failed
                    if as_json:
                        out.write(json.dumps({"command": line, "result": answer.data}) + "\n")
                    else:
                        out.write(answer.coloured if colour else answer.text)
                    out.flush()
            except HighmemError as error:
                well = False
                out.flush()
                err.write(f"highmem: error: {error}\n")
                if as_json:
                    out.write(json.dumps({"command": line, "error": str(error)}) + "\n")
        return well

    def completions(self, line: str) -> list[str]:
        """What the last word of a beginning line can become, sorted: names of commands, then of what they take."""
        if found := self.registry.completions(line):
            return found
        try:
            command, _ = self.registry.find(line.rpartition(" ")[0])
        except CommandError:
            return []
        return complete_word(self.session, command.arguments, line.rpartition(" ")[2])

    def _help(self, session: Session, text: str) -> list[Help]:
        commands: Iterable[Command] = self.registry.commands.values()
        if text:
            commands = self._named(text)
        return [Help(c.usage, c.summary, c.details, c.example) for c in commands]

    def _named(self, text: str) -> list[Command]:
        """The command of that name, or all that have it as their first word ('info')."""
        try:
            command, rest = self.registry.find(text)
        except CommandError:
            group = [c for c in self.registry.commands.values() if c.name.split()[0] == text]
            if not group:
                raise
            return group
        if rest:
            raise CommandError(f"no command is called {text!r}")
        return [command]


def _render_help(entries: list[Help]) -> str:
    if len(entries) == 1:
        (entry,) = entries
        details = "".join(f"  {line}\n" for line in entry.details.splitlines())
        return f"{entry.usage}: {entry.summary}\n{details}Example:\n  {entry.example}\n"
    lines = []
    for entry in entries:
        room = entry.usage if len(entry.usage) <= _USAGE_WIDTH else f"{entry.usage}\n{'':{_USAGE_WIDTH}}"
        lines.append(f"{room:<{_USAGE_WIDTH}}  {entry.summary}\n")
    return "".join(lines)
