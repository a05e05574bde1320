"""`--faults`: every fault of a program as one explained object, made at the moment of the fault.

To the CPU's record (hw.fault) the kernel adds when and in which task, the source line, whose the address is (mm.owner),
what do_page_fault decided and why (mm.fault), and the page-table entries afterwards. A fault that the kernel meets by
itself, serving a call with a bad pointer, is one too. All this is the host's and no kernel state; a saved machine
has it in a note.
"""

from __future__ import annotations

import json
import zlib
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from html import escape
from typing import Protocol

from guest.stored import pack, unpack
from guest.symbols import Symbols
from hw.cpu import CPU
from hw.errors import HighmemError, ImageError
from hw.fault import Entry, FaultRecord, entries
from hw.fault_reader import FaultReader
from hw.frame import ExceptionFrame
from hw.paging import Access
from mm.errors import KernelFault
from mm.fault import Reason, Verdict
from mm.layout import Layout
from mm.list import Words
from mm.oops import Oops
from mm.owner import Owner, Owners, Site
from mm.time import Clock
from mm.traps import Traps

KEPT = 1000
_MOST_CALLERS = 16
_NO_HANDLER = "the kernel has no cure for this exception in its own code"
_IN_CALL = "the kernel met it while it served a call, where no fixup is"
_RULES = {"P": "not present", "RW": "read-only", "US": "not for ring 3", "NX": "no code"}


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the code. name: symbol+offset/size, or the address; file, line: "" and 0 where they are unknown."""

    address: int
    name: str
    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.name} at {self.file}:{self.line}" if self.file else self.name


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault explained. number: counts from 0. time_ns: since the boot. cpu, pid, comm: where and in which task.

    record: what the CPU says. place: the instruction; for a fetch that failed, from where it came is in `trace`, the
    return addresses on the stack, the innermost first. call: what the kernel served, "" at an instruction of the
    program. region, owner: of the address; None for another exception than a page fault; allocated, freed: where that
    was done last, None where it is not known or the kernel itself did it. cause: the class of fault in a
    few words. verdict, reason: what the kernel decided and why. resume: where the program goes on, None after an oops.
    after: the walk's entries once the kernel had decided.
    """

    number: int
    time_ns: int
    cpu: int
    pid: int
    comm: str
    record: FaultRecord
    place: Place
    trace: list[Place]
    call: str
    region: str
    owner: Owner | None
    allocated: Place | None
    freed: Place | None
    cause: str
    verdict: Verdict
    reason: str
    resume: Place | None
    after: list[Entry]

    @property
    def changed(self) -> list[tuple[Entry, Entry | None]]:
        """The entries of the walk that the kernel has changed: before, and after."""
        later = {(entry.level, entry.address): entry for entry in self.after}
        pairs = [(entry, later.get((entry.level, entry.address))) for entry in self.record.walk]
        return [(before, after) for before, after in pairs if after is None or before.value != after.value]

    def __str__(self) -> str:
        """QEMU's line of an exception, then words."""
        whose = f", {self.owner.note}" if self.owner else ""
        by = f"by {self.call}() for " if self.call else "by "
        place = self.place
        if self.trace and self.record.access is not None and self.record.access.kind == "fetch":
            by, place = "called from ", self.trace[0]
        return f"{self.record.line(self.number)} {self.record.words()}{whose}; {by}{place}: {self.verdict}"

    def lines(self) -> Iterator[str]:
        """The whole of it, a line each."""
        record = self.record
        seconds = f"{self.time_ns // 1_000_000_000}.{self.time_ns // 1000 % 1_000_000:06d}"
        yield f"fault {self.number}: {self.cause}"
        task = f"{self.comm} (pid {self.pid})"
        yield f"when         {seconds} s on CPU {self.cpu}, {task}, in {record.privilege} mode (CPL {record.cpl})"
        yield f"where        {self.place}"
        if self.call:
            yield f"{'':<12} in the kernel's {self.call}(), which was called from there"
        for n, place in enumerate(self.trace):
            yield f"{'called from' if n == 0 else '':<12} {place}"
        yield from record.lines()
        if self.owner is not None:
            yield f"address      {record.cr2:08x} is in: {self.region}"
            yield from self._owner_lines(self.owner)
        yield f"decision     {self.verdict}: {self.reason}"
        if self.resume is not None:
            again = self.resume.address == record.pc
            yield f"{'':<12} " + ("the instruction runs again" if again else f"the program goes on at {self.resume}")
        if self.owner is not None:
            yield from self._changes()

    def _repr_html_(self) -> str:
        return f"<pre>{escape(chr(10).join(self.lines()))}</pre>"

    def _changes(self) -> Iterator[str]:
        if not self.changed and len(self.after) == len(self.record.walk):
            yield "afterwards   the page-table entries are the same"
            return
        known = {(entry.level, entry.address): entry.value for entry in self.record.walk}
        for n, entry in enumerate(self.after):
            before = known.get((entry.level, entry.address))
            what = "" if before == entry.value else "   <- new" if before is None else f"   <- was {before:08x}"
            yield f"{'afterwards' if n == 0 else '':<12} {entry.words()}{what}"

    def _owner_lines(self, owner: Owner) -> Iterator[str]:
        yield f"{'':<12} {owner.note} ({owner.kind}, {owner.start:08x}-{owner.end & 0xFFFFFFFF:08x})"
        for what, site, place in (("allocated", owner.allocated, self.allocated), ("freed", owner.freed, self.freed)):
            if site is not None:
                when = f" at {site.time_ns / 1e9:.6f} s" if site.time_ns is not None else ""
                by = f" by pid {site.pid}" if site.pid is not None else ""
                yield f"{'':<12} {what}{when}{by}, in {place or 'the kernel itself'}"


class By(StrEnum):
    """What faults are counted by."""

    CAUSE = "cause"
    RANGE = "range"
    LINE = "line"

    def key(self, fault: Fault) -> str:
        """What a fault counts as."""
        if self is By.CAUSE:
            return fault.cause
        if self is By.LINE:
            return f"{fault.place.file}:{fault.place.line}" if fault.place.file else fault.place.name
        owner = fault.owner
        return f"{owner.start:08x}-{owner.end & 0xFFFFFFFF:08x} {owner.kind}" if owner else "no address"


class Filterable(Protocol):
    """What a filter looks at; a bare machine's faults have it too."""

    @property
    def record(self) -> FaultRecord: ...
    @property
    def cpu(self) -> int: ...
    @property
    def pid(self) -> int: ...
    @property
    def cause(self) -> str: ...
    @property
    def region(self) -> str: ...
    @property
    def verdict(self) -> str: ...


class FaultFilter:
    """Chooses faults: terms with commas between them, all of which must hold; `!` before a term turns it round.

    A term is an access (read, write, fetch), a privilege (kernel, user), a decision (oops, fixup, retry), a range of
    addresses (F8800000-F8900000, F8800000+1000; hexadecimal), `cpu=N`, `pid=N`, `v=N` (a vector, hexadecimal), or a
    part of the cause or the region, with `*` and `?` as in file names.
    """

    def __init__(self, text: str = "") -> None:
        self._terms = [_term(term.strip()) for term in text.split(",") if term.strip()]

    def __call__(self, fault: Filterable) -> bool:
        return all(term(fault) for term in self._terms)


Term = Callable[[Filterable], bool]


def _term(text: str) -> Term:
    if text.startswith("!"):
        inner = _term(text[1:].strip())
        return lambda fault: not inner(fault)
    name, equals, value = text.partition("=")
    if equals:
        try:
            number = int(value, 16 if name == "v" else 10)
        except ValueError:
            raise HighmemError(f"{text!r}: {value!r} is no number") from None
        fields: dict[str, Term] = {
            "cpu": lambda fault: fault.cpu == number, "pid": lambda fault: fault.pid == number,
            "v": lambda fault: fault.record.vector == number,
        }  # fmt: skip
        if name not in fields:
            raise HighmemError(f"{text!r} is no filter: there are cpu=, pid= and v=")
        return fields[name]
    if text in ("read", "write", "fetch"):
        return lambda fault: fault.record.access is not None and fault.record.access.kind == text
    if text in ("kernel", "user"):
        return lambda fault: fault.record.privilege == text
    if text in tuple(Verdict):
        return lambda fault: fault.verdict == text
    if (found := _range(text)) is not None:
        return lambda fault: fault.record.cr2 is not None and fault.record.cr2 in found
    pattern = f"*{text.lower()}*"
    return lambda fault: any(fnmatchcase(words.lower(), pattern) for words in (fault.cause, fault.region))


def _range(text: str) -> range | None:
    for sign in "+-":
        first, found, last = text.partition(sign)
        try:
            if found:
                start, second = int(first, 16), int(last, 16)
                return range(start, start + second if sign == "+" else second)
        except ValueError:
            pass
    return None


class FaultLog:
    """Records the faults of the programs. cpu() is the CPU at work. keep: how many of the last to hold.

    `listeners` are called with each fault, inside the exception, after the kernel has decided. total counts all.
    """

    def __init__(
        self, cpu: Callable[[], CPU], w: Words, layout: Layout, clock: Clock, traps: Traps, oops: Oops,
        symbols: Symbols, owners: Owners, keep: int = KEPT,
    ) -> None:  # fmt: skip
        self._cpu = cpu
        self._w = w
        self._pid = layout["task_struct"].word("pid")
        self._clock = clock
        self._traps = traps
        self._oops = oops
        self._symbols = symbols
        self._owners = owners
        self._readers: dict[int, FaultReader] = {}
        self._kept: deque[Fault] = deque(maxlen=keep)
        self._open: Fault | None = None  # until the kernel has decided
        self._counts: dict[By, Counter[str]] = {by: Counter() for by in By}
        self.listeners: list[Callable[[Fault], None]] = []
        self.total = 0

    def __iter__(self) -> Iterator[Fault]:
        """The faults that are kept, the oldest first."""
        self._end()
        return iter(tuple(self._kept))

    def __len__(self) -> int:
        self._end()
        return len(self._kept)

    def __getitem__(self, number: int) -> Fault:
        """A fault by its number, from the end where that is negative. LookupError: there was none, or it is dropped."""
        self._end()
        first = self.total - len(self._kept)
        at = number - first if number >= 0 else len(self._kept) + number
        if not 0 <= at < len(self._kept):
            known = f"{first} to {self.total - 1} are" if self._kept else "there was none"
            raise LookupError(f"fault {number} is not kept: {known}")
        return self._kept[at]

    def counts(self, by: By, wanted: FaultFilter | None = None) -> dict[str, int]:
        """How many of each kind there were, the most frequent first; with a filter only among those that are kept."""
        if wanted is None:
            self._end()
            return dict(self._counts[by].most_common())
        return dict(Counter(by.key(fault) for fault in self if wanted(fault)).most_common())

    # in a file

    def note(self) -> bytes:
        """All that is known, for `load`."""
        faults = [pack(fault) for fault in self]
        return zlib.compress(json.dumps([self.total, {by: self.counts(by) for by in By}, faults]).encode())

    def load(self, note: bytes) -> None:
        """Know what `note` gave. Raises ImageError where it is damaged."""
        try:
            total, counts, faults = json.loads(zlib.decompress(note))
            kept = [unpack(Fault, fault) for fault in faults]
            counters = {by: Counter(unpack(dict[str, int], counts[by])) for by in By}
            self.total, self._counts = unpack(int, total), counters
            self._kept.extend(kept)
        except (ValueError, TypeError, LookupError, zlib.error) as error:
            raise ImageError(f"the faults of a saved machine cannot be read: {error}") from None

    # what the kernel tells (guest.entry)

    def before(self, frame: ExceptionFrame) -> None:
        """An exception has come: take its record, while registers and page tables are as they were."""
        self._end()
        code = frame.error_code if frame.has_error_code else None
        self._begin(self._reader().read(frame, frame.vector, code), "")

    def after(self, reason: Reason | None, eip: int) -> None:
        """The kernel has decided."""
        fault = self._open
        if fault is None:
            return
        if reason is None:
            self._close(replace(fault, reason=_NO_HANDLER))
            return
        resume = None if reason.verdict is Verdict.OOPS else self._place(eip)
        self._close(replace(
            fault, verdict=reason.verdict, reason=reason.value, resume=resume, after=self._walk(fault.record),
            cause="vmalloc fault" if reason.verdict is Verdict.RETRY else fault.cause,
        ))  # fmt: skip

    def in_call(self, fault: KernelFault) -> None:
        """A call was given an address that is none."""
        self._end()
        registers = {name: self._cpu()[name] for name in _TRAP_REGISTERS}
        found = self._symbols.symbol(registers["eip"])
        self._begin(
            self._reader().read_host_access(registers, fault.address, fault.write), found[0] if found else "the kernel"
        )
        if self._open is not None:
            self._close(replace(self._open, reason=_IN_CALL, after=self._open.record.walk))

    def _begin(self, record: FaultRecord, call: str) -> None:
        place, trace = self._places(record, call)
        owner, region = None, ""
        sites: tuple[Place | None, Place | None] = None, None
        if record.cr2 is not None:
            owner = self._owners.linear(record.cr2, record.control["cr3"], behind=False)
            region = self._owners.region(record.cr2)
            sites = self._site(owner.allocated), self._site(owner.freed)
        task = (self._traps.current() ^ 0xC0000000) >> 2
        pid = self._w[task + self._pid] if task + self._pid < len(self._w) else 0
        self._open = Fault(
            self.total, self._clock(), self._traps.cpu, pid, self._traps.comm(), record, place, trace, call, region,
            owner, *sites, _cause(record, owner), Verdict.OOPS, Reason.ENDED.value, None, record.walk,
        )  # fmt: skip

    def _close(self, fault: Fault) -> None:
        self._open = None
        self.total += 1
        self._kept.append(fault)
        for by, counts in self._counts.items():
            counts[by.key(fault)] += 1
        for listener in tuple(self.listeners):
            listener(fault)

    def _end(self) -> None:
        """Close what the kernel died of before it had decided."""
        if self._open is not None:
            self._close(self._open)

    # words

    def _reader(self) -> FaultReader:
        cpu = self._cpu()
        if cpu.index not in self._readers:
            self._readers[cpu.index] = FaultReader(cpu)
        return self._readers[cpu.index]

    def _walk(self, record: FaultRecord) -> list[Entry]:
        assert record.cr2 is not None
        kind = record.access.kind if record.access else "read"
        return entries(self._reader().translate(record.cr2, Access(kind), record.cpl == 3))

    def _site(self, site: Site | None) -> Place | None:
        return self._place(site.address, True) if site is not None and site.address else None

    def _place(self, va: int, behind: bool = False) -> Place:
        """behind: `va` is a return address, whose call's line counts."""
        line = self._symbols.line(va - behind)
        return Place(va, self._oops.name(va), *(line or ("", 0)))

    def _places(self, record: FaultRecord, call: str) -> tuple[Place, list[Place]]:
        """The instruction at fault, and where it was called from; of a call into the kernel, the caller's."""
        registers = record.registers
        returns = self._oops.trace(record.pc, record.esp, registers["ebp"])[:_MOST_CALLERS]
        trace = [self._place(address, True) for address in returns]
        if call and trace:
            return trace[0], trace[1:]
        return self._place(record.pc), trace


_TRAP_REGISTERS = (
    "eax", "ebx", "ecx", "edx", "esi", "edi", "ebp", "esp", "eip", "eflags", "es", "cs", "ss", "ds", "fs", "gs",
)  # fmt: skip


def _cause(record: FaultRecord, owner: Owner | None) -> str:
    """The class of a fault: the rule that was broken, and what the address belongs to."""
    if owner is None:
        return record.exception
    rule = "reserved bit" if record.bit.startswith("bit") else _RULES.get(record.bit, record.reason)
    kind = "fetch from " if record.access is not None and record.access.kind == "fetch" else ""
    return f"{rule}: {kind}{owner.kind}"
