"""The options that trace a run, and the words `highmem trace summary|convert`.

Importing this module imports only the standard library, so that help needs no environment.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from tools.progress import Progress

if TYPE_CHECKING:
    from guest.kernel import Kernel
    from tools.trace.files import TraceReader
    from tools.trace.filters import Filter
    from tools.trace.model import Row

BATCH = 4096

FORMATS = """\
formats, by the ending of the file's name:
  .jsonl    an object a line, with the names of code and tasks
  .json     Chrome's: open it in ui.perfetto.dev or chrome://tracing
  .parquet  a table for pandas, polars and duckdb (needs pyarrow: pip install 'highmem[trace]')
  .dat      trace-cmd's trace.dat: trace-cmd report, KernelShark
  (none)    an object a line, events alone: for a pipe"""


def add_trace_options(parser: argparse.ArgumentParser) -> None:
    """--trace, --events and --filter, of the commands that run a program."""
    parser.add_argument("--trace", metavar="FILE",
                        help="write what the memory manager does; the ending says how: .jsonl, .json (Perfetto), "
                        ".parquet, .dat (trace-cmd), none: JSON lines of events alone")  # fmt: skip
    add_choice(parser)


def add_choice(parser: argparse.ArgumentParser) -> None:
    """--events and --filter."""
    parser.add_argument(
        "--events", action="append", default=[], metavar="GLOB[,...]",
        help="the events of the trace, as 'kmalloc,kfree' or 'mm_page_*' (default: all); can be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--filter", dest="filters", action="append", default=[], metavar="EXPR",
        help="keep only such events: 'bytes_req > 4096 && gfp_flags & __GFP_DMA'; with 'kmalloc: ' before it, it is "
        "about these events alone; can be repeated",
    )  # fmt: skip


def add_words(parser: argparse.ArgumentParser) -> None:
    """`summary` and `convert`."""
    words = parser.add_subparsers(dest="what", metavar="WORD", required=True)
    summary = words.add_parser("summary", allow_abbrev=False, help="allocations by call site, size and lifetime",
                               description="What a trace comes to: allocations by call site, by size and by lifetime, "
                               "and what was never given back.")  # fmt: skip
    summary.add_argument("file", metavar="FILE", help="a trace in any of the formats")
    summary.add_argument("--top", type=_positive, default=10, metavar="N", help="rows of each table (default 10)")
    summary.add_argument("--json", action="store_true", help="all of it, as JSON")
    add_choice(summary)
    convert = words.add_parser("convert", allow_abbrev=False, help="the same events in another format",
                               description="The same events in another format.", epilog=FORMATS,
                               formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    convert.add_argument("file", metavar="IN", help="a trace in any of the formats")
    convert.add_argument("output", metavar="OUT", help="the file to write; its ending says how")
    add_choice(convert)


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"not a number of rows: {text!r}")
    return int(text)


def check_options(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """End in a usage error where --events or --filter stand without --trace."""
    if "trace" not in options:
        return
    if options.trace is None and (options.events or options.filters):
        parser.error(f"{'--events' if options.events else '--filter'} chooses what --trace FILE writes")
    if options.trace is not None and not options.program:
        parser.error("--trace needs a PROGRAM to run")


class Tracing:
    """--trace of a run. Raises HighmemError for a wrong choice or ending, before anything is run or written."""

    def __init__(self, options: argparse.Namespace) -> None:
        from tools.trace.files import ending
        from tools.trace.filters import Filter, choose

        ending(options.trace)
        choose(options.events, [Filter(text) for text in options.filters])
        self._path: str = options.trace
        self._events: list[str] = options.events
        self._filters: list[str] = options.filters
        self._progress = Progress(sys.stderr)
        self._line_open = False

    @contextlib.contextmanager
    def record(self, kernel: Kernel) -> Iterator[None]:
        """Trace what is done inside."""
        from tools.trace.recorder import record

        before = kernel.log.console
        if before and self._progress.terminal:
            kernel.log.console = self._beside(before)
        try:
            with record(kernel, self._path, self._events, self._filters, self._show):
                yield
        finally:
            kernel.log.console = before
            self._progress.clear()

    def _beside(self, console: Callable[[str], None]) -> Callable[[str], None]:
        """A console that takes the progress line away before it prints; none comes into an unfinished line."""

        def write(text: str) -> None:
            self._progress.clear()
            console(text)
            self._line_open = not text.endswith("\n")

        return write

    def _show(self, count: int) -> None:
        if not self._line_open:
            self._progress.status(f"{count:,} events written to {self._path}")


def trace(options: argparse.Namespace) -> int:
    """The words."""
    from tools.trace.files import TraceReader
    from tools.trace.filters import Filter, choose

    filters = [Filter(text) for text in options.filters]
    events = choose(options.events, filters)
    progress = Progress(sys.stderr)
    with contextlib.closing(TraceReader(options.file)) as reader:
        try:
            rows = _chosen(reader, events, filters)
            if options.what == "summary":
                _summary(reader, rows, options, progress)
            else:
                _convert(reader, rows, options.output, progress)
        finally:
            progress.clear()
    return 0


def _chosen(reader: TraceReader, events: list[str], filters: list[Filter]) -> Iterator[Row]:
    from tools.trace.filters import row_filter

    predicates = {event: row_filter(filters, event, lambda pid: reader.names.tasks.get(pid, "")) for event in events}
    for row in reader:
        if row[0] in predicates and ((predicate := predicates[row[0]]) is None or predicate(row)):
            yield row


def _summary(reader: TraceReader, rows: Iterable[Row], options: argparse.Namespace, progress: Progress) -> None:
    from tools.trace.summary import render, summarize

    summary = summarize(options.file, rows, reader.names, lambda count: progress.status(f"{count:,} events read"))
    progress.clear()
    if options.json:
        sys.stdout.write(json.dumps(asdict(summary)) + "\n")
    else:
        render(summary, options.top, sys.stdout)


def _convert(reader: TraceReader, rows: Iterator[Row], output: str, progress: Progress) -> None:
    import os
    from itertools import islice

    from hw.errors import HighmemError
    from tools.trace.files import TraceFile, ending
    from tools.trace.model import places

    ending(output)
    if os.path.exists(output) and os.path.samefile(reader.path, output):
        raise HighmemError(f"{output}: cannot be read and written at once")
    file = TraceFile(output)
    told_tasks: set[int] = set()
    told: set[tuple[int, bool]] = set()
    count = 0
    try:
        while batch := list(islice(rows, BATCH)):
            batch = [row for row in batch if row[0] not in file.left_out]
            tasks = {pid: comm for pid, comm in reader.names.tasks.items() if pid not in told_tasks}
            sites = places(batch) - told
            told_tasks |= tasks.keys()
            told |= sites
            file.announce(tasks, [reader.names.site(*key) for key in sorted(sites)])
            file.write(batch)
            count += len(batch)
            progress.status(f"{count:,} events written to {output}")
        file.end([])
    finally:
        file.close()
    progress.line(f"{output}: {count:,} events, {os.path.getsize(output):,} bytes")
