"""The trace file of `--trace`: one JSON object a line, in the order of what happened."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from mm.events import Events


class TraceWriter:
    """Writes every event it is subscribed to as {"ts": ..., "cpu": ..., "event": ..., its fields}.

    `clock` gives the virtual time in nanoseconds, `cpu` the number of the CPU at work. Fields are plain numbers,
    addresses too.
    """

    def __init__(self, file: TextIO, clock: Callable[[], int], cpu: Callable[[], int] = lambda: 0) -> None:
        self._write = file.write
        self._clock = clock
        self._cpu = cpu

    def __call__(self, event: str, fields: dict[str, int]) -> None:
        record = {"ts": self._clock(), "cpu": self._cpu(), "event": event, **fields}
        self._write(json.dumps(record, separators=(",", ":")) + "\n")

    def attach(self, events: Events, patterns: list[str] | None = None) -> None:
        """Begin to listen; `patterns` are globs over the events' names, None for all."""
        events.subscribe(patterns, self)
