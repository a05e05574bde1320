"""`--check-tlb`: accesses that could use a stale translation, reported to the kernel log.

What watches and what counts is hw.tlb_watch's and hw.tlb's; here are the words. It starts with an empty TLB, on a
machine that was booted as on one that was attached.
"""

from __future__ import annotations

from contextlib import suppress

from guest.calls import TABLE
from guest.entry import DAMAGE
from guest.symbols import Symbols
from hw.machine import Machine
from hw.paging import Level, decode
from hw.tlb import Cached
from hw.tlb_watch import Change, StaleEntry, StaleUse, TlbWatch
from mm.errors import KernelFault, ListCycle
from mm.oops import Oops
from mm.printk import Printk
from mm.time import Clock
from mm.traps import Traps

_CALLS = {4 * call.number: call.name for call in TABLE}


class TlbCheck:
    """Watches a machine's CPUs. capacity: translations that a TLB holds, None for no limit."""

    def __init__(
        self, machine: Machine, capacity: int | None, log: Printk, clock: Clock, traps: Traps, oops: Oops,
        symbols: Symbols,
    ) -> None:  # fmt: skip
        self._machine = machine
        self._log = log
        self._traps = traps
        self._oops = oops
        self._symbols = symbols
        self.reports = 0
        self._watch = TlbWatch(machine.ram, machine.cpus, capacity, self._report, self._caller, clock)

    def stale(self, cpu: int) -> list[StaleEntry]:
        """The translations that a CPU may hold and the page tables no longer give, the oldest first."""
        return self._watch.stale(cpu)

    def cached(self, cpu: int) -> list[Cached]:
        """All translations that a CPU may hold, the oldest first."""
        return self._watch.cached(cpu)

    def _caller(self, offset: int | None) -> tuple[int, str]:
        """For whom the kernel works: the return address of the guest's call, and the call's name."""
        if offset is None:
            return 0, "the kernel"
        return self._traps.caller, _CALLS.get(offset, "the kernel")

    def origin(self, change: Change) -> str:
        """Who changed an entry, in words."""
        name = self._oops.name(change.eip) if change.eip else ""
        if not change.call:
            return name
        return f"{change.call}, called from {name}" if name else change.call

    def source(self, change: Change) -> str:
        """The source line of the store or the call that changed an entry, "" where it is not known."""
        line = self._symbols.line(change.eip - bool(change.call)) if change.eip else None
        return f"{line[0]}:{line[1]}" if line else ""

    def _report(self, use: StaleUse) -> None:
        self.reports += 1
        entry, log = use.entry, self._log
        with suppress(*DAMAGE, ListCycle, KernelFault):
            ring = " from ring 3" if use.from_user else ""
            log(
                f"<3>BUG: stale TLB entry on CPU {entry.cpu}: {use.access} of {use.linear:08x}{ring} "
                f"at {self._oops.name(use.eip)}\n"
            )
            if line := self._symbols.line(use.eip):
                log(f"<3>Source: {line[0]}:{line[1]}\n")
            log(f"<3>TLB: {cached_words(entry.cached)}\n<3>{entry_words(entry)}\n")
            if change := entry.change:
                at = f"{change.time // 1_000_000_000}.{change.time // 1000 % 1_000_000:06d}"
                log(f"<3>Changed at {at} on CPU {change.cpu} by {self.origin(change)}, and not invalidated since\n")
                if source := self.source(change):
                    log(f"<3>Source: {source}\n")
            log("<3>Call Trace:\n")
            cpu = self._machine.cpus[entry.cpu]
            self._oops.show_trace({"eip": use.eip, "esp": cpu["esp"], "ebp": cpu["ebp"]}, "<3>")


def cached_words(cached: Cached) -> str:
    """Where a cached translation leads, and its flags."""
    return f"{cached.linear:08x}-{cached.linear + cached.size - 1:08x} -> {cached.pa:08x} {_flags(cached.levels[-1])}"


def entry_words(entry: StaleEntry) -> str:
    """What the changed entry was and is."""
    level = entry.level
    if level is None:
        return "CR3 leads to other page tables, which a global translation outlives"
    old = level._replace(entry=entry.change.old if entry.change else level.entry)
    new = level._replace(entry=entry.new)
    width = 16 if max(old.entry, new.entry) >> 32 else 8
    return (
        f"{level.name} at {level.address:08x}: {old.entry:0{width}x} {_flags(old)} -> "
        f"{new.entry:0{width}x} {_flags(new)}"
    )


def _flags(level: Level) -> str:
    """The flags of an entry by their names."""
    if not level.entry & 1:
        return "(not present)"
    return f"({'|'.join(decode(level.entry, level.name, large=level.large))})"
