"""Execution control of a bare-metal program: stops before instructions, as guest.debug has them for the kernel's."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from guest.stop_event import DebugError, Plan, Reason, Resume, StopEvent
from hw.bare import BarePC, Report
from hw.breakpoints import Kind, Probe, Touch
from hw.cpu import CPU


class BareDebugger:
    """Controls the CPUs of a PC. Made, and closed, while it does not run.

    on_stop(event) is called at a stop, in the thread that runs the machine, and answers how to go on. Only in it, and
    while nothing runs, may the other methods be called, but for `interrupt`. Addresses of code are linear, those of
    watched memory physical.
    """

    def __init__(self, machine: BarePC) -> None:
        self.machine = machine
        self.on_stop: Callable[[StopEvent], Resume] = lambda event: Resume.CONTINUE
        self._numbers = 0
        self._points: dict[int, int] = {}  # number -> linear address
        self._watches: dict[int, tuple[int, int, Kind]] = {}
        self._old: dict[int, bytes] = {}  # what watched memory was
        self._plan: Plan | None = None
        self._entry = self._interrupted = False
        self._touched: dict[int, set[int]] = {}  # CPU -> watchpoints that its instruction at work has met
        self._probes = [self._probe(cpu) for cpu in machine.cpus]
        machine.on_round = self._round

    def _probe(self, cpu: CPU) -> Probe:
        return Probe(cpu, lambda linear: self._instruction(cpu, linear), lambda touch: self._touch(cpu, touch))

    def close(self) -> None:
        """Let the machine run as if there had never been a debugger."""
        self.machine.on_round = None
        for probe in self._probes:
            probe.close()

    def run(self, timeout: float | None = None) -> Report:
        """BarePC.run, with a stop before the first instruction."""
        self._entry = True
        self._arm()
        return self.machine.run(timeout)

    def interrupt(self) -> None:
        """Stop before the next instruction, or where every CPU is halted. From any thread."""
        self._interrupted = True
        for probe in self._probes:
            probe.every = True

    def registers(self, cpu: int) -> CPU:
        """Those of a CPU that stands, by name."""
        return self.machine.cpus[cpu]

    def follow(self, plan: Plan) -> None:
        """Ask `plan` before every instruction, from the next one on, until something stops."""
        self._plan = plan

    # points

    def add_breakpoint(self, linear: int) -> int:
        """Stop before the instruction there; the breakpoint's number."""
        self._numbers += 1
        self._points[self._numbers] = linear
        for probe in self._probes:
            probe.add_point(linear)
        return self._numbers

    def add_watchpoint(self, pa: int, size: int, kind: Kind) -> int:
        """Stop behind an instruction that changes physical memory (WRITE), reads it, or either. PhysicalError."""
        self._numbers += 1
        self._old[self._numbers] = self.machine.ram.read(pa, size)
        self._watches[self._numbers] = pa, size, kind
        for each in (Kind.READ, Kind.WRITE):
            if each in kind:
                for probe in self._probes:
                    probe.watch(pa, size, each)
        return self._numbers

    def delete(self, number: int) -> None:
        """Take a point away; DebugError where there is none of that number."""
        linear = self._points.pop(number, None)
        watch = self._watches.pop(number, None)
        if linear is None and watch is None:
            raise DebugError(f"there is no breakpoint number {number}")
        for probe in self._probes:
            if linear is not None and linear not in self._points.values():
                probe.remove_point(linear)
            for each in (Kind.READ, Kind.WRITE):
                if watch and each in watch[2] and not any(
                    (pa, size) == watch[:2] and each in kind for pa, size, kind in self._watches.values()
                ):
                    probe.unwatch(watch[0], watch[1], each)

    # stopping

    def _arm(self) -> None:
        for probe in self._probes:
            touched = bool(self._touched.get(probe.cpu.index))
            probe.every = bool(self._plan or self._entry or touched)
            if self._interrupted:  # by another thread, just now
                probe.every = True

    def _stand(self, event: StopEvent) -> None:
        self._plan, self._entry, self._interrupted = None, False, False
        if self.on_stop(event) is Resume.KILL:
            self.machine.kill()
        for number, (pa, size, _) in self._watches.items():
            self._old[number] = self.machine.ram.read(pa, size)

    def _instruction(self, cpu: CPU, linear: int) -> None:
        event = self._stop(cpu, linear)
        if event is not None:
            self._stand(event)
        self._arm()

    def _stop(self, cpu: CPU, linear: int) -> StopEvent | None:
        index = cpu.index
        for number in sorted(self._touched.pop(index, ())):
            if self._changed(number):
                return StopEvent(Reason.WATCHPOINT, index, linear, number)
        if self._interrupted:
            return StopEvent(Reason.INTERRUPT, index, linear)
        if self._entry:
            return StopEvent(Reason.ENTRY, index, linear)
        for number, place in self._points.items():
            if place == linear:
                return StopEvent(Reason.BREAKPOINT, index, linear, number)
        return self._plan(cpu, linear) if self._plan else None

    def _changed(self, number: int) -> bool:
        if number not in self._watches:
            return False
        pa, size, kind = self._watches[number]
        return kind is not Kind.WRITE or self.machine.ram.read(pa, size) != self._old[number]

    def _touch(self, cpu: CPU, touch: Touch) -> None:
        for number, (pa, size, kind) in self._watches.items():
            if touch.kind in kind and pa < touch.pa + touch.size and touch.pa < pa + size:
                self._touched.setdefault(cpu.index, set()).add(number)
                self._probes[cpu.index].every = True

    def _round(self) -> None:
        """Between the turns of the CPUs: where all are halted no instruction comes."""
        if self._interrupted and not any(processor.runs for processor in self.machine.processors):
            with suppress(IndexError):
                cpu = self.machine.cpus[0]
                self._stand(StopEvent(Reason.INTERRUPT, 0, cpu["eip"]))
                self._arm()
