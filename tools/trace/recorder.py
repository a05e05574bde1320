"""Listens to a kernel's events and gives them to a trace file, in batches."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mm.events import Emit
from mm.free_areas import FreeCounters
from mm.layout import PAGE_SHIFT, THREAD_SIZE
from tools.trace.files import TraceFile
from tools.trace.filters import Filter, Predicate, choose, row_filter
from tools.trace.model import FREE_AREA, FREE_AREA_NSEC, Row, Site, Symbol, Writer, places

if TYPE_CHECKING:
    from guest.kernel import Kernel

BATCH = 4096
PROGRESS_SECONDS = 0.25
_STACK = -THREAD_SIZE


@contextmanager
def record(
    kernel: Kernel, path: str, events: list[str] | None = None, filters: Iterable[str] = (),
    show: Callable[[int], None] = lambda count: None,
) -> Iterator[Recorder]:  # fmt: skip
    """Trace what is done inside to a file whose ending names the format; `Recorder.count` events in the end.

    events: globs over their names (all by default); filters: see tools.trace.filters; show(count): now and then.
    Raises HighmemError for a wrong ending, name or filter, and OSError.
    """
    chosen_filters = [Filter(text) for text in filters]
    chosen = choose(events or [], chosen_filters)
    file = TraceFile(path)
    chosen = [event for event in chosen if event not in file.left_out]
    recorder = Recorder(kernel, file, chosen, chosen_filters, show)
    try:
        recorder.start()
        try:
            yield recorder
        finally:
            recorder.stop()
    finally:
        file.close()


class Recorder:
    """Writes what a kernel does to `writer`, between `start` and `stop`.

    events: what is written, `free_area` among them or not. show(count) is called now and then. `count` is the number
    of events so far.
    """

    def __init__(
        self, kernel: Kernel, writer: Writer, events: Iterable[str], filters: Iterable[Filter] = (),
        show: Callable[[int], None] = lambda count: None,
    ) -> None:  # fmt: skip
        self._kernel = kernel
        self._writer = writer
        self._events = list(events)
        self._filters = list(filters)
        self._show = show
        self._rows: list[Row] = []
        self._tasks: dict[int, str] = {}
        self._told: set[int] = set()
        self._sites: set[tuple[int, bool]] = set()
        self._shown = time.monotonic()
        self._counters: dict[str, list[int]] = {}
        self._free_areas = FreeCounters(kernel.ram.words, kernel.layout, kernel.page_alloc)
        self._free_area_at = [1 << 64]  # virtual time of the next look at the free areas
        self._jiffy = [-1, 0]  # the last one seen, and its time
        self.count = 0

    def start(self) -> None:
        """Begin to listen."""
        if FREE_AREA in self._events:
            self._sample()
        for event in self._events:
            if event != FREE_AREA:
                self._kernel.events.tap(event, self, self._emitter(event))

    def stop(self) -> None:
        """Write what is left, and the end of the file."""
        self._kernel.events.unsubscribe(self)
        if FREE_AREA in self._events:
            self._sample()
        self._flush()
        self._writer.end([Symbol(each.va, each.name, each.program) for each in self._kernel.symbols.each()])

    def _comm(self, pid: int) -> str:
        return self._tasks.get(pid, "")

    def _emitter(self, event: str) -> Emit:
        """A closure for each event: its names are looked up in half the time."""
        kernel, rows, tasks, flush, at = self._kernel, self._rows, self._tasks, self._flush, self._free_area_at
        traps, clock, append, sample = kernel.traps, kernel.clock, self._rows.append, self._sample
        w, layout = kernel.ram.words, kernel.layout
        nsec_at, jiffies_at = clock.nsec, (layout.va("jiffies") ^ 0xC0000000) >> 2
        jiffy = self._jiffy
        task_word, pid_word = layout["thread_info"].word("task"), layout["task_struct"].word("pid")
        predicate: Predicate | None = row_filter(self._filters, event, self._comm)
        limit = (kernel.limits.max_low_pfn << PAGE_SHIFT - 2) - max(pid_word, task_word)

        def emit(*values: int | str) -> None:
            if w[jiffies_at] != jiffy[0]:  # else the clock would be read anew: 0.2 us
                jiffy[:] = w[jiffies_at], clock() - w[nsec_at]
            now, i = jiffy[1] + w[nsec_at], (traps.esp & _STACK ^ 0xC0000000) >> 2
            task = (w[i + task_word] ^ 0xC0000000) >> 2 if i < limit else limit
            pid = w[task + pid_word] if task < limit else 0
            if pid not in tasks:
                tasks[pid] = traps.comm()
            row = (event, now, traps.cpu, pid, traps.caller, values)
            if predicate is None or predicate(row):
                append(row)
                if len(rows) >= BATCH:
                    flush()
            if now >= at[0]:
                sample()

        return emit

    def _sample(self) -> None:
        """A row for every zone whose free areas changed since the last look."""
        kernel = self._kernel
        now, cpu = kernel.clock(), kernel.traps.cpu
        self._free_area_at[0] = now + FREE_AREA_NSEC
        predicate = row_filter(self._filters, FREE_AREA, self._comm)
        for zone, counts in self._free_areas():
            if self._counters.get(zone) != counts:
                self._counters[zone] = counts
                row: Row = (FREE_AREA, now, cpu, 0, 0, (zone, *counts))
                if predicate is None or predicate(row):
                    self._rows.append(row)

    def _flush(self) -> None:
        """Hand the rows to the writer, behind the names in them."""
        rows = self._rows
        self._announce()
        self._writer.write(rows)
        self.count += len(rows)
        rows.clear()
        now = time.monotonic()
        if now - self._shown >= PROGRESS_SECONDS:
            self._shown = now
            self._show(self.count)

    def _announce(self) -> None:
        tasks = {pid: comm for pid, comm in self._tasks.items() if pid not in self._told}
        self._told |= tasks.keys()
        sites = places(self._rows) - self._sites
        if tasks or sites:
            self._sites |= sites
            self._writer.announce(tasks, [self._site(*key) for key in sorted(sites)])

    def _site(self, address: int, call: bool) -> Site:
        symbols = self._kernel.symbols
        name, offset, _ = symbols.symbol(address - call) or ("", -call, 0)
        source, line = symbols.line(address - call) or ("", 0)
        return Site(address, call, name, offset + call, source, line)
