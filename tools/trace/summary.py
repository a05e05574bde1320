"""What a trace comes to: allocations by call site, by size and by lifetime, and what was never given back.

Pages, slab objects and vmalloc areas are counted by themselves: the pages of a slab or an area are among "pages" too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TextIO

from mm.layout import PAGE_SHIFT
from tools.trace.model import EVENT_FIELDS, FREE_AREA, Names, Row

PROGRESS_ROWS = 1 << 16
LIFETIMES = tuple(10**power for power in range(3, 10))  # 1 us to 1 s


@dataclass(frozen=True, slots=True)
class SiteSummary:
    """The allocations of one kind from one call site. Bytes; live: what was not given back; mean_lifetime: ns."""

    kind: str
    call_site: int
    symbol: str
    source: str
    allocations: int
    failed: int
    bytes_req: int
    bytes_alloc: int
    freed: int
    mean_lifetime: int | None
    live: int
    live_bytes: int
    oldest_live: int | None


@dataclass(frozen=True, slots=True)
class SizeSummary:
    """The allocations of one kind that took the same number of bytes; bytes_req: what was asked for, together."""

    kind: str
    bytes_alloc: int
    allocations: int
    bytes_req: int
    live: int


@dataclass(frozen=True, slots=True)
class LifetimeSummary:
    """How many allocations of each kind lived shorter than `below` ns, and not shorter than the row before."""

    below: int | None
    slab: int
    pages: int
    vmalloc: int


@dataclass(frozen=True, slots=True)
class Faults:
    """Faults from one instruction."""

    event: str
    ip: int
    symbol: str
    source: str
    count: int


@dataclass(frozen=True, slots=True)
class Summary:
    """A trace. start, end: virtual ns. unmatched: frees of what was allocated before the trace began."""

    file: str
    events: dict[str, int]
    start: int
    end: int
    sites: list[SiteSummary]
    sizes: list[SizeSummary]
    lifetimes: list[LifetimeSummary]
    faults: list[Faults]
    live: int
    live_bytes: int
    unmatched: int


@dataclass(slots=True)
class _Site:
    allocations: int = 0
    failed: int = 0
    bytes_req: int = 0
    bytes_alloc: int = 0
    freed: int = 0
    lifetime: int = 0
    live: int = 0
    live_bytes: int = 0
    oldest: int | None = None


@dataclass(slots=True)
class _Size:
    allocations: int = 0
    bytes_req: int = 0
    live: int = 0


@dataclass
class _Tally:
    """Kinds: "slab", "pages", "vmalloc". An allocation that lives: when, where from, bytes; by kind and address."""

    events: Counter[str] = field(default_factory=Counter)
    sites: dict[tuple[str, int], _Site] = field(default_factory=dict)
    sizes: dict[tuple[str, int], _Size] = field(default_factory=dict)
    lifetimes: Counter[tuple[int, str]] = field(default_factory=Counter)
    faults: Counter[tuple[str, int]] = field(default_factory=Counter)
    living: dict[tuple[str, int], tuple[int, int, int]] = field(default_factory=dict)
    unmatched: int = 0

    def allocate(self, ts: int, kind: str, where: int, key: int, req: int, size: int) -> None:
        site = self.sites.setdefault((kind, where), _Site())
        site.allocations += 1
        if not key:
            site.failed += 1
            return
        if (kind, key) in self.living:  # given back unseen
            self.free(ts, kind, key)
        site.bytes_req += req
        site.bytes_alloc += size
        of_size = self.sizes.setdefault((kind, size), _Size())
        of_size.allocations += 1
        of_size.bytes_req += req
        self.living[kind, key] = ts, where, size

    def free(self, ts: int, kind: str, key: int) -> None:
        found = self.living.pop((kind, key), None)
        if found is None:
            self.unmatched += 1
            return
        since, where, _ = found
        site = self.sites[kind, where]
        site.freed += 1
        site.lifetime += ts - since
        self.lifetimes[next((below for below in LIFETIMES if ts - since < below), 0), kind] += 1

    def end(self) -> None:
        for (kind, _), (since, where, size) in self.living.items():
            site = self.sites[kind, where]
            site.live += 1
            site.live_bytes += size
            site.oldest = since if site.oldest is None else min(site.oldest, since)
            self.sizes[kind, size].live += 1


def _at(event: str, *names: str) -> tuple[int, ...]:
    return tuple(EVENT_FIELDS[event].index(name) for name in names)


_ALLOC = {event: "vmalloc" if event == "vmalloc" else "slab" for event in ("kmalloc", "kmem_cache_alloc", "vmalloc")}
_FREE = {"kfree": "slab", "kmem_cache_free": "slab", "vfree": "vmalloc"}
_SITE, _PTR, _REQ, _SIZE = _at("kmalloc", "call_site", "ptr", "bytes_req", "bytes_alloc")
_PAGE, _PFN, _ORDER = _at("mm_page_alloc", "page", "pfn", "order")
(_FREE_PFN,) = _at("mm_page_free", "pfn")
(_IP,) = _at("page_fault_kernel", "ip")


def summarize(file: str, rows: Iterable[Row], names: Names, progress: Callable[[int], None]) -> Summary:
    """The summary of a trace; its memory is that of what lives at one time. progress(count) is called now and then."""
    tally, start, end = _Tally(), None, 0
    for number, (event, ts, _, _, caller, values) in enumerate(rows):
        if not number % PROGRESS_ROWS:
            progress(number)
        tally.events[event] += 1
        start, end = ts if start is None else start, ts
        v: tuple[int, ...] = values  # type: ignore[assignment]  # those that are used are numbers
        if event in _ALLOC:
            tally.allocate(ts, _ALLOC[event], v[_SITE], v[_PTR], v[_REQ], v[_SIZE])
        elif event in _FREE:
            if v[_PTR]:
                tally.free(ts, _FREE[event], v[_PTR])
        elif event == "mm_page_alloc":
            size = 1 << v[_ORDER] + PAGE_SHIFT
            tally.allocate(ts, "pages", caller, v[_PFN] if v[_PAGE] else 0, size, size)
        elif event == "mm_page_free":
            tally.free(ts, "pages", v[_FREE_PFN])
        elif event in ("page_fault_kernel", "page_fault_user", "vmalloc_fault"):
            tally.faults[event, v[_IP]] += 1
    tally.end()
    return _summary(file, tally, names, start or 0, end)


def _summary(file: str, tally: _Tally, names: Names, start: int, end: int) -> Summary:
    sites = []
    for (kind, address), s in tally.sites.items():
        place = names.site(address)
        mean = s.lifetime // s.freed if s.freed else None
        sites.append(SiteSummary(
            kind, address, place.name, place.place, s.allocations, s.failed, s.bytes_req, s.bytes_alloc, s.freed, mean,
            s.live, s.live_bytes, s.oldest,
        ))  # fmt: skip
    sizes = [
        SizeSummary(kind, size, s.allocations, s.bytes_req, s.live) for (kind, size), s in sorted(tally.sizes.items())
    ]
    lifetimes = [
        LifetimeSummary(below or None, *(tally.lifetimes[below, kind] for kind in ("slab", "pages", "vmalloc")))
        for below in (*LIFETIMES, 0)
    ]
    faults = []
    for (event, ip), count in tally.faults.most_common():
        place = names.site(ip, call=False)
        faults.append(Faults(event, ip, place.name, place.place, count))
    return Summary(
        file, dict(tally.events.most_common()), start, end,
        sorted(sites, key=lambda site: (-site.bytes_alloc, -site.allocations, site.kind, site.call_site)), sizes,
        [row for row in lifetimes if row.slab or row.pages or row.vmalloc], faults,
        len(tally.living), sum(size for _, _, size in tally.living.values()), tally.unmatched,
    )  # fmt: skip


def render(summary: Summary, top: int, out: TextIO) -> None:
    """The summary as text; at most `top` rows of each table."""
    events = {name: count for name, count in summary.events.items() if name != FREE_AREA}
    duration = _duration(summary.end - summary.start)
    out.write(f"{summary.file}: {sum(events.values()):,} events in {duration} of virtual time\n")
    _table(out, "", ["events", ""], [[f"{count:,}", name] for name, count in events.items()], top, left=(1,))
    _table(
        out, "Allocations by call site",
        ["count", "failed", "requested", "taken", "lived", "left", "kind", "call site"],
        [[f"{s.allocations:,}", f"{s.failed:,}", f"{s.bytes_req:,}", f"{s.bytes_alloc:,}",
          "-" if s.mean_lifetime is None else _duration(s.mean_lifetime), f"{s.live:,}", s.kind, _place(s)]
         for s in summary.sites], top, left=(6, 7))  # fmt: skip
    by_count = sorted(summary.sizes, key=lambda size: -size.allocations)
    _table(
        out, "By size", ["bytes", "count", "unused", "left", "kind"],
        [[f"{s.bytes_alloc:,}", f"{s.allocations:,}", _unused(s), f"{s.live:,}", s.kind] for s in by_count], top,
        left=(4,),
    )
    _table(
        out, "By lifetime", ["shorter than", "slab", "pages", "vmalloc"],
        [[_duration(row.below) if row.below else "longer", f"{row.slab:,}", f"{row.pages:,}", f"{row.vmalloc:,}"]
         for row in summary.lifetimes], len(summary.lifetimes))  # fmt: skip
    _table(
        out, "Faults", ["count", "event", "instruction"],
        [[f"{f.count:,}", f.event, _place(f)] for f in summary.faults], top, left=(1, 2),
    )  # fmt: skip
    out.write(f"\nStill allocated at the end: {summary.live:,}, {summary.live_bytes:,} bytes\n")
    live = sorted((site for site in summary.sites if site.live), key=lambda site: -site.live_bytes)
    _table(
        out, "", ["count", "bytes", "oldest from", "kind", "call site"],
        [[f"{s.live:,}", f"{s.live_bytes:,}", _duration(s.oldest_live or 0), s.kind, _place(s)] for s in live], top,
        left=(3, 4),
    )  # fmt: skip
    if summary.unmatched:
        out.write(f"\nGiven back, but allocated before the trace began: {summary.unmatched:,}\n")


def _place(row: SiteSummary | Faults) -> str:
    return f"{row.symbol} ({row.source})" if row.source else row.symbol


def _unused(size: SizeSummary) -> str:
    taken = size.bytes_alloc * size.allocations
    return f"{100 * (taken - size.bytes_req) // taken}%" if taken else "-"


def _duration(ns: int) -> str:
    for unit, length in (("s", 10**9), ("ms", 10**6), ("us", 10**3)):
        if ns >= length:
            return f"{ns / length:.4g} {unit}"
    return f"{ns} ns"


def _table(
    out: TextIO, title: str, head: list[str], rows: list[list[str]], top: int, left: tuple[int, ...] = ()
) -> None:
    if not rows:
        return
    shown = rows[:top]
    widths = [max(map(len, column)) for column in zip(head, *shown)]
    out.write(f"\n{title}\n" if title else "\n")
    for row in (head, *shown):
        cells = [text.ljust(n) if at in left else text.rjust(n) for at, (text, n) in enumerate(zip(row, widths))]
        out.write(f"  {'  '.join(cells).rstrip()}\n")
    if len(rows) > len(shown):
        out.write(f"  ... and {len(rows) - len(shown):,} more\n")
