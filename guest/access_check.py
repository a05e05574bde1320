"""`--check-access`: accesses to memory that is nobody's, reported to the kernel log in KASAN's form.

What watches is hw.access_watch's, what the bytes' states are guest.shadow's; here are the words. The program goes on
after a report. What is done again at the same place, called from the same one, is only counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np

from guest.access_calls import CallChecks, CheckedMemory
from guest.elf import Image
from guest.entry import DAMAGE
from guest.locals import local_at
from guest.shadow import FREE_PAGE, FREED, FREED_FIRST, GRANULE, LETTERS, VMALLOC_REDZONE, Record, Shadow
from guest.symbols import KERNEL_RETURN, Symbols
from hw.access_watch import AccessWatch, Touch
from hw.cpu import CPU
from hw.machine import TRAP_WINDOW, Machine
from hw.shadow import ALLOWED, FORBIDDEN, NOT_SET, ON_STACK
from hw.uninit import UnsetUse
from mm.errors import KernelFault, ListCycle
from mm.events import Events
from mm.frame_map import FrameMap
from mm.fsck.report import BUDDY, HOLE, PER_CPU
from mm.layout import (
    PAGE_OFFSET,
    PAGE_SHIFT,
    TASK_COMM_LEN,
    TEXT_SIZE,
    TEXT_START,
    THREAD_SIZE,
    Layout,
)
from mm.list import Words
from mm.maccess import KernelMemory
from mm.oops import Oops
from mm.owner import Owner, Owners, Site
from mm.page_alloc import PageAllocator
from mm.pgtable import PageTables
from mm.printk import Printk
from mm.setup import MemoryLimits
from mm.slab import SlabAllocator
from mm.slab_info import SlabInspector
from mm.time import Clock
from mm.traps import Traps

_RULE = "=" * 66
_ROW = 16  # granules
_LIBRARY = "guest/lib/"  # as the compiler names its files
_TIMER_READ = 16  # bytes of struct timer_list, up to its function
_DECIDES = {
    "branch": "It decides a branch", "address": "It decides the address of an access",
    "jump": "It decides where the program goes on", "result": "It is the result",
}  # fmt: skip
_KINDS = {FREE_PAGE: "use-of-freed-page", VMALLOC_REDZONE: "vmalloc-out-of-bounds"} | dict.fromkeys(
    (FREED_FIRST, FREED), "use-after-free"
)


@dataclass
class AccessReport:
    """An access that was wrong. kind: "use-after-free", "slab-out-of-bounds", "vmalloc-out-of-bounds",
    "use-of-freed-page", "below-stack-pointer"; "double-free" and "invalid-free" of a call; "uninit-value".

    access: "read", "write", "" of a call. address, pa: of its first byte, linear (0: not known) and physical. eip: the
    instruction, of a call its return address, 0 of the kernel's own work. file, line: its source. trace: the return
    addresses. count: how often. owner: what is there. allocated, freed: who did last. text: the report's lines.
    """

    kind: str
    access: str
    size: int
    address: int
    pa: int
    eip: int
    file: str
    line: int
    site: str
    cpu: int
    pid: int
    comm: str
    trace: tuple[int, ...]
    owner: Owner
    allocated: Site | None
    freed: Site | None
    count: int = 1
    text: list[str] = field(default_factory=list)


class AccessCheck:
    """Watches a machine's CPUs. `reports` are those so far, the oldest first."""

    def __init__(
        self, machine: Machine, w: Words, layout: Layout, limits: MemoryLimits, events: Events, log: Printk,
        clock: Clock, traps: Traps, oops: Oops, symbols: Symbols, pages: PageAllocator, slab: SlabAllocator,
        tables: PageTables, vm: KernelMemory, owners: Owners, frames: FrameMap,
        inspector: SlabInspector, asked: Callable[[int], int | None], uninit: bool,
    ) -> None:  # fmt: skip
        self._machine = machine
        self._w = w
        self._layout = layout
        self._limits = limits
        self._log = log
        self._traps = traps
        self._oops = oops
        self._symbols = symbols
        self._slab = slab
        self._owners = owners
        self._clock = clock
        self._vm = vm
        self.reports: list[AccessReport] = []
        self._met: dict[tuple[str, int, int], AccessReport] = {}
        self.shadow = Shadow(
            machine.ram.size, w, layout, events, traps, pages, slab, tables, clock, self._bad_free
        )  # fmt: skip
        self.shadow.begin(_in_use(frames), inspector, asked)
        exempt = range(TEXT_START, TEXT_START + TEXT_SIZE)
        self._watch = AccessWatch(
            machine.ram, machine.cpus, self.shadow.bytes, self._touched, exempt, layout["thread_info"].size,
            self._unset if uninit else None,
        )  # fmt: skip
        unset = self._watch.unset if uninit else None
        #: memory as the kernel sees it where it serves a program
        self.memory = CheckedMemory(machine.ram.bytes, tables, self._kernel_looks)
        calls = CallChecks(w, layout, self.shadow, unset, pages, slab, tables, self._argument, self._call_reads)
        for cpu in machine.cpus:
            calls.around(cpu)
        if uninit:
            self._follow_writes(vm)
        self._in_timers = False
        events.tap("timer_expire_entry", self, self._expires)

    def learn(self, image: Image) -> None:
        """A program was loaded."""
        if self._watch.frames is not None:
            self._watch.frames.learn(image.base, image.data[: image.text_size])

    def returned(self, cpu: CPU) -> None:
        """The function of a program or a thread has returned."""
        if (use := self._watch.watched[cpu.index].result) is not None:
            self._unset(use, cpu["esp"] - 4)  # where the return address was

    # what is wrong

    def _touched(self, touch: Touch) -> None:
        if touch.bad >> PAGE_SHIFT >= self._limits.max_pfn or not self._machine.ram.has(touch.bad):
            return
        if touch.below_stack:
            kind = "below-stack-pointer"
        else:
            kind = _KINDS.get(self.shadow.bytes[touch.bad], "slab-out-of-bounds")
        cpu = touch.cpu
        trace = self._oops.trace(touch.eip, cpu["esp"], cpu["ebp"])
        if self._seen(kind, touch.eip, trace):
            return
        self._report(
            kind, "write" if touch.write else "read", touch.size, touch.linear, touch.first, touch.bad, touch.eip, 0,
            cpu.index, cpu["esp"], tuple(trace),
        )  # fmt: skip

    def _unset(self, use: UnsetUse, esp: int | None = None) -> None:
        cpu = use.cpu
        esp = cpu["esp"] if esp is None else esp
        trace = self._oops.trace(use.eip, esp, cpu["ebp"])
        if not self._seen("uninit-value", use.eip, trace):
            self._report(
                "uninit-value", "", 0, 0, use.origin, use.origin, use.eip, 0, cpu.index, esp,
                tuple(trace), _DECIDES[use.what],
                ebp=cpu["ebp"],
            )  # fmt: skip

    def _argument(self, name: str, origin: int) -> None:
        self._begin_call()
        self._of_call("uninit-value", "", 0, 0, origin, f"It is an argument of {name}")

    def _call_reads(self, va: int, size: int) -> None:
        self._begin_call()
        self.memory.look(va, size)

    def _expires(self, timer: int, now: int, function: int) -> None:
        """The timers' softirq has looked at a timer, which is no call's doing."""
        self._in_timers = True
        self.memory.look(timer, _TIMER_READ)
        self._in_timers = False

    def _begin_call(self) -> None:
        """The call that is about to be served is at work."""
        esp = self._machine.cpus[self._traps.cpu]["esp"]
        self._traps.esp, self._traps.caller = esp, self._w[((esp ^ 0xC0000000) >> 2) + 2]

    def _kernel_looks(self, va: int, pa: int, size: int, write: bool) -> None:
        """A call reads or writes a piece of a page for the program."""
        states = bytes(self.shadow.bytes[pa : pa + size])
        allowed = len(states) - len(states.lstrip(ALLOWED))
        if allowed < size:
            kind = _KINDS.get(states[allowed], "slab-out-of-bounds")
            self._of_call(kind, "write" if write else "read", size, va, pa, bad=pa + allowed)
        if write:
            self._watch.unset.clear(pa, size)
        elif (origin := self._watch.unset.origin(pa, size)) is not None:
            self._of_call("uninit-value", "", 0, 0, origin, "It is read by the kernel")

    def _follow_writes(self, vm: KernelMemory) -> None:
        """What the kernel writes for a program is written."""
        write = vm.write

        def follow(va: int, data: bytes) -> None:
            write(va, data)
            for pa, size in vm._pieces(va, len(data), write=True):
                self._watch.unset.clear(pa, size)

        vm.write = follow  # type: ignore[method-assign]

    def _of_call(
        self, kind: str, access: str, size: int, address: int, first: int, decides: str = "", bad: int | None = None
    ) -> None:
        """A report of the call that is served, or of the timers' softirq."""
        caller, trace = self._traps.caller, self.shadow.trace()[0][1:]
        if self._in_timers:
            caller, trace = address, ()
        if caller and not self._seen(kind, caller, list(trace)):
            bad = first if bad is None else bad
            self._report(
                kind, access, size, address, first, bad, caller, 1, self._traps.cpu, self._traps.esp, trace, decides,
                self._w[((self._traps.esp ^ 0xC0000000) >> 2) + 1], "run_timer_softirq" if self._in_timers else "",
            )  # fmt: skip

    def _bad_free(self, kind: str, address: int) -> None:
        self._of_call(kind, "", 0, address, address - PAGE_OFFSET & 0xFFFFFFFF)

    def _seen(self, kind: str, eip: int, trace: list[int]) -> bool:
        report = self._met.get((kind, eip, trace[0] if trace else 0))
        if report is not None:
            report.count += 1
        return report is not None

    def _report(
        self, kind: str, access: str, size: int, address: int, first: int, bad: int, eip: int, behind: int, cpu: int,
        esp: int, trace: tuple[int, ...], decides: str = "", ebp: int = 0, site: str = "",
    ) -> None:  # fmt: skip
        """behind: 1 where `eip` is a return address. ebp: where `first` may be a variable of the functions at work.
        site: a function of the kernel's own; then `eip` only tells its reports apart.
        """
        trace = tuple(address for address in trace if address != KERNEL_RETURN)
        pid, comm = self._task(esp)
        file, line = self._source(eip, behind, trace)
        low = bad >> PAGE_SHIFT < self._limits.max_low_pfn
        owner = self._owners.physical(bad) if low or not address else self._owners.linear(address)
        record = self._record(bad, low)
        report = AccessReport(
            kind, access, size, address or (PAGE_OFFSET + first if low else 0), first, 0 if site else eip, file, line,
            site or self._oops.name(eip), cpu, pid, comm, trace, owner, record.allocated if record else owner.allocated,
            record.freed if record else owner.freed,
        )  # fmt: skip
        if not file and (last := report.freed or report.allocated):
            report.file, report.line = self._source(last.address, 1, last.trace[1:] if last.trace else ())
        self.reports.append(report)
        self._met[kind, eip, trace[0] if trace else 0] = report
        with suppress(*DAMAGE, ListCycle, KernelFault):
            if ebp and self.shadow.bytes[first] in ON_STACK:
                report.allocated = report.freed = None
                memory = self._local_lines(first, eip - behind, esp, ebp)
            else:
                memory = list(self._object_lines(report, record, bad, low))
            report.text = list(self._lines(report, memory, bad, low, decides))
        for text in report.text:
            self._log(f"<3>{text}\n")

    def _source(self, eip: int, behind: int, trace: Iterable[int]) -> tuple[str, int]:
        """The line of the program: of the innermost function that is none of the start library's."""
        first = self._symbols.line(eip - behind) or ("", 0)
        lines = [first, *(self._symbols.line(address - 1) or ("", 0) for address in trace)]
        return next((line for line in lines if line[0] and not line[0].startswith(_LIBRARY)), first)

    def _task(self, esp: int) -> tuple[int, str]:
        """pid and name of the task whose stack it is."""
        w, fields = self._w, self._layout["task_struct"]
        with suppress(IndexError):
            task = w[((esp & -THREAD_SIZE ^ 0xC0000000) >> 2) + self._layout["thread_info"].word("task")]
            t = (task ^ 0xC0000000) >> 2
            comm = w[t + fields.word("comm") : t + fields.word("comm") + (TASK_COMM_LEN >> 2)].tobytes()
            return w[t + fields.word("pid")], comm.split(b"\0")[0].decode("latin-1")
        return 0, "?"

    def _record(self, pa: int, low: bool) -> Record | None:
        if low and (obj := self._nearest(pa)):
            return self.shadow.object_record(obj)
        return self.shadow.block_record(pa >> PAGE_SHIFT)

    def _nearest(self, pa: int) -> int:
        """The object that a bad byte of a slab belongs to or, where that was never given to anybody, the one beside."""
        va = PAGE_OFFSET + pa
        here = self.shadow.object_at(va)
        if not self.shadow.in_slab(va):
            return 0
        if here is None:
            beside = self.shadow.object_at(va + GRANULE * _ROW) or self.shadow.object_at(va - GRANULE * _ROW)
            return beside.start if beside else 0
        if self.shadow.object_record(here.start) or va < here.start:
            return here.start
        for other in (here.place - 1, here.place + here.room):
            found = self.shadow.object_at(other)
            if found and self.shadow.object_record(found.start) and not self.shadow.is_freed(found.start):
                return found.start
        return here.start

    # words

    def _lines(
        self, report: AccessReport, memory: list[str], bad: int, low: bool, decides: str
    ) -> Iterator[str]:
        yield _RULE
        yield f"BUG: {'KMSAN' if decides else 'KASAN'}: {report.kind} in {report.site}"
        if report.file:
            yield f"Source: {report.file}:{report.line}"
        by = f"by task {report.comm}/{report.pid} on CPU {report.cpu}"
        if decides:
            yield f"{decides} in task {report.comm}/{report.pid} on CPU {report.cpu}"
        elif report.access:
            where = f"addr {report.address:08x}" if report.address else f"physical address {report.pa:08x}"
            yield f"{report.access.capitalize()} of size {report.size} at {where} {by}"
        else:
            yield f"Free of addr {report.address:08x} {by}"
        yield "Call Trace:"
        yield from self._trace_lines(report.trace)
        yield " ======================="
        for what, site in (("Allocated", report.allocated), ("Freed", report.freed)):
            if site is not None:
                yield from self._site_lines(what, site)
        yield ""
        yield from memory
        if not decides:
            yield ""
            yield from self._state_lines(report, bad, low)
        yield _RULE

    def _trace_lines(self, trace: tuple[int, ...]) -> Iterator[str]:
        for address in trace:
            line = self._symbols.line(address - 1)
            source = f" ({line[0]}:{line[1]})" if line else ""
            yield f" [<{address:08x}>] {self._oops.name(address)}{source}"

    def _site_lines(self, what: str, site: Site) -> Iterator[str]:
        yield ""
        when = f" at {site.time_ns // 1_000_000_000}.{site.time_ns // 1000 % 1_000_000:06d}" if site.time_ns else ""
        yield f"{what} by {'task' if site.pid is not None else 'the kernel'}" + (
            f" {site.pid}" if site.pid is not None else "") + when + ":"
        trace = site.trace or ((site.address,) if site.address else ())
        yield from self._trace_lines(trace)

    def _object_lines(self, report: AccessReport, record: Record | None, bad: int, low: bool) -> Iterator[str]:
        owner, address = report.owner, report.address
        obj = self.shadow.object_at(self._nearest(bad)) if low else None
        if obj is None:
            yield f"The buggy address is in {owner.note}"
            if owner.behind is not None:
                yield f"which shows {owner.behind.note}"
        else:
            yield f"The buggy address belongs to the object at {obj.start:08x}"
            yield f" which belongs to the cache {self._slab.name(obj.cachep)} of size {obj.size}"
            size = record.size if record else obj.size
            at = PAGE_OFFSET + report.pa
            if at < obj.start:
                side = f"{obj.start - at} bytes to the left of"
            elif at >= obj.start + size:
                side = f"{at - obj.start - size} bytes to the right of"
            else:
                side = f"{at - obj.start} bytes inside of"
            yield f"The buggy address is located {side}"
            yield f" {size}-byte region [{obj.start:08x}, {obj.start + size:08x})"
        if low and address and address != PAGE_OFFSET + report.pa:
            yield f"(by way of its alias {address:08x})"

    def _local_lines(self, pa: int, eip: int, esp: int, ebp: int) -> list[str]:
        """Whose local variable a byte of a stack is that nobody has set; where somebody has, that was another's."""
        local = None
        if self.shadow.bytes[pa] in NOT_SET:
            local = local_at(self._symbols, self._vm, self._oops, PAGE_OFFSET + pa, eip, esp, ebp)
        if local is None:
            return ["The memory was a local variable of a function that has returned"]
        if not local.variable:
            return [f"The memory is in the frame of {local.function}"]
        return [f"Local variable {local.variable} created at:", f" {local.function}"]

    def _state_lines(self, report: AccessReport, bad: int, low: bool) -> Iterator[str]:
        yield "Memory state around the buggy address:"
        span = GRANULE * _ROW
        shift = PAGE_OFFSET if low else report.address - report.pa if report.address else 0
        for row in range((bad & -span) - 2 * span, (bad & -span) + 3 * span, span):
            if row < 0 or row + span > len(self.shadow.bytes) or not low and row >> PAGE_SHIFT != bad >> PAGE_SHIFT:
                continue
            here = row == bad & -span
            shown = " ".join(f"{self._granule(at):02x}" for at in range(row, row + span, GRANULE))
            yield f"{'>' if here else ' '}{row + shift & 0xFFFFFFFF:08x}: {shown}"
            if here:
                yield " " * (11 + 3 * ((bad - row) // GRANULE)) + "^"

    def _granule(self, pa: int) -> int:
        """KASAN's shadow byte of eight bytes: 0 where all may be accessed, how many where those at the start may."""
        states = bytes(self.shadow.bytes[pa : pa + GRANULE])
        allowed = len(states) - len(states.lstrip(ALLOWED))
        bad = next((state for state in states if state in FORBIDDEN), None)
        if bad is None or allowed and states[allowed:].translate(None, FORBIDDEN) == b"":
            return allowed % GRANULE
        return LETTERS.get(bad, bad)


def _in_use(frames: FrameMap) -> list[tuple[int, int]]:
    """[start, end) of the frames that are not free, and of what a PC has below 1 MB and the hypercall window."""
    kinds = frames.kinds
    used = ~((kinds >= BUDDY) | (kinds == PER_CPU) | (kinds == HOLE))
    used[: 1 << 20 - PAGE_SHIFT] |= kinds[: 1 << 20 - PAGE_SHIFT] == HOLE
    edges = np.flatnonzero(np.diff(np.concatenate(([False], used, [False])).astype(np.int8)))
    runs = edges.reshape(-1, 2).tolist()
    return [*((start, end) for start, end in runs), (TRAP_WINDOW >> PAGE_SHIFT, (TRAP_WINDOW >> PAGE_SHIFT) + 1)]
