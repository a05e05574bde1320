"""A trace as a Parquet table, for pandas, polars and duckdb: a row an event, a column for each field that any has.

Beside its fields a row has ts (virtual ns), cpu, event, common_pid, common_comm and common_caller, and where its code
is: `symbol` ("kmalloc's caller+0x23") and `source` ("tour.c:34"). The file's metadata has all names ("highmem.names").
pyarrow writes and reads it (the extra `trace`).
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from hw.errors import HighmemError
from mm.events import NAMES_OF_TASKS
from tools.trace.model import EVENT_FIELDS, EVENT_TYPES, Names, Row, Site, Symbol, place_of

ROW_GROUP = 1 << 16
_NAMES_KEY = b"highmem.names"
_TEXT = "text"
_COMMON = {
    "ts": "int64", "cpu": "uint8", "event": _TEXT, "common_pid": "uint32", "common_comm": _TEXT,
    "common_caller": "uint32", "symbol": _TEXT, "source": _TEXT,
}  # fmt: skip
COLUMNS = _COMMON | {
    name: _TEXT if of_type == NAMES_OF_TASKS else "uint32"
    for types in EVENT_TYPES.values() for name, of_type in types.items()
}  # fmt: skip
"""The columns and their types; a text is a dictionary of strings."""


def pyarrow(module: str = "pyarrow") -> Any:
    """The module, loaded. Raises HighmemError where pyarrow is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise HighmemError("Parquet needs pyarrow: pip install 'highmem[trace]'") from None


class Parquet:
    """Writes the table, a row group at a time."""

    def __init__(self, file: BinaryIO) -> None:
        self._pa = pa = pyarrow()
        self._names = Names()
        self._places: dict[tuple[int, bool], tuple[str | None, str | None]] = {}
        self._rows: list[Row] = []
        text = pa.dictionary(pa.int32(), pa.string())
        self._schema = pa.schema([(name, text if of == _TEXT else getattr(pa, of)()) for name, of in COLUMNS.items()])
        self._out = pyarrow("pyarrow.parquet").ParquetWriter(file, self._schema, compression="zstd")

    def announce(self, tasks: dict[int, str], sites: list[Site]) -> None:
        """Names, for the columns and for the metadata."""
        self._names.tasks |= tasks
        for site in sites:
            self._names.add(site)
            self._places[site.address, site.call] = site.name, site.place or None

    def write(self, rows: list[Row]) -> None:
        """More rows, kept until they fill a group."""
        self._rows += rows
        if len(self._rows) >= ROW_GROUP:
            self._flush()

    def _flush(self) -> None:
        if not self._rows:
            return
        pa, rows, columns = self._pa, self._rows, self._columns()
        arrays = []
        for field in self._schema:
            if field.name not in columns:
                arrays.append(pa.nulls(len(rows), field.type))
                continue
            values, missing = columns[field.name]
            if COLUMNS[field.name] == _TEXT:
                arrays.append(pa.array(values, pa.string(), mask=missing).dictionary_encode())
            else:
                arrays.append(pa.array(values, field.type, mask=missing))
        self._out.write_table(pa.Table.from_arrays(arrays, schema=self._schema), row_group_size=len(rows))
        self._rows = []

    def _columns(self) -> dict[str, tuple[Any, Any]]:
        """The values of each column that has any, and a mask of those that are missing or None."""
        import numpy as np

        rows, comms, places = self._rows, self._names.tasks, self._places
        code = [places.get(place_of(row), (None, None)) for row in rows]
        columns: dict[str, tuple[Any, Any]] = {
            "ts": ([row[1] for row in rows], None), "cpu": ([row[2] for row in rows], None),
            "event": ([row[0] for row in rows], None), "common_pid": ([row[3] for row in rows], None),
            "common_comm": ([comms.get(row[3], "") for row in rows], None),
            "common_caller": ([row[4] for row in rows], None),
            "symbol": ([place[0] for place in code], None), "source": ([place[1] for place in code], None),
        }  # fmt: skip
        by_event: dict[str, list[int]] = {}
        for at, row in enumerate(rows):
            by_event.setdefault(row[0], []).append(at)
        for event, indexes in by_event.items():
            for field, column in zip(EVENT_FIELDS[event], zip(*[rows[at][5] for at in indexes])):
                if field not in columns:
                    kind = object if COLUMNS[field] == _TEXT else np.uint32
                    columns[field] = np.zeros(len(rows), kind), np.ones(len(rows), bool)
                values, missing = columns[field]
                values[indexes] = column
                missing[indexes] = False
        return columns

    def end(self, symbols: list[Symbol]) -> None:
        """The last group, and the names."""
        self._flush()
        names = {"tasks": list(self._names.tasks.items()), "sites": list(self._names.sites.values())}
        self._out.add_key_value_metadata({_NAMES_KEY: json.dumps(names)})
        self._out.close()


def read(file: BinaryIO, names: Names, unreadable: Callable[[str], Exception]) -> Iterator[Row]:
    """The events of a file that `Parquet` wrote."""
    pa = pyarrow("pyarrow.parquet")
    try:
        table = pa.ParquetFile(file)
    except Exception as error:  # pyarrow has many
        raise unreadable(str(error)) from None
    known = (table.metadata.metadata or {}).get(_NAMES_KEY)
    if known is None:
        raise unreadable("it is no trace of highmem")
    if lacking := set(COLUMNS) - set(table.schema_arrow.names):
        raise unreadable(f"columns are missing: {', '.join(sorted(lacking))}")
    record = json.loads(known)
    names.tasks.update((pid, comm) for pid, comm in record["tasks"])
    for site in record["sites"]:
        names.add(Site(*site))
    for batch in table.iter_batches(8192):
        columns = batch.to_pydict()
        common = zip(*(columns[name] for name in ("event", "ts", "cpu", "common_pid", "common_caller")), strict=True)
        for at, (event, ts, cpu, pid, caller) in enumerate(common):
            yield event, ts, cpu, pid, caller, tuple([columns[name][at] for name in EVENT_FIELDS[event]])
