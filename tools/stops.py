"""A program under the monitor's control: why it stands, where, and what there is to see. Words in gdb's form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from guest.calls import STUB_SIZE, TABLE
from guest.cc import HERE
from guest.debug import Debugger
from guest.execution import Execution
from guest.faults import Fault
from guest.stepping import Stepper
from guest.stop_event import Details, EventHit, Exited, Reason, Resume, Returned, Stop, StopEvent, WatchHit
from guest.symbols import KERNEL_RETURN
from tools.commands.memory import Slot, render_telescope, telescope
from tools.dump import Format, Reader, examine
from tools.errors import CommandError
from tools.session import Session

if TYPE_CHECKING:
    from guest.elf import Program

SHOWN_REGISTERS = ("eax", "ebx", "ecx", "edx", "esi", "edi", "ebp", "esp", "eip", "eflags")
_FLAGS = ((0, "CF"), (2, "PF"), (4, "AF"), (6, "ZF"), (7, "SF"), (8, "TF"), (9, "IF"), (10, "DF"), (11, "OF"))
_CODE_LINES, _STACK_WORDS, _MOST_FRAMES, _SOURCE_LINES = 7, 8, 12, 3
_ADDRESSES = ("call_site", "ptr", "address", "ip", "page", "pgd")
_STUBS = range(min(call.address for call in TABLE), max(call.address for call in TABLE) + STUB_SIZE)


@dataclass
class Place:
    """Where code is. text: the source line itself, "" where the file cannot be read."""

    address: int
    name: str
    file: str = ""
    line: int = 0
    text: str = ""

    def __str__(self) -> str:
        at = f" at {self.file}:{self.line}" if self.file else ""
        return f"{self.address:08x} in {self.name or '??'}{at}"


@dataclass
class StopView:
    """A stop. number, what: of the break or watch point. call: the arguments of the function at whose first instruction
    it is, by name. caller: of a call into the kernel.
    """

    reason: Reason
    cpu: int
    pid: int
    comm: str
    place: Place | None
    number: int | None = None
    what: str = ""
    call: dict[str, int] | None = None
    caller: Place | None = None
    details: Details = None
    context: Context | None = None


@dataclass
class RegisterRow:
    """A register. before: what it was at the last stop, None where it is the same. points: what it leads to."""

    name: str
    value: int
    before: int | None
    points: str


@dataclass
class CodeRow:
    """An instruction. breakpoint: the number of one that is on it. line: where another source line begins."""

    address: int
    name: str
    text: str
    current: bool
    breakpoint: int | None
    file: str
    line: int


@dataclass
class SourceRow:
    """A line of the source."""

    line: int
    text: str
    current: bool


@dataclass
class Context:
    """What is around a stop."""

    place: Place
    registers: list[RegisterRow] = field(default_factory=list)
    code: list[CodeRow] = field(default_factory=list)
    source: list[SourceRow] = field(default_factory=list)
    stack: list[Slot] = field(default_factory=list)
    frames: list[Place] = field(default_factory=list)


class Control:
    """The program of a session, and how it stands."""

    def __init__(self, session: Session, execution: Execution, program: Program, arguments: Sequence[str]) -> None:
        self.session = session
        self.execution = execution
        assert isinstance(execution.debugger, Debugger)
        self.debugger = execution.debugger
        self.stepper = Stepper(self.debugger)
        self.source = self.stepper.source
        self.program = program
        self.arguments = list(arguments)
        #: whether every stop shows its context
        self.shows_context = False
        #: how to find the addresses of a breakpoint anew, for the next run of the program
        self.locations: dict[int, str] = {}
        self._before: dict[str, int] = {}
        self._now: dict[str, int] = {}

    # running

    def start(self, entry: bool) -> StopEvent:
        """Run the program from its start."""
        self._before, self._now = {}, {}
        return self._stands(self.execution.start(self.program, self.arguments, entry))

    def go(self, how: Resume = Resume.CONTINUE) -> StopEvent:
        """Go on to the next stop."""
        return self._stands(self.execution.go(how))

    def _stands(self, event: StopEvent) -> StopEvent:
        if event.reason is not Reason.EXITED:
            self.session.cpu_number = event.cpu
        self._before = self._now
        self._now = {name: self.session.cpu[name] for name in SHOWN_REGISTERS}
        return event

    # what there is to see

    def view(self, event: StopEvent) -> StopView:
        """A stop as it is told."""
        if event.reason is Reason.EXITED:
            return StopView(event.reason, event.cpu, 0, "", None, details=event.details)
        state = self.session.kernel.cpus()[event.cpu]
        stop = next((stop for stop in self.debugger.breakpoints() if stop.number == event.number), None)
        view = StopView(
            event.reason, event.cpu, state.pid, state.comm, self.place(event.eip), event.number,
            stop.what if stop else "", self._call(event.eip), None, event.details,
            self.context() if self.shows_context else None,
        )  # fmt: skip
        if event.eip in _STUBS and len(frames := self.frames(2)) > 1:
            view.caller = frames[1]
        return view

    def _call(self, eip: int) -> dict[str, int] | None:
        """The arguments of a function of which nothing has been run yet."""
        function = self.source.function(eip)
        if function is None or function[1] != eip:
            return None
        esp, result = self.session.cpu["esp"], {}
        for parameter in self.source.parameters(eip):
            try:
                data = self.session.read(esp + 4 + parameter.slot, parameter.size)
            except CommandError:
                break
            result[parameter.name] = int.from_bytes(data, "little")
        return result

    def file(self) -> str:
        """The source file of the place where the program stands, or of its main function."""
        programs = self.session.kernel.symbols.programs()
        for address in (self.session.cpu["eip"], programs[0].image.init if programs else 0):
            if line := self.session.line(address):
                return line[0]
        return ""

    def place(self, address: int, behind: bool = False) -> Place:
        """An address of code in words; behind: it is a return address, whose call's line counts."""
        line = self.session.line(address - behind)
        name = "the kernel" if address == KERNEL_RETURN else self.session.name(address) or ""
        if line is None:
            return Place(address, name)
        return Place(address, name, *line, source_line(*line))

    def frames(self, most: int = _MOST_FRAMES) -> list[Place]:
        """Where the functions at work are, the innermost first."""
        trace = self.session.kernel.backtrace(cpu=self.session.cpu_number)
        frames = [frame for frame in trace.frames if frame.certain][:most] if trace else []
        return [self.place(frame.pc, n > 0) for n, frame in enumerate(frames)]

    def context(self) -> Context:
        """What is around the place where the CPU stands."""
        eip = self.session.cpu["eip"]
        context = Context(self.place(eip))
        now = {name: self.session.cpu[name] for name in SHOWN_REGISTERS}
        for name, value in now.items():
            before = self._before.get(name, value)
            points = flags(value) if name == "eflags" else self._points(value)
            context.registers.append(RegisterRow(name, value, before if before != value else None, points))
        context.code = self._code(eip)
        place = context.place
        if place.file:
            numbers = range(max(1, place.line - _SOURCE_LINES), place.line + _SOURCE_LINES + 1)
            context.source = [
                SourceRow(n, text, n == place.line) for n in numbers if (text := source_line(place.file, n))
            ]
        try:
            context.stack = telescope(self.session, now["esp"], _STACK_WORDS, None)
        except CommandError:
            context.stack = []
        context.frames = self.frames()
        return context

    def _points(self, value: int) -> str:
        """What a value leads to: a symbol, or the word that it points to."""
        name = self.session.name(value)
        if name:
            return f"<{name}>"
        try:
            word = int.from_bytes(self.session.read(value, 4), "little") if value >= 0x1000 else None
        except CommandError:
            return ""
        return "" if word is None else f"-> {word:08x}"

    def _code(self, eip: int) -> list[CodeRow]:
        """Instructions from a little before EIP on, found from the function's start."""
        points = {linear: stop.number for stop in self.debugger.breakpoints() for linear in stop.linear}
        function = self.source.function(eip)
        start = function[1] if function and eip - function[1] < 0x4000 else eip
        lead: list[int] = []
        try:
            if start < eip:
                before = examine(start, Format(eip - start, "i"), self._until(eip), self.session.name)
                lead = before.addresses[-(_CODE_LINES // 2):]
            dump = examine((lead or [eip])[0], Format(_CODE_LINES, "i"), self.session.read, self.session.name)
        except CommandError:
            return []
        rows, last = [], ("", 0)
        for address, text in zip(dump.addresses, dump.values, strict=True):
            line = self.session.line(address) or ("", 0)
            told = line if line != last else ("", 0)
            last = line
            name = self.session.name(address) or ""
            rows.append(CodeRow(address, name, str(text), address == eip, points.get(address), *told))
        return rows

    def _until(self, end: int) -> Reader:
        def read(address: int, size: int) -> bytes:
            if address >= end:
                raise CommandError("the end")
            return self.session.read(address, size)

        return read


@contextmanager
def controlled(session: Session, program: Program, arguments: Sequence[str]) -> Iterator[Control]:
    """Have a session control a program; at the end it is killed where it still stands."""
    debugger = Debugger(session.kernel)
    control = session.control = Control(session, Execution(debugger), program, arguments)
    try:
        yield control
    finally:
        session.control = None
        control.execution.kill()
        debugger.close()


@lru_cache(maxsize=64)
def _source(file: str) -> list[str]:
    for path in (Path(file), HERE.parent / file):
        try:
            return path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
    return []


def source_line(file: str, line: int) -> str:
    """The text of a source line, "" where there is no such file or line."""
    lines = _source(file)
    return lines[line - 1].expandtabs(4).rstrip() if 0 < line <= len(lines) else ""


def flags(value: int) -> str:
    """The flags that are set in EFLAGS, as gdb shows them."""
    return f"[ {' '.join(name for bit, name in _FLAGS if value >> bit & 1)} ]"


# text


def render_stop(view: StopView) -> str:
    """gdb's lines."""
    lines = list(_headline(view))
    if view.place is not None and view.reason is not Reason.EXITED:
        call = "" if not view.call else f" ({', '.join(f'{k}={_number(k, v)}' for k, v in view.call.items())})"
        name = view.place.name or f"{view.place.address:08x}"
        at = f" at {view.place.file}:{view.place.line}" if view.place.file else ""
        who = f"   [CPU {view.cpu}{f', pid {view.pid} {view.comm}' if view.comm else ''}]"
        head = _HEADS[view.reason].format(number=view.number)
        lines[:0] = [f"{head}{view.place.address:08x} in {name}{call}{at}{who}"]
        if view.place.text:
            lines.append(f"{view.place.line:<7} {view.place.text}")
        if view.caller is not None:
            lines.append(f"  called from {view.caller}")
    text = "".join(f"{line}\n" for line in lines)
    return text + (render_context(view.context) if view.context else "")


_HEADS = {
    Reason.ENTRY: "The program is loaded: ", Reason.BREAKPOINT: "Breakpoint {number}, ",
    Reason.WATCHPOINT: "Watchpoint {number}, ", Reason.FAULT: "Fault, catchpoint {number}, ",
    Reason.TRACEPOINT: "Event, catchpoint {number}, ", Reason.STEP: "", Reason.FINISH: "Run till exit: ",
    Reason.INTERRUPT: "Interrupted: ",
}


def _headline(view: StopView) -> list[str]:
    """What the details say."""
    details = view.details
    if isinstance(details, Exited):
        return [f"[the program ended with status {details.status}]"]
    if isinstance(details, WatchHit):
        return _watch_lines(view.what, details)
    if isinstance(details, EventHit):
        return [f"  {details.event}: {fields_words(details)}"]
    if isinstance(details, Fault):
        return [f"  {details}"]
    if isinstance(details, Returned):
        return [f"  {details.function or 'it'} returned 0x{details.value:x} = {_signed(details.value)}"]
    return []


def _watch_lines(what: str, hit: WatchHit) -> list[str]:
    if hit.old == hit.new:
        lines = [f"  {what}: Value = {value_words(hit.new)}"]
    else:
        lines = [f"  {what}: Old value = {value_words(hit.old)}, New value = {value_words(hit.new)}"]
    if hit.by:
        return [*lines, f"  written by the kernel: {hit.by}"]
    through = f" through {hit.linear:08x}" if hit.linear is not None else ""
    where = f"physical {hit.pa:08x}{through} by the instruction at {hit.eip:08x}"
    return [*lines, f"  {hit.kind} of {hit.size} byte{'s' if hit.size > 1 else ''} at {where}"]


def value_words(data: bytes) -> str:
    """Watched memory: a number, or bytes."""
    if len(data) in (1, 2, 4, 8):
        return f"0x{int.from_bytes(data, 'little'):x}"
    return data[:32].hex(" ") + (" ..." if len(data) > 32 else "")


def fields_words(hit: EventHit) -> str:
    """An event's fields."""
    return " ".join(f"{name}={_number(name, value)}" for name, value in hit.fields.items())


def _number(name: str, value: object) -> str:
    if not isinstance(value, int):
        return str(value)
    return f"{value:08x}" if name in _ADDRESSES else str(value) if value < 10 else f"0x{value:x}"


def _signed(value: int) -> int:
    return value - (1 << 32) if value >> 31 else value


def render_context(context: Context) -> str:
    """pwndbg's sections: registers with what changed (*), code, source, stack, call chain."""
    lines = [_section("registers")]
    for row in context.registers:
        was = f"   (was {row.before:08x})" if row.before is not None else ""
        mark = "*" if row.before is not None else " "
        lines.append(f"{mark}{row.name:<7} {row.value:08x} {row.points}".rstrip() + was)
    lines.append(_section("code"))
    for code in context.code:
        if code.file:
            lines.append(f"; {code.file}:{code.line}  {source_line(code.file, code.line).strip()}".rstrip())
        mark = "=>" if code.current else "b+" if code.breakpoint is not None else "  "
        lines.append(f"{mark} {code.address:08x} {f'<{code.name}>' if code.name else '':<24} {code.text}")
    if context.source:
        lines.append(_section(f"source: {context.place.file}"))
        lines += [f"{'=>' if row.current else '  '} {row.line:>5}  {row.text}" for row in context.source]
    lines.append(_section("stack"))
    lines += render_telescope(context.stack).splitlines()
    lines.append(_section("backtrace"))
    lines += [f"#{n:<2} {place}" for n, place in enumerate(context.frames)]
    return "\n".join(lines) + "\n"


def _section(name: str) -> str:
    return f"---- {name} ".ljust(78, "-")


def describe(stop: Stop) -> str:
    """A break or watch point in a line, as it is answered when it is set."""
    kind = {Reason.BREAKPOINT: "Breakpoint", Reason.WATCHPOINT: "Watchpoint"}.get(stop.kind, "Catchpoint")
    at = ", ".join(f"{linear:08x}" for linear in stop.linear)
    if stop.areas:
        at = ", ".join(f"physical {pa:08x}-{pa + size - 1:08x}" for pa, size in stop.areas)
    when = f" if {stop.condition_text}" if stop.condition_text else ""
    kind = f"Temporary {kind.lower()}" if stop.temporary else kind
    return f"{kind} {stop.number}: {stop.what}{when}" + (f"   ({at})" if at else "")
