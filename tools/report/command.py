"""The word `highmem report`: runs a program, or opens a saved machine, and writes the page."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Callable
from typing import TYPE_CHECKING

from tools.progress import Progress

if TYPE_CHECKING:
    from guest.kernel import Kernel
    from tools.report.collect import Timeline
    from tools.trace.summary import Summary

EXAMPLE = "report guest/programs/tour.c -o report.html"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that only `report` has."""
    parser.add_argument("-o", "--output", metavar="FILE.html", required=True, help="the page to write")
    parser.add_argument("--data", action="store_true", help="write what the page shows as JSON instead of the page")


def report(options: argparse.Namespace, run: Callable[[argparse.Namespace], tuple[int, Kernel]], image: bool) -> int:
    """Run the program of `options` by `run`, with a trace, and write its report; the program's status."""
    from hw.files import replaced
    from tools.registry import plain
    from tools.report.collect import collect, of_faults
    from tools.report.page import page

    if folder := os.path.dirname(options.output):
        os.scandir(folder).close()  # before a run that would be lost
    progress = Progress(sys.stderr)
    with tempfile.TemporaryDirectory(prefix="highmem-report-") as folder:
        options.trace = None if image else os.path.join(folder, "trace.jsonl")
        status, kernel = run(options)
        progress.status("reading the trace")
        timeline, summary = _read(options.trace, kernel) if options.trace else (of_faults(kernel.record_faults()), None)
    progress.status("looking at memory")
    facts = _facts(kernel, options, status, image)
    found = collect(kernel, os.path.basename(options.program), facts, timeline, summary)
    text = json.dumps(plain(found)) if options.data else page(found)
    with replaced(options.output) as partial, open(partial, "w", encoding="utf-8") as file:
        file.write(text)
    progress.clear()
    sys.stderr.write(f"highmem: {options.output} written, {len(text) >> 10} kB\n")
    return status


def _read(path: str, kernel: Kernel) -> tuple[Timeline, Summary]:
    """Twice through the trace, so that no more of it is in memory than is shown."""
    from tools.report.collect import timeline
    from tools.trace.files import TraceReader
    from tools.trace.summary import summarize

    with contextlib.closing(TraceReader(path)) as rows:
        summary = summarize(os.path.basename(path), rows, rows.names, lambda count: None)
    with contextlib.closing(TraceReader(path)) as rows:
        return timeline(rows, rows.names, kernel.fault_log), summary


def _facts(kernel: Kernel, options: argparse.Namespace, status: int, image: bool) -> list[tuple[str, str]]:
    info = kernel.meminfo()
    what = [("saved machine" if image else "program", " ".join([options.program, *options.arguments]))]
    if not image:
        what.append(("exit status", str(status)))
    return [
        *what,
        ("RAM", f"{info['MemTotal'] + 512 >> 10} MB ({info['MemFree'] + 512 >> 10} MB free)"),
        ("CPUs", str(len(kernel.machine.cpus))),
        ("paging", "PAE, three levels" if kernel.layout.pae else "two levels"),
        ("kernel", kernel.layout.vermagic),
        ("virtual time", f"{kernel.clock() / 1e9:.6f} s"),
    ]
