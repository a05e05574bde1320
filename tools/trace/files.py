"""Trace files by their formats: writing one by the ending of its name, reading one by how it begins."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TextIO

from hw.errors import HighmemError
from tools.trace import chrome, jsonl, parquet, tracedat
from tools.trace.model import FREE_AREA, Names, Row, Site, Symbol, Writer

FORMATS = {
    ".jsonl": "JSON lines with names (.ndjson too)",
    ".json": "Chrome's JSON, for Perfetto",
    ".parquet": "a table, for pandas, polars and duckdb",
    ".dat": "trace-cmd's trace.dat",
    "": "no ending: JSON lines, events alone",
}
_BUFFER = 1 << 17


def ending(path: str) -> str:
    """The ending that names the format of a file to be written. Raises HighmemError for one that names none."""
    found = Path(path).suffix.lower()
    found = ".jsonl" if found == ".ndjson" else found
    if found not in FORMATS:
        known = ", ".join(f"{name} ({what})" if name else what for name, what in FORMATS.items())
        raise HighmemError(f"{path}: no format of traces ends so; there are {known}")
    if found == ".parquet":
        parquet.pyarrow()
    return found


class TraceFile:
    """A trace that is being written. Raises HighmemError for an unknown ending, OSError where it cannot be made."""

    def __init__(self, path: str) -> None:
        self.path = path
        kind = ending(path)
        self.left_out = {FREE_AREA} if kind == "" else set[str]()  # events that it has no place for
        self._file: BinaryIO | TextIO
        self._writer: Writer
        if kind in (".parquet", ".dat"):
            file: BinaryIO = open(path, "wb", buffering=_BUFFER)
            self._file, folder = file, os.path.dirname(os.path.abspath(path))
            self._writer = parquet.Parquet(file) if kind == ".parquet" else tracedat.TraceDat(file, folder)
        else:
            text: TextIO = open(path, "w", encoding="utf-8", buffering=_BUFFER)
            self._file = text
            self._writer = chrome.Chrome(text) if kind == ".json" else jsonl.JsonLines(text, plain=kind == "")

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            error.filename = error.filename or self.path
            raise

    def announce(self, tasks: dict[int, str], sites: list[Site]) -> None:
        """See `Writer`."""
        with self._named():
            self._writer.announce(tasks, sites)

    def write(self, rows: list[Row]) -> None:
        """See `Writer`."""
        with self._named():
            self._writer.write(rows)

    def end(self, symbols: list[Symbol]) -> None:
        """See `Writer`."""
        with self._named():
            self._writer.end(symbols)
            self._file.flush()

    def close(self) -> None:
        """Give the file back, whole or, without an end, as it is."""
        with suppress(OSError):  # of what could not be written before
            self._file.close()


class TraceReader:
    """A trace that was written, in any of the formats. Iterating gives its rows; the `names` grow on the way.

    Raises OSError where the file cannot be read and HighmemError where it is no trace.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.names = Names()
        self._file = open(path, "rb", buffering=_BUFFER)
        head = self._file.read(64)
        self._file.seek(0)
        if head.startswith(b"PAR1"):
            read = parquet.read
        elif head.startswith(tracedat.MAGIC[:10]):
            read = tracedat.read
        elif head.startswith(b'{"displayTimeUnit"'):
            read = chrome.read
        elif head.startswith(b"{") or not head:
            read = jsonl.read
        else:
            raise self._unreadable("it begins as no trace does")
        self._rows = read(self._file, self.names, self._unreadable)

    def _unreadable(self, why: str) -> HighmemError:
        return HighmemError(f"{self.path}: no trace that can be read ({why})")

    def __iter__(self) -> Iterator[Row]:
        return self._rows

    def close(self) -> None:
        """Give the file back."""
        self._file.close()
