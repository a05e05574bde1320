"""Stops of a bare-metal program: break, watch, stepi, continue, context. Conditions are over registers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from guest.backtrace import Unwinder
from guest.bare_debug import BareDebugger
from guest.execution import Execution
from guest.stop_event import Plan, Reason, Resume, Stop, StopEvent
from hw.bare import BarePC, Report
from hw.breakpoints import Kind
from hw.cpu import CPU
from tools.arguments import decimal, take_options
from tools.commands.stops import (
    StopRow,
    context,
    delete,
    go_on,
    info_break,
    no_if,
    parse_numbers,
    render_list,
    row,
    standing,
    times,
)
from tools.conditions import condition
from tools.errors import CommandError
from tools.registry import Command, Registry
from tools.session import Session
from tools.stops import Control, Place, StopView, render_context, render_stop

_STACK = 64 << 10  # bytes above ESP in which a call chain is looked for


class _Source:
    """What a Control asks of the source, without DWARF's types."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def function(self, va: int) -> tuple[str, int, int] | None:
        found = self._session.function(va)
        return (found[0], va - found[1], found[2]) if found else None


class BarePoints:
    """A BareDebugger with what its points are for, and conditions."""

    def __init__(self, debugger: BareDebugger) -> None:
        self.debugger = debugger
        self._stops: dict[int, Stop] = {}

    def breakpoints(self) -> list[Stop]:
        """All points."""
        return list(self._stops.values())

    def add(self, stop: Stop) -> int:
        """Make a point as `stop` says; its number is put in."""
        if stop.areas:
            (pa, size), = stop.areas
            stop.number = self.debugger.add_watchpoint(pa, size, stop.access)
        else:
            stop.number = self.debugger.add_breakpoint(stop.linear[0])
        self._stops[stop.number] = stop
        return stop.number

    def delete(self, number: int) -> None:
        """Take a point away."""
        self.debugger.delete(number)
        del self._stops[number]

    def wanted(self, event: StopEvent) -> bool:
        """Whether a stop is one: its condition holds."""
        stop = self._stops.get(event.number or 0)
        if stop is None:
            return True
        if stop.condition is not None and not stop.condition(event):
            return False
        stop.hits += 1
        return True


class BareControl(Control):
    """A bare machine under control."""

    def __init__(self, session: Session, machine: BarePC) -> None:
        self.machine = machine
        self._bare = BareDebugger(machine)
        points = BarePoints(self._bare)
        self.session = session
        self.execution = Execution(self._bare)
        self.debugger = points  # type: ignore[assignment]
        self.source = _Source(session)  # type: ignore[assignment]
        self.shows_context = False
        self.locations = {}
        self._before, self._now = {}, {}
        stand = self._bare.on_stop
        self._bare.on_stop = lambda event: stand(event) if points.wanted(event) else Resume.CONTINUE

    def run(self, timeout: float | None) -> Report:
        """Run the machine, in the thread of `begin`."""
        return self._bare.run(timeout)

    def begin(self, run: Callable[[], int]) -> StopEvent:
        """Run the machine to its first instruction."""
        return self._stands(self.execution.launch(run))

    def end(self) -> None:
        """Let the machine go on to its end, without stops."""
        for stop in self.debugger.breakpoints():
            self.debugger.delete(stop.number)
        while self.execution.running:
            self.execution.go()
        self._bare.close()

    def step(self, count: int) -> StopEvent:
        """Run `count` instructions of the CPU that stands."""
        self._bare.follow(_steps(self.session.cpu_number, count))
        return self.go()

    def view(self, event: StopEvent) -> StopView:
        if event.reason is Reason.EXITED:
            return StopView(event.reason, 0, 0, "", None, details=event.details)
        stop = next((stop for stop in self.debugger.breakpoints() if stop.number == event.number), None)
        return StopView(
            event.reason, event.cpu, 0, "", self.place(event.eip), event.number, stop.what if stop else "",
            context=self.context() if self.shows_context else None,
        )  # fmt: skip

    def frames(self, most: int = 12) -> list[Place]:
        def word(at: int) -> int | None:
            try:
                return int.from_bytes(self.session.read(at, 4), "little")
            except CommandError:
                return None

        eip, esp, ebp = (self.session.cpu[name] for name in ("eip", "esp", "ebp"))
        unwinder = Unwinder(word, self.session.function)
        frames = unwinder.frames(eip, esp, ebp, range(esp, min(esp + _STACK, 1 << 32)))
        certain = [frame for frame in frames if frame.certain][:most]
        return [self.place(frame.pc, n > 0) for n, frame in enumerate(certain)]


def _steps(number: int, count: int) -> Plan:
    def plan(cpu: CPU, linear: int) -> StopEvent | None:
        nonlocal count
        if cpu.index == number:
            count -= 1
        return StopEvent(Reason.STEP, number, linear) if count <= 0 else None

    return plan


def _parse_break(session: Session, text: str) -> tuple[Any, ...]:
    what, when = no_if(text)
    return session.address(what.lstrip("*") or "$eip"), what, when


def _add(session: Session, stop: Stop, when: str) -> StopRow:
    debugger = standing(session).debugger
    assert isinstance(debugger, BarePoints)
    stop.condition, stop.condition_text = condition(session, when), when
    debugger.add(stop)
    return row(stop)


def _break(session: Session, linear: int, what: str, when: str) -> StopRow:
    """Stop before an instruction."""
    return _add(session, Stop(0, Reason.BREAKPOINT, what or f"*{linear:#x}", (linear,)), when)


def _parse_watch(session: Session, text: str) -> tuple[Any, ...]:
    what, when = no_if(text)
    options, what = take_options(what, {"-p": 0, "-s": 1})
    size = decimal(options["-s"][0], "a size in bytes") if "-s" in options else 4
    if "-p" in options:
        return session.physical(what), size, what, when
    linear = session.address(what)
    pa = session.walk(linear).pa
    if pa is None:
        raise CommandError(f"nothing is mapped at 0x{linear:x}")
    return pa, size, what, when


def _watch(kind: Kind) -> Callable[..., StopRow]:
    def compute(session: Session, pa: int, size: int, what: str, when: str) -> StopRow:
        """Watch physical memory."""
        return _add(session, Stop(0, Reason.WATCHPOINT, what, (), ((pa, size),), kind), when)

    return compute


def _stepi(session: Session, count: int) -> StopView:
    """Run instructions."""
    control = standing(session)
    assert isinstance(control, BareControl)
    return control.view(control.step(count))


def register(registry: Registry) -> None:
    """Add the commands of this module."""
    stop, place = render_stop, "ADDR: a symbol, $register, a hexadecimal number. CONDITION: '$eax == 0', 'cpu == 1'."
    registry.add(Command(
        name="break", arguments="[ADDR] [if CONDITION]", summary="stop before an instruction", example="break main",
        details=place, parse=_parse_break, compute=_break, text=lambda row: f"{row.text}\n", aliases=("b",),
    ))  # fmt: skip
    for name, kind, summary in (
        ("watch", Kind.WRITE, "changes"), ("rwatch", Kind.READ, "is read"), ("awatch", Kind.ACCESS, "is accessed"),
    ):  # fmt: skip
        registry.add(Command(
            name=name, arguments="[-p] [-s SIZE] ADDR [if CONDITION]", summary=f"stop when memory {summary}",
            example=f"{name} 100000", details=f"{place}\nPhysical memory is watched, 4 bytes by default.",
            parse=_parse_watch, compute=_watch(kind), text=lambda row: f"{row.text}\n",
        ))  # fmt: skip
    registry.add(Command(
        name="info break", summary="the break and watch points", example="info break", compute=info_break,
        text=render_list,
    ))  # fmt: skip
    registry.add(Command(
        name="delete", arguments="[N...]", summary="take break and watch points away (all without N)",
        example="delete 1", parse=parse_numbers, compute=delete, text=render_list, aliases=("d",),
    ))  # fmt: skip
    registry.add(Command(
        name="stepi", arguments="[COUNT]", summary="run one instruction", example="stepi", parse=times,
        compute=_stepi, text=stop, aliases=("si",),
    ))  # fmt: skip
    registry.add(Command(
        name="continue", arguments="[COUNT]", summary="go on to the next stop, or the COUNTth", example="continue",
        parse=times, compute=go_on, text=stop, aliases=("c",),
    ))  # fmt: skip
    registry.add(Command(
        name="context", summary="registers and what changed, code, source, stack, call chain", example="context",
        compute=context, text=render_context, aliases=("ctx",),
    ))  # fmt: skip
