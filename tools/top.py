"""`highmem top`: zones, orders, slab caches and what happens each second, live while a program runs."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from guest.kernel import Kernel
    from mm.events import Emit
    from mm.slab_info import CacheInfo
    from mm.vmstat import BuddyInfo, ZoneInfo

EXAMPLE = "top guest/programs/pressure.c --ram 64M"
_HOME, _CLEAR_LINE, _CLEAR_BELOW = "\x1b[H", "\x1b[K", "\x1b[J"
_ALTERNATE, _NORMAL = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
#: what is counted, by the words for it
_COUNTED = {
    "kmalloc": ("kmalloc",), "kfree": ("kfree",), "cache alloc": ("kmem_cache_alloc",),
    "cache free": ("kmem_cache_free",), "pages out": ("mm_page_alloc",), "pages back": ("mm_page_free",),
    "vmalloc": ("vmalloc",), "kmap": ("kmap", "kmap_atomic"), "faults": ("page_fault_kernel", "page_fault_user"),
    "switches": ("sched_switch",),
}  # fmt: skip


@dataclass
class Rate:
    """Events since the start, and how many a virtual second in the last interval."""

    name: str
    total: int
    per_second: float


@dataclass
class Look:
    """One screen. time_ns: virtual time. status: the program's once it has ended, else None."""

    program: str
    time_ns: int
    tasks: list[str]
    zones: list[ZoneInfo]
    orders: list[BuddyInfo]
    rates: list[Rate]
    caches: list[CacheInfo]
    status: int | None


class _Counts:
    """Counts a kernel's events."""

    def __init__(self, kernel: Kernel) -> None:
        self.totals = dict.fromkeys(_COUNTED, 0)
        for name, events in _COUNTED.items():
            for event in events:
                kernel.events.tap(event, self, self._counter(name))

    def _counter(self, name: str) -> Emit:
        totals = self.totals

        def count(*_values: int | str) -> None:
            totals[name] += 1

        return count


def looks(kernel: Kernel, program: str, start: Callable[[float], int], delay: float) -> Iterator[Look]:
    """Let a program go on for `delay` host seconds at a time, and look, until it has ended or Ctrl-C ends it.

    start(timeout) begins it. A kernel whose program was halted goes on after the last look.
    """
    counts = _Counts(kernel)
    before, since = dict(counts.totals), kernel.clock()
    status = start(delay)
    try:
        while True:
            now = kernel.clock()
            seconds = (now - since) / 1e9
            rates = [
                Rate(name, total, (total - before[name]) / seconds if seconds else 0.0)
                for name, total in counts.totals.items()
            ]  # fmt: skip
            before, since = dict(counts.totals), now
            found = [kernel.slab_cache(cachep) for cachep in kernel.slab_caches()]
            caches = [cache for cache in found if cache.slabs]
            caches.sort(key=lambda cache: -cache.slabs * cache.slab_size)
            going_on = kernel.halt == "timeout"
            tasks = [f"CPU {cpu.cpu}: {'idle' if cpu.idle else f'{cpu.comm} ({cpu.pid})'}" for cpu in kernel.cpus()]
            yield Look(
                program, now, tasks, kernel.zoneinfo(), kernel.buddyinfo(), rates, caches,
                None if going_on else status,
            )  # fmt: skip
            if not going_on:
                return
            status = kernel.resume(delay)
    finally:
        kernel.events.unsubscribe(counts)


def lines(look: Look) -> Iterator[str]:
    """The screen's lines."""
    free = sum(zone.free for zone in look.zones)
    managed = sum(zone.spanned for zone in look.zones)
    ended = "" if look.status is None else f", ended with status {look.status}"
    yield f"highmem top - {look.time_ns / 1e9:.6f} s of virtual time{ended}: {look.program}"
    yield f"{free * 4:,} kB of {managed * 4:,} kB free; {', '.join(look.tasks)}"
    yield ""
    yield f"{'ZONE':<8} {'FREE kB':>10} {'of':>10} {'min':>7} {'low':>7} {'high':>7} {'active':>8} {'inactive':>8}  "
    for zone in look.zones:
        mark = "!" if zone.free < zone.min else "<" if zone.free < zone.low else " "
        yield (f"{zone.zone:<8} {zone.free * 4:10,}{mark}{zone.spanned * 4:10,} {zone.min * 4:7,} {zone.low * 4:7,} "
               f"{zone.high * 4:7,} {zone.active * 4:8,} {zone.inactive * 4:8,}  {_bar(zone)}")  # fmt: skip
    yield ""
    yield "BLOCKS   " + "".join(f"{f'2^{order}':>8}" for order in range(len(look.orders[0].nr_free)))
    for row in look.orders:
        yield f"{row.zone:<8} " + "".join(f"{count:8,}" for count in row.nr_free)
    yield ""
    yield "EVENTS   " + "".join(f"{rate.name:>12}" for rate in look.rates)
    yield "all      " + "".join(f"{rate.total:12,}" for rate in look.rates)
    yield "a second " + "".join(f"{rate.per_second:12,.0f}" for rate in look.rates)
    yield ""
    yield f"{'CACHE':<20} {'OBJECT':>7} {'IN USE':>9} {'ARRAYS':>7} {'ALL':>9} {'USE':>5} {'SLABS':>7} {'kB':>9}"
    for cache in look.caches:
        use = f"{100 * cache.allocated // cache.total}%" if cache.total else "-"
        yield (f"{cache.name:<20} {cache.objsize:7,} {cache.allocated:9,} {cache.in_arrays:7,} {cache.total:9,} "
               f"{use:>5} {cache.slabs:7,} {cache.slabs * cache.slab_size >> 10:9,}")  # fmt: skip


def _bar(zone: ZoneInfo, width: int = 20) -> str:
    """A zone's use as a picture."""
    used = width * (zone.spanned - min(zone.free, zone.spanned)) // zone.spanned if zone.spanned else 0
    return f"[{'#' * used:.<{width}}]"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that only `top` has."""
    parser.add_argument("-d", "--delay", type=float, default=0.5, metavar="SECONDS",
                        help="host seconds from one look to the next (default 0.5)")  # fmt: skip
    parser.add_argument("-n", "--iterations", type=int, metavar="N", help="end after so many looks")
    parser.add_argument("-b", "--batch", action="store_true",
                        help="print one look under the other (as where stdout is no terminal)")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="each look as a JSON object on a line")


def check_options(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """End in a usage error for numbers that mean nothing."""
    if not 0.01 <= options.delay < 1e6:
        parser.error(f"--delay must be 0.01 seconds or more, not {options.delay:g}")
    if options.iterations is not None and options.iterations < 1:
        parser.error(f"--iterations must be 1 or more, not {options.iterations}")


def show(found: Iterator[Look], options: argparse.Namespace, out: TextIO) -> int | None:
    """Print looks as they come; the program's status, None where it has not ended."""
    from tools.registry import plain

    live = out.isatty() and not options.batch and not options.json
    look: Look | None = None
    out.write(_ALTERNATE if live else "")
    try:
        for number, look in enumerate(found, 1):
            if options.json:
                out.write(json.dumps(plain(look)) + "\n")
            elif live:
                columns, rows = shutil.get_terminal_size()
                shown = [line[:columns] + _CLEAR_LINE for line in list(lines(look))[: rows - 1]]
                out.write(_HOME + "\n".join(shown) + "\n" + _CLEAR_BELOW)
            else:
                out.write("".join(f"{line}\n".replace(" \n", "\n") for line in lines(look)) + "\n")
            out.flush()
            if number == options.iterations:
                break
        if live and look and look.status is not None:
            time.sleep(0.2)
    finally:
        out.write(_NORMAL if live else "")
        out.flush()
    if live and look:
        out.write("".join(f"{line}\n" for line in lines(look)))
    if look and look.status is None:
        sys.stderr.write("highmem: the program has not ended\n")
    return look.status if look else None
