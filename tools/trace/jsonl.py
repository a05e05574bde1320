"""A trace as JSON lines: an object an event, {"ts": ns, "cpu": N, "event": NAME, ..., its fields}.

Lines without "event" are about names: the first tells the format; one with "site" names a place in code, before the
first event that speaks of it. `plain` files hold events alone, with nothing common but time and CPU.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, TextIO

from mm.events import NAMES_OF_TASKS
from tools.trace.model import EVENT_FIELDS, EVENT_TYPES, Names, Row, Site, Symbol

FORMAT = {"trace": "highmem", "version": 1, "clock": "virtual ns"}


class JsonLines:
    """Writes the lines."""

    def __init__(self, file: TextIO, plain: bool = False) -> None:
        self._write = file.write
        self._plain = plain
        self._comms: dict[int, str] = {}
        self._templates = {event: self._template(event) for event in EVENT_FIELDS}
        self._texts = {event for event, types in EVENT_TYPES.items() if NAMES_OF_TASKS in types.values()}
        if not plain:
            self._line(FORMAT)

    def _template(self, event: str) -> str:
        common = "" if self._plain else '"common_pid":%d,"common_comm":%s,"common_caller":%d,'
        types = EVENT_TYPES[event].items()
        fields = ",".join(f'"{name}":{"%s" if of_type == NAMES_OF_TASKS else "%d"}' for name, of_type in types)
        return f'{{"ts":%d,"cpu":%d,"event":"{event}",{common}{fields}}}\n'

    def _line(self, record: dict[str, Any]) -> None:
        self._write(json.dumps(record, separators=(",", ":")) + "\n")

    def announce(self, tasks: dict[int, str], sites: list[Site]) -> None:
        """Names, a line each."""
        self._comms |= {pid: json.dumps(comm) for pid, comm in tasks.items()}
        if not self._plain:
            for site in sites:
                named = {"symbol": site.symbol, "offset": site.offset} if site.symbol else {}
                placed = {"source": site.source, "line": site.line} if site.source else {}
                self._line({"site": site.address, "call": site.call} | named | placed)

    def write(self, rows: list[Row]) -> None:
        """Events, a line each."""
        templates, texts, comms, plain = self._templates, self._texts, self._comms, self._plain
        lines = []
        for event, ts, cpu, pid, caller, values in rows:
            if event in texts:
                values = tuple([json.dumps(v) if isinstance(v, str) else v for v in values])
            common = () if plain else (pid, comms.get(pid, '""'), caller)
            lines.append(templates[event] % (ts, cpu, *common, *values))
        self._write("".join(lines))

    def end(self, symbols: list[Symbol]) -> None:
        """Nothing: every line stands for itself."""


def read(file: BinaryIO, names: Names, unreadable: Callable[[str], Exception]) -> Iterator[Row]:
    """The events of such a file, either kind; `names` learns the names on the way."""
    for number, line in enumerate(file, 1):
        try:
            record = json.loads(line)
            if "event" in record:
                yield _row(record, names)
            elif "site" in record:
                names.add(Site(record["site"], record["call"], record.get("symbol", ""), record.get("offset", 0),
                               record.get("source", ""), record.get("line", 0)))  # fmt: skip
        except (ValueError, KeyError, TypeError) as error:
            raise unreadable(f"line {number}: {_why(error)}") from None


def _row(record: dict[str, Any], names: Names) -> Row:
    event, pid = record["event"], record.get("common_pid", 0)
    if comm := record.get("common_comm"):
        names.tasks.setdefault(pid, comm)
    fields = EVENT_FIELDS[event]
    caller = record.get("common_caller", record.get("call_site", 0))
    return event, record["ts"], record["cpu"], pid, caller, tuple([record[name] for name in fields])


def _why(error: Exception) -> str:
    return f"{error.args[0]!r} is missing or unknown" if isinstance(error, KeyError) else str(error)
