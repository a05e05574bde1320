"""A program run under gdb: what stops the debugger becomes packets, what gdb says becomes the debugger's moves."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from guest.bare_debug import BareDebugger
from guest.debug import Debugger
from guest.execution import Execution
from guest.faults import Fault
from guest.kernel import EXIT_KILLED
from guest.stop_event import DebugError, Plan, Reason, Resume, StopEvent
from guest.symbol_file import symbol_file
from hw.breakpoints import Kind
from hw.cpu import CPU
from hw.errors import HighmemError
from mm.errors import KernelBug, Panic
from mm.fault import Verdict
from mm.layout import THREAD_SIZE
from tools.gdb.machine import MachineTarget, Registers
from tools.gdb.server import Server
from tools.gdb.stub import (
    SIGABRT,
    SIGBUS,
    SIGFPE,
    SIGILL,
    SIGINT,
    SIGKILL,
    SIGSEGV,
    SIGTRAP,
    Move,
    Order,
    Stop,
)
from tools.gdb.target import Point
from tools.monitor import Monitor
from tools.stops import Control, render_stop

if TYPE_CHECKING:
    from guest.elf import Program
    from guest.kernel import Kernel
    from hw.bare import BarePC, Report

_SIGNALS = {0: SIGFPE, 1: SIGTRAP, 3: SIGTRAP, 6: SIGILL, 7: SIGFPE, 16: SIGFPE, 17: SIGBUS, 19: SIGFPE}
_WATCHED = {Point.WRITE: Kind.WRITE, Point.READ: Kind.READ, Point.ACCESS: Kind.ACCESS}


class _Points:
    """The debugger, as the target sees it. Its watchpoints see every alias: they are on physical memory."""

    def __init__(self, debugger: Debugger | BareDebugger) -> None:
        self._debugger = debugger

    def registers(self, cpu: int) -> Registers:
        return self._debugger.registers(cpu)

    def add(self, kind: Point, linear: int, pa: int | None, size: int) -> int | None:
        if kind not in _WATCHED:
            return self._debugger.add_breakpoint(linear)
        if pa is None:
            return None
        if isinstance(self._debugger, BareDebugger):
            return self._debugger.add_watchpoint(pa, size, _WATCHED[kind])
        return self._debugger.add_watchpoint(linear, size, _WATCHED[kind])

    def remove(self, number: int) -> None:
        with suppress(DebugError):  # the monitor's `delete` may have been quicker
            self._debugger.delete(number)


class _Held(Execution):
    """For the monitor's commands: a program that stands, and goes on when gdb says so."""

    def __init__(self, debugger: Debugger) -> None:
        self.debugger = debugger

    @property
    def running(self) -> bool:
        return True

    def start(self, program: Program, arguments: Sequence[str] = (), entry: bool = True) -> StopEvent:
        raise DebugError("gdb runs the program")

    def go(self, how: Resume = Resume.CONTINUE) -> StopEvent:
        raise DebugError("gdb has the program go on: use its own command, without 'monitor'")


class _Session:
    """A machine that gdb controls: what is the same with a kernel and without. A context manager.

    where: a port or a path (tools.gdb.server.listen). tell(line) gets what the user should know. build(): the ELF file
    with symbols. Raises GdbError where nobody can listen there.
    """

    def __init__(
        self, debugger: Debugger | BareDebugger, monitor: Monitor, where: str, tell: Callable[[str], None],
        build: Callable[[], bytes],
    ) -> None:  # fmt: skip
        self._debugger = debugger
        self._monitor = monitor
        self._machine = monitor.session.kernel.machine
        self._tell = tell
        self._target = MachineTarget(monitor, _Points(debugger), build)
        debugger.on_stop = self._on_stop
        try:
            self._server = Server(where, self._target, debugger.interrupt, self._halted, tell)
        except HighmemError:
            debugger.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._server.close()
        self._target.close()
        self._debugger.close()

    @property
    def address(self) -> str:
        """What gdb's `target remote` takes."""
        return self._server.address

    def _halted(self) -> bool:
        return any(cpu.halted for cpu in self._machine.cpus)

    def _on_stop(self, event: StopEvent) -> Resume:
        self._target.cpu = event.cpu
        wait = event.reason is Reason.ENTRY
        if wait and not self._server.attached:
            symbols = shlex.quote(self._target.symbol_file() or "")
            command = f"gdb -d {shlex.quote(os.getcwd())} {symbols} -ex 'target remote {self._server.address}'"
            self._tell(f"waiting for gdb: {command}")
        order = self._server.serve(self._stop(event), wait, self._words(event))
        if order.move is Move.KILL:
            return Resume.KILL
        if order.move is Move.STEP:
            self._debugger.follow(self._step(order, event.cpu))
        return Resume.CONTINUE

    def _step(self, order: Order, standing: int) -> Plan:
        """A step ends at the next instruction outside of its range that the same task comes to, whatever runs there
        in between. What a CPU that does not stand itself comes to first is the instruction that it steps over.
        """
        registers = self._debugger.registers(order.cpu)
        task = self._task(order.cpu, registers["esp"])
        first = None if order.cpu == standing else registers["eip"]

        def plan(cpu: CPU, linear: int) -> StopEvent | None:
            nonlocal first
            if self._task(cpu.index, cpu["esp"]) != task:
                return None
            if linear == first or order.start <= linear < order.end:
                first = None
                return None
            return StopEvent(Reason.STEP, cpu.index, linear)

        return plan

    def _task(self, cpu: int, esp: int) -> int:
        """What runs on a CPU."""
        return cpu

    def _words(self, event: StopEvent) -> str:
        """What gdb cannot know of a stop."""
        return ""

    def _stop(self, event: StopEvent) -> Stop:
        signal = SIGTRAP
        if event.reason is Reason.INTERRUPT:
            signal = SIGINT
        elif isinstance(event.details, Fault):
            signal = _SIGNALS.get(event.details.record.vector, SIGSEGV)
        kind, address = self._target.point(event.number) or (None, 0)
        return Stop(signal, event.cpu, kind, address)


class BareGdbSession(_Session):
    """A PC without a kernel. image: the program, an ELF file or another one."""

    def __init__(
        self, monitor: Monitor, machine: BarePC, image: bytes, where: str, tell: Callable[[str], None]
    ) -> None:  # fmt: skip
        self._bare = BareDebugger(machine)
        super().__init__(self._bare, monitor, where, tell, lambda: image)

    def run(self, timeout: float | None = None) -> Report:
        """BarePC.run, with a stop before the first instruction, until gdb says how to go on."""
        report = self._bare.run(timeout)
        status = report.status
        self._server.exited(b"X%02x" % SIGKILL if status is None else b"W%02x" % status)
        return report


class GdbSession(_Session):
    """A kernel whose programs gdb controls."""

    def __init__(self, kernel: Kernel, where: str, tell: Callable[[str], None]) -> None:
        self._kernel = kernel
        self._control: Control | None = None
        self._guest = Debugger(kernel)
        self._guest.break_on_fault(self._is_oops, "oops")
        super().__init__(self._guest, Monitor(kernel), where, tell, self._symbols)

    def run(self, program: Program, arguments: Sequence[str] = (), timeout: float | None = None) -> int:
        """Kernel.run, with a stop before the program's first instruction, until gdb says how to go on."""
        session = self._monitor.session
        self._control = session.control = Control(session, _Held(self._guest), program, arguments)
        self._kernel.on_bug(self._on_bug)
        try:
            status = self._guest.run(program, arguments, timeout)
        finally:
            self._control = session.control = None
            self._kernel.on_bug(None)
        self._server.exited(b"X%02x" % SIGKILL if status == EXIT_KILLED else b"W%02x" % status)
        return status

    def _symbols(self) -> bytes:
        return symbol_file(self._kernel.layout, self._kernel.symbols)

    def _task(self, cpu: int, esp: int) -> int:
        return esp & -THREAD_SIZE

    def _is_oops(self, event: StopEvent) -> bool:
        """Whether a program dies of a fault. With gdb there it stands first."""
        fault = event.details
        return isinstance(fault, Fault) and fault.verdict is Verdict.OOPS and self._server.attached

    def _on_bug(self, cause: KernelBug | Panic) -> None:
        """The kernel gives up within a call: gdb shows which."""
        if self._server.attached:
            cpu = self._target.cpu = self._kernel.traps.cpu
            self._server.serve(Stop(SIGABRT, cpu), words=f"{cause}\n")

    def _words(self, event: StopEvent) -> str:
        if isinstance(event.details, Fault):
            return f"{event.details}\n"
        if self._control is None or event.number is None or self._target.point(event.number):
            return ""
        self._monitor.session.cpu_number = event.cpu
        try:
            return render_stop(self._control.view(event))
        except HighmemError as error:
            return f"{error}\n"
