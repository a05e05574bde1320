"""A trace as Chrome's JSON, which Perfetto (ui.perfetto.dev) and chrome://tracing show.

Allocations are spans from where the memory was taken to where it was given back, on a track of their own; all else are
instants of the task at work. free_area is a counter for each zone, in pages by order. A second process shows which
task each CPU ran, where sched_switch was traced. An event a line, so that `read` needs no memory.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, TextIO

from mm.events import NAMES_OF_TASKS
from tools.trace.model import (
    EVENT_FIELDS,
    EVENT_TYPES,
    EVENTS,
    FREE_AREA,
    SYSTEM_OF,
    Names,
    Row,
    Site,
    Symbol,
)

TASKS, CPUS = 1, 2  # the two processes
# What begins and ends a span: its kind, and which field names it.
_BEGIN = {
    "kmalloc": ("slab", "ptr"), "kmem_cache_alloc": ("slab", "ptr"), "vmalloc": ("vmalloc", "ptr"),
    "mm_page_alloc": ("pages", "pfn"), "kmap": ("kmap", "ptr"), "kmap_atomic": ("kmap_atomic", "ptr"),
}  # fmt: skip
_END = {
    "kfree": ("slab", "ptr"), "kmem_cache_free": ("slab", "ptr"), "vfree": ("vmalloc", "ptr"),
    "mm_page_free": ("pages", "pfn"), "kunmap": ("kmap", "ptr"), "kunmap_atomic": ("kmap_atomic", "ptr"),
}  # fmt: skip
_WITH_TEXTS = {event for event, types in EVENT_TYPES.items() if NAMES_OF_TASKS in types.values()}


class Chrome:
    """Writes the JSON."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._separator = '{"displayTimeUnit":"ns","traceEvents":[\n'
        self._running: set[int] = set()  # CPUs with an open span
        self._cpus: set[int] = set()
        self._instants = {event: _template(event, event, SYSTEM_OF[event], '"ph":"i","s":"t"') for event in EVENTS}
        self._spans = {
            event: (EVENT_FIELDS[event].index(field), _template(event, kind, kind, f'"ph":"{ph}","id":%d'))
            for ph, kinds in (("b", _BEGIN), ("e", _END)) for event, (kind, field) in kinds.items()
        }  # fmt: skip
        for pid, name in ((TASKS, "highmem"), (CPUS, "CPUs")):
            self._put(_named("process_name", pid, 0, {"name": name}))

    def _put(self, record: dict[str, Any]) -> None:
        self._file.write(self._separator + _compact(record))
        self._separator = ",\n"

    def announce(self, tasks: dict[int, str], sites: list[Site]) -> None:
        """Names, as metadata; viewers know those of threads."""
        for pid, comm in tasks.items():
            self._put(_named("thread_name", TASKS, pid, {"name": comm}))
        for site in sites:
            self._put(_named("site", TASKS, 0, site._asdict()))

    def write(self, rows: list[Row]) -> None:
        """Events, a record each, and what the CPUs ran."""
        lines: list[str] = []
        spans, instants = self._spans, self._instants
        for event, ts, cpu, pid, caller, values in rows:
            if event in spans:
                at, template = spans[event]
                if key := values[at]:
                    lines.append(template % (key, pid, ts / 1000, cpu, caller, *values))
                    continue
            elif event == FREE_AREA:
                lines.append(_counter(ts, cpu, values))
                continue
            elif event in _WITH_TEXTS:
                if event == "sched_switch":
                    lines += map(_compact, self._switch(ts, cpu, dict(zip(EVENT_FIELDS[event], values, strict=True))))
                values = tuple([json.dumps(v) if isinstance(v, str) else v for v in values])
            lines.append(instants[event] % (pid, ts / 1000, cpu, caller, *values))
        if lines:
            self._file.write(self._separator + ",\n".join(lines))

    def _switch(self, ts: int, cpu: int, fields: dict[str, int | str]) -> Iterator[dict[str, Any]]:
        """What a sched_switch ends and begins on a CPU."""
        common = {"pid": CPUS, "tid": cpu, "ts": ts / 1000}
        if cpu not in self._cpus:
            self._cpus.add(cpu)
            yield _named("thread_name", CPUS, cpu, {"name": f"CPU {cpu}"})
        if cpu in self._running:
            self._running.remove(cpu)
            yield {"ph": "E"} | common
        if fields["next_pid"]:
            self._running.add(cpu)
            yield {"ph": "B", "name": fields["next_comm"], "args": {"pid": fields["next_pid"]}} | common

    def end(self, symbols: list[Symbol]) -> None:
        """The brackets."""
        self._file.write("\n]}\n")


def _compact(record: dict[str, Any]) -> str:
    return json.dumps(record, separators=(",", ":"))


def _template(event: str, name: str, category: str, kind: str) -> str:
    fields = ",".join(
        f'"{field}":{"%s" if of_type == NAMES_OF_TASKS else "%d"}' for field, of_type in EVENT_TYPES[event].items()
    )
    return (
        f'{{"name":"{name}","cat":"{category}",{kind},"pid":{TASKS},"tid":%d,"ts":%.3f,'
        f'"args":{{"event":"{event}","cpu":%d,"caller":%d,{fields}}}}}'
    )


def _counter(ts: int, cpu: int, values: tuple[int | str, ...]) -> str:
    zone, *counts = values
    pages = {f"order {order}": int(n) << order for order, n in enumerate(counts)}
    name = f"free pages {zone}"
    return _compact({"name": name, "ph": "C", "pid": TASKS, "tid": 0, "ts": ts / 1000, "cpu": cpu, "args": pages})


def _named(name: str, pid: int, tid: int, arguments: dict[str, Any]) -> dict[str, Any]:
    return {"ph": "M", "name": name, "pid": pid, "tid": tid, "args": arguments}


def read(file: BinaryIO, names: Names, unreadable: Callable[[str], Exception]) -> Iterator[Row]:
    """The events of a file that `Chrome` wrote."""
    for number, line in enumerate(file, 1):
        text = line.rstrip(b",\n")
        if number == 1 or text == b"]}":
            continue
        try:
            record = json.loads(text)
            arguments = record["args"] if "args" in record else {}
            if record["ph"] == "M":
                if record["name"] == "site":
                    names.add(Site(**arguments))
                elif record["pid"] == TASKS and record["name"] == "thread_name":
                    names.tasks[record["tid"]] = arguments["name"]
            elif record["ph"] == "C":
                counts = [pages >> order for order, pages in enumerate(arguments.values())]
                zone = record["name"].rsplit(" ", 1)[1]
                yield FREE_AREA, round(record["ts"] * 1000), record["cpu"], record["tid"], 0, (zone, *counts)
            elif event := arguments.get("event"):
                values = tuple([arguments[name] for name in EVENT_FIELDS[event]])
                yield event, round(record["ts"] * 1000), arguments["cpu"], record["tid"], arguments["caller"], values
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise unreadable(f"line {number}: {error!r}; only a file that highmem wrote can be read") from None
