"""Execution control: stops where the machine stands, with its frames, and goes on from there.

A stop happens inside the callback in which its cause is seen: before an instruction (breakpoints, steps, Ctrl-C), in
an exception when the kernel has decided about it, at a tracepoint in the middle of a call. `Debugger.on_stop` is
called there and answers how to go on; until it returns everything stays as it is, half-made allocations among it, so a
stop at any depth cuts nothing.

A watchpoint is on physical memory. What a program writes to it, through any alias, is seen at the access, and the
stop is behind the instruction. What the kernel writes (it is Python, and no hook sees it) is found by comparing: at
every event, and when a call or an exception has been served; the stop says in which.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from guest.calls import TABLE
from guest.entry import Killed
from guest.stop_event import (
    Condition,
    DebugError,
    EventHit,
    Plan,
    Reason,
    Resume,
    Stop,
    StopEvent,
    WatchHit,
)
from hw.breakpoints import Kind, Probe, Touch, decode_access
from hw.cpu import CPU, MSR_EFER, ReadHandler, WriteHandler
from hw.errors import HighmemError
from hw.frame import VECTOR_NAMES, ExceptionFrame
from hw.paging import Access, walk
from mm.events import FIELDS
from mm.layout import PAGE_SIZE, THREAD_SIZE

if TYPE_CHECKING:
    from guest.elf import Program
    from guest.faults import Fault
    from guest.kernel import Kernel

_CALLS = {4 * call.number: call.name for call in TABLE}
_LONGEST_INSTRUCTION = 15
_PAGE_FAULT = 14


class _Elsewhere(Exception):
    """EIP was set while the CPU stood at an exception."""


class Registers:
    """The registers of a CPU that stands, by hw.cpu's names. What is set is in force when it goes on, EIP too."""

    def __init__(self, debugger: Debugger, cpu: CPU) -> None:
        self._debugger = debugger
        self._cpu = cpu

    def __getitem__(self, name: str) -> int:
        jump = self._debugger._jumps.get(self._cpu.index) if name == "eip" else None
        return self._cpu[name] if jump is None else jump

    def __setitem__(self, name: str, value: int) -> None:
        if name == "eip":
            self._debugger._jump(self._cpu, value & 0xFFFF_FFFF)
        else:
            self._cpu[name] = value


class Debugger:
    """Controls the CPUs of a kernel. Made, and closed, while no program runs; one for a kernel.

    on_stop(event) is called at a stop, in the thread that runs the program, and answers how to go on. Only in it, and
    while nothing runs, may the other methods be called, but for `interrupt`.
    """

    def __init__(self, kernel: Kernel) -> None:
        if kernel.debugger is not None:
            raise DebugError("this machine has a debugger already")
        self.kernel = kernel
        self.on_stop: Callable[[StopEvent], Resume] = lambda event: Resume.CONTINUE
        #: the stop that the machine stands at, None while it runs
        self.event: StopEvent | None = None
        self._stops: dict[int, Stop] = {}
        self._numbers = 0
        self._by_address: dict[int, list[Stop]] = {}
        self._watches: list[Stop] = []
        self._faults: list[Stop] = []
        self._events: list[Stop] = []
        self._plan: Plan | None = None
        self._goal: tuple[int, int] | None = None  # see wait_for
        self._entry = self._interrupted = self._killing = False
        self._touched: dict[int, list[tuple[Stop, WatchHit]]] = {}  # by CPU: accesses of the instruction at work
        self._at: dict[int, int] = {}  # the instruction that a CPU has last told of
        self._skip: dict[int, int] = {}  # an instruction of a CPU that it comes to once more
        self._jumps: dict[int, int] = {}  # what EIP is to become, where it cannot be set now
        self._stood: int | None = None  # EIP of the exception at work, where it was stopped at
        self._before: int | None = None  # the CPU that stands before an instruction: there it can
        self._where: list[str] = []  # what the kernel is doing, the innermost last
        self._closed = False
        kernel.debugger = self
        self._probes: list[Probe] = []
        self._handlers: list[Callable[[ExceptionFrame], None] | None] = []
        for cpu in kernel.machine.cpus:
            self._probes.append(Probe(
                cpu, lambda linear, cpu=cpu: self._instruction(cpu, linear),  # type: ignore[misc]
                lambda touch, cpu=cpu: self._touch(cpu, touch)))  # type: ignore[misc]
            self._handlers.append(cpu.on_exception)
            if cpu.on_exception is not None:
                cpu.on_exception = self._around_exception(cpu, cpu.on_exception)
            cpu.wrap_devices(self._around_device)

    def close(self) -> None:
        """Let the machine run as if there had never been a debugger."""
        for number in list(self._stops):
            self.delete(number)
        if self.kernel.fault_log is not None and self._fault in self.kernel.fault_log.listeners:
            self.kernel.fault_log.listeners.remove(self._fault)
        for probe, handler in zip(self._probes, self._handlers, strict=True):
            probe.close()
            probe.cpu.on_exception = handler
        self._closed = True
        self.kernel.debugger = None

    # running

    def run(
        self, program: Program, arguments: Sequence[str] = (), timeout: float | None = None, entry: bool = True
    ) -> int:
        """Kernel.run under this debugger; entry: stop before the program's first instruction."""
        self._entry = entry
        self._killing = self._interrupted = False
        self._arm()
        try:
            return self.kernel.run(program, arguments, timeout)
        finally:
            self._plan, self._goal, self._entry = None, None, False
            for state in (self._touched, self._at, self._skip, self._jumps):
                state.clear()
            self._arm()

    def interrupt(self) -> None:
        """Stop before the next instruction. From any thread or signal handler."""
        self._interrupted = True
        for probe in self._probes:
            probe.every = True

    @property
    def cpu(self) -> CPU:
        """The CPU that stands, or is at work."""
        return self.kernel.machine.cpus[self.event.cpu if self.event else self.kernel.traps.cpu]

    def registers(self, cpu: int | None = None) -> Registers:
        """The registers of a CPU, by default of the one that stands."""
        return Registers(self, self.cpu if cpu is None else self.kernel.machine.cpus[cpu])

    def follow(self, plan: Plan) -> None:
        """Ask `plan` before every instruction, from the next one on, until something stops."""
        self._plan = plan

    def wait_for(self, linear: int, esp: int) -> None:
        """Ask the plan no more before a CPU is at a linear address with ESP in the stack of `esp`, there or higher.

        esp: 0 for any stack.
        """
        self._goal = linear, esp
        self._arrange()

    # memory, as the CPU that stands sees it

    def physical(self, linear: int, access: Access = Access.READ) -> int | None:
        """Where a linear address leads, None where nothing is mapped. A and D bits and TLBs stay as they are."""
        cpu = self.cpu
        return walk(
            self.kernel.ram.words, cpu["cr3"], linear & 0xFFFF_FFFF, cr0=cpu["cr0"], cr4=cpu["cr4"], access=access,
            efer=cpu.read_msr(MSR_EFER), ac=True,
        ).pa

    def read(self, linear: int, size: int) -> bytes:
        """Memory at a linear address; DebugError where a part of it is not mapped, PhysicalError where no RAM is."""
        return b"".join(self.kernel.ram.read(pa, length) for pa, length in self._pieces(linear, size))

    def write(self, linear: int, data: bytes) -> None:
        """Change memory at a linear address, read-only pages too; changed code is in force."""
        done = 0
        for pa, length in self._pieces(linear, len(data)):
            self.kernel.ram.write(pa, data[done : done + length])
            self.kernel.machine.invalidate_code(linear + done & 0xFFFF_FFFF, length)
            done += length
        self._settle()
        if self._before is not None:  # the rest of the translated block at which it stands has the old code
            self._leap(self.cpu, self.cpu["eip"])

    def _pieces(self, linear: int, size: int) -> Iterator[tuple[int, int]]:
        pieces = []
        while size > 0:
            linear &= 0xFFFF_FFFF
            pa, length = self.physical(linear), min(size, PAGE_SIZE - linear % PAGE_SIZE)
            if pa is None:
                raise DebugError(f"nothing is mapped at {linear:#010x}")
            pieces.append((pa, length))
            linear, size = linear + length, size - length
        return iter(pieces)

    def _settle(self) -> None:
        """What watched memory is now is what it was."""
        for stop in self._watches:
            stop.old = self._value(stop)

    def _value(self, stop: Stop) -> bytes:
        memory = self.kernel.ram.bytes
        return b"".join(bytes(memory[pa : pa + size]) for pa, size in stop.areas)

    # break, watch and catch points

    def breakpoints(self) -> list[Stop]:
        """All of them, by number."""
        return list(self._stops.values())

    def add_breakpoint(
        self, linear: int | Sequence[int], condition: Condition | None = None, temporary: bool = False,
        cpu: int | None = None, what: str = "", condition_text: str = "",
    ) -> int:  # fmt: skip
        """Stop before the instruction at a linear address, or at any of several; the breakpoint's number."""
        places = (linear,) if isinstance(linear, int) else tuple(linear)
        stop = self._new(Reason.BREAKPOINT, what or f"*{places[0]:#x}", condition, condition_text, temporary, cpu)
        stop.linear = places
        self._arrange()
        return stop.number

    def add_watchpoint(
        self, address: int, size: int, kind: Kind = Kind.WRITE, condition: Condition | None = None,
        physical: bool = False, what: str = "", condition_text: str = "", temporary: bool = False,
    ) -> int:  # fmt: skip
        """Stop where memory is changed (WRITE), read (READ), or either way accessed (ACCESS: unchanged values too).

        `address` is linear, where it leads now is watched, or physical. DebugError where no RAM is there.
        """
        if size < 1:
            raise DebugError("a watchpoint needs at least one byte")
        areas = ((address, size),) if physical else tuple(_joined(self._pieces(address, size)))
        for pa, length in areas:
            if pa + length > self.kernel.ram.size:
                raise DebugError(f"there is no RAM at physical {pa:#x}")
            self.kernel.ram.read(pa, length)
        stop = self._new(Reason.WATCHPOINT, what or f"*{address:#x}", condition, condition_text, temporary)
        stop.areas, stop.access = areas, kind
        stop.old = self._value(stop)
        self._arrange()
        return stop.number

    def break_on_fault(
        self, condition: Condition | None = None, what: str = "fault", condition_text: str = "",
        temporary: bool = False,
    ) -> int:  # fmt: skip
        """Stop at an exception, when the kernel has decided and the program has not gone on or died of it.

        The details are the Fault. What is set in registers then is in force, and where EIP is set nobody dies.
        """
        stop = self._new(Reason.FAULT, what, condition, condition_text, temporary)
        self._arrange()
        return stop.number

    def break_on_event(
        self, pattern: str, condition: Condition | None = None, what: str = "", condition_text: str = "",
        temporary: bool = False,
    ) -> int:  # fmt: skip
        """Stop at a tracepoint whose name matches a glob pattern; DebugError where none does."""
        if not any(fnmatchcase(name, pattern) for name in FIELDS):
            raise DebugError(f"no event is called {pattern!r}; there are {', '.join(FIELDS)}")
        stop = self._new(Reason.TRACEPOINT, what or f"event {pattern}", condition, condition_text, temporary)
        stop.pattern = pattern
        self._arrange()
        return stop.number

    def delete(self, number: int) -> None:
        """Take a break, watch or catch point away; DebugError where there is none of that number."""
        if self._stops.pop(number, None) is None:
            raise DebugError(f"there is no breakpoint number {number}")
        self._arrange()

    def move(self, number: int, linear: Sequence[int]) -> None:
        """Have a breakpoint stop at other addresses from now on."""
        self._stops[number].linear = tuple(linear)
        self._arrange()

    def enable(self, number: int, enabled: bool = True) -> None:
        """Let one be passed by for a while, or no longer."""
        stop = self._stops.get(number)
        if stop is None:
            raise DebugError(f"there is no breakpoint number {number}")
        stop.enabled = enabled
        stop.old = self._value(stop)
        self._arrange()

    def _new(
        self, kind: Reason, what: str, condition: Condition | None, condition_text: str, temporary: bool,
        cpu: int | None = None,
    ) -> Stop:  # fmt: skip
        self._numbers += 1
        stop = Stop(self._numbers, kind, what, condition=condition, condition_text=condition_text,
                    temporary=temporary, cpu=cpu)
        self._stops[stop.number] = stop
        return stop

    def _arrange(self) -> None:
        """Have exactly what the stops need call us."""
        stops = [stop for stop in self._stops.values() if stop.enabled]
        self._watches = [stop for stop in stops if stop.areas]
        self._faults = [stop for stop in stops if stop.kind is Reason.FAULT]
        self._events = [stop for stop in stops if stop.pattern]
        if self._faults and self._fault not in (listeners := self.kernel.record_faults().listeners):
            listeners.append(self._fault)
        places: dict[int, list[Stop]] = {}
        for stop in stops:
            for linear in stop.linear:
                places.setdefault(linear, []).append(stop)
        if self._goal is not None:
            places.setdefault(self._goal[0], [])
        watched = {
            (pa, size, kind)
            for stop in self._watches for pa, size in stop.areas
            for kind in (Kind.READ, Kind.WRITE) if kind in stop.access
        }
        for probe in self._probes:
            for linear in self._by_address.keys() - places.keys():
                probe.remove_point(linear)
            for linear in places:
                probe.add_point(linear)
            for area in probe.areas - watched:
                probe.unwatch(*area)
            for area in watched:
                probe.watch(*area)
        self._by_address = places
        events = self.kernel.events
        events.unsubscribe(self._event)
        writes = any(Kind.WRITE in stop.access for stop in self._watches)
        if writes or self._events:
            events.subscribe(None if writes else [stop.pattern for stop in self._events], self._event)

    # stopping

    def _arm(self) -> None:
        """Whether every instruction is looked at."""
        for probe in self._probes:
            index = probe.cpu.index
            probe.every = bool(
                self._plan and not self._goal or self._entry or self._interrupted or self._killing
                or self._touched.get(index) or index in self._jumps or index in self._skip
            )
            if self._interrupted:  # by another thread, just now
                probe.every = True

    def _stand(self, event: StopEvent) -> None:
        """Stop, and do what is answered."""
        self._plan, self._entry = None, False
        if self._goal is not None:
            self._goal = None
            self._arrange()
        if event.reason is Reason.INTERRUPT:
            self._interrupted = False
        self.event = event
        try:
            answer = self.on_stop(event)
        finally:
            self.event = None
        if answer is Resume.KILL:
            self._killing = True
        elif answer is Resume.STEP and self._plan is None:
            self._plan = self._one_instruction(self.kernel.machine.cpus[event.cpu])
        self._settle()
        self._arm()

    def _try(self, stop: Stop, event: StopEvent) -> bool:
        """Stop for one of the stops, if its condition holds."""
        if stop.number not in self._stops:
            return False
        if stop.condition is not None:
            self.event = event
            try:
                if not stop.condition(event):
                    return False
            finally:
                self.event = None
        stop.hits += 1
        if stop.temporary:
            self.delete(stop.number)
        self._stand(event)
        return True

    def _instruction(self, cpu: CPU, linear: int) -> None:
        """A CPU is about to run an instruction."""
        index = cpu.index
        if self._closed or self.event is not None:
            return
        if index in self._jumps:
            self._leap(cpu, self._jumps.pop(index))
            return
        if self._killing:
            raise Killed("killed by the debugger")
        self._before = index
        try:
            self._stop_before(cpu, linear)
        finally:
            self._before = None

    def _stop_before(self, cpu: CPU, linear: int) -> None:
        index = cpu.index
        self._at[index] = linear
        again = False
        if index in self._skip:
            again = self._skip.pop(index) == linear
            self._arm()
        if index in self._touched:
            hits = self._touched.pop(index)
            self._arm()
            if any([self._accessed(cpu, linear, stop, hit) for stop, hit in hits]):
                return
        if self._watches and self._compare(cpu, linear):
            return
        if self._interrupted:
            self._stand(StopEvent(Reason.INTERRUPT, index, linear))
        elif self._entry:
            if self._in_program(linear):
                self._stand(StopEvent(Reason.ENTRY, index, linear))
        elif not again:
            for stop in self._by_address.get(linear, ()):
                if stop.cpu in (None, index) and self._try(
                    stop, StopEvent(Reason.BREAKPOINT, index, linear, stop.number)
                ):
                    break
            else:
                if self._goal is not None:
                    self._reached(cpu, linear)
                if (
                    self._plan is not None and self._goal is None
                    and (event := self._plan(cpu, linear)) is not None
                ):
                    self._stand(event)

    def _reached(self, cpu: CPU, linear: int) -> None:
        assert self._goal is not None
        wanted, low = self._goal
        esp = cpu["esp"]
        if linear == wanted and (not low or esp >= low and not (esp ^ low) & -THREAD_SIZE):
            self._goal = None
            self._arrange()
            self._arm()

    def _in_program(self, linear: int) -> bool:
        programs = self.kernel.symbols.programs()
        return bool(programs) and 0 <= linear - programs[0].image.base < programs[0].image.size

    def _jump(self, cpu: CPU, eip: int) -> None:
        """Go on elsewhere."""
        if self._before == cpu.index:
            self._leap(cpu, eip)
        else:
            self._jumps[cpu.index] = eip

    def _leap(self, cpu: CPU, eip: int) -> None:
        """Before an instruction: go on elsewhere, where a breakpoint does not stop at once."""
        self._skip[cpu.index] = eip
        self._arm()
        cpu["eip"] = eip

    # watchpoints

    def _touch(self, cpu: CPU, touch: Touch) -> None:
        """An instruction accesses watched memory. The stop is behind it."""
        if self.event is not None:
            return
        eip, kind = cpu["eip"], str(touch.kind.name).lower()
        for stop in self._watches:
            if touch.kind not in stop.access or not any(
                pa < touch.pa + touch.size and touch.pa < pa + size for pa, size in stop.areas
            ):
                continue
            hits = self._touched.setdefault(cpu.index, [])
            if any(known is stop and (hit.eip, hit.kind) == (eip, kind) for known, hit in hits):
                continue  # a string instruction goes on
            linear = self._alias(cpu, eip, touch)
            hits.append((stop, WatchHit(kind, touch.pa, touch.size, stop.old, b"", eip, linear, "")))
            self._probes[cpu.index].every = True

    def _alias(self, cpu: CPU, eip: int, touch: Touch) -> int | None:
        """The linear address of an access, out of the instruction."""
        code = b""
        for length in range(_LONGEST_INSTRUCTION, 0, -1):
            try:
                code = self.read(eip, length)
                break
            except HighmemError:
                continue
        for linear in decode_access(cpu, code, eip, touch.kind):
            if self.physical(linear) == touch.pa:
                return linear
        return None

    def _accessed(self, cpu: CPU, linear: int, stop: Stop, hit: WatchHit) -> bool:
        new = self._value(stop)
        old, stop.old = hit.old, new
        if stop.access is Kind.WRITE and old == new:
            return False
        hit = WatchHit(hit.kind, hit.pa, hit.size, old, new, hit.eip, hit.linear, "")
        return self._try(stop, StopEvent(Reason.WATCHPOINT, cpu.index, linear, stop.number, hit))

    def _compare(self, cpu: CPU, linear: int | None = None, event: str = "") -> bool:
        """Stop where watched memory is not what it was: the kernel has written there. Whether it was so.

        event: at which this is asked.
        """
        if self.event is not None or self._touched:
            return False
        stood = False
        for stop in self._watches:
            new = self._value(stop)
            if new != stop.old:
                old, stop.old = stop.old, new
                if Kind.WRITE in stop.access:
                    by = ", in ".join(reversed(self._where)) or "the kernel, between two calls"
                    by += f", before its event {event}" if event else ""
                    pa, size = stop.areas[0]
                    hit = WatchHit("write", pa, size, old, new, 0, None, by)
                    eip = cpu["eip"] if linear is None else linear
                    found = StopEvent(Reason.WATCHPOINT, cpu.index, eip, stop.number, hit)
                    stood = self._try(stop, found) or stood
        return stood

    # where the kernel is at work

    def _around_device(self, read: ReadHandler, write: WriteHandler) -> tuple[ReadHandler, WriteHandler]:
        where = self._where

        def on_write(offset: int, size: int, value: int) -> None:
            if self._closed:
                write(offset, size, value)
                return
            if self._watches:
                self._compare(self.kernel.runner.cpu)
            where.append(f"the call {_CALLS.get(offset, hex(offset))}")
            try:
                write(offset, size, value)
            finally:
                if self._watches:
                    self._compare(self.kernel.runner.cpu)
                where.pop()

        return read, on_write

    def _around_exception(
        self, cpu: CPU, handle: Callable[[ExceptionFrame], None]
    ) -> Callable[[ExceptionFrame], None]:  # fmt: skip
        def on_exception(frame: ExceptionFrame) -> None:
            eip, vector, self._stood = frame.eip, frame.vector, None
            if self._watches:
                self._compare(cpu)
            name = VECTOR_NAMES.get(vector, f"interrupt {vector}")
            self._where.append(f"the handler of {name}" + (f" at {frame.cr2:08x}" if vector == _PAGE_FAULT else ""))
            try:
                handle(frame)
            except _Elsewhere:
                frame.eip = self._skip[cpu.index] = self._jumps.pop(cpu.index)
                self._arm()
                return
            finally:
                if self._watches:
                    self._compare(cpu)
                self._where.pop()
            fetched = vector == _PAGE_FAULT and 0 <= frame.cr2 - eip < _LONGEST_INSTRUCTION
            if frame.eip == eip and (self._stood == eip or eip == self._at.get(cpu.index) and not fetched):
                self._skip[cpu.index] = eip
                self._arm()

        return on_exception

    def _fault(self, fault: Fault) -> None:
        """The kernel has decided about a fault."""
        if self.event is not None or self._closed:
            return
        for stop in self._faults:
            if self._try(stop, StopEvent(Reason.FAULT, fault.cpu, fault.record.eip, stop.number, fault)):
                self._stood = fault.record.eip
                break
        if fault.cpu in self._jumps and not fault.call:
            raise _Elsewhere

    def _event(self, name: str, fields: dict[str, int]) -> None:
        """A tracepoint."""
        if self.event is not None or self._closed:
            return
        cpu = self.kernel.runner.cpu
        if self._watches:
            self._compare(cpu, event=name)
        for stop in self._events:
            if fnmatchcase(name, stop.pattern):
                hit = EventHit(name, dict(fields))
                if self._try(stop, StopEvent(Reason.TRACEPOINT, cpu.index, cpu["eip"], stop.number, hit)):
                    return

    # plans: asked before every instruction whether it is where a step ends

    def _one_instruction(self, cpu: CPU) -> Plan:
        stack = cpu["esp"] & -THREAD_SIZE

        def plan(cpu: CPU, linear: int) -> StopEvent | None:
            same = cpu["esp"] & -THREAD_SIZE == stack
            return StopEvent(Reason.STEP, cpu.index, linear) if same else None

        return plan


def _joined(pieces: Iterator[tuple[int, int]]) -> list[tuple[int, int]]:
    """Pieces of memory, those that follow each other made one."""
    joined: list[tuple[int, int]] = []
    for pa, size in pieces:
        if joined and sum(joined[-1]) == pa:
            joined[-1] = joined[-1][0], joined[-1][1] + size
        else:
            joined.append((pa, size))
    return joined


__all__ = ["DebugError", "Debugger", "Kind", "Plan", "Reason", "Registers", "Resume", "StopEvent"]
