"""Stops: break, watch and catch points, steps, and what is around the place where the program stands."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from guest.debug import Debugger
from guest.faults import Fault, FaultFilter
from guest.stop_event import Stop
from hw.breakpoints import Kind
from hw.errors import HighmemError
from mm.events import matching
from tools.arguments import decimal, take_options
from tools.commands.structs import find_type
from tools.conditions import condition
from tools.errors import CommandError
from tools.registry import Command, Registry
from tools.session import Session
from tools.stops import Context, Control, StopView, describe, render_context, render_stop

_MOST_WATCHED = 4096
_LINE = re.compile(r"(?:(?P<file>[^\s:]*):)(?P<line>\d+)\Z")
_IF = re.compile(r"(?:^|\s+)if\s+")


@dataclass
class StopRow:
    """A break, watch or catch point. kind: "breakpoint", "watchpoint", "fault" or "tracepoint"; addresses are linear,
    of a watchpoint physical (`areas` with their sizes)."""

    number: int
    kind: str
    what: str
    addresses: list[int]
    areas: list[tuple[int, int]]
    condition: str
    enabled: bool
    temporary: bool
    hits: int
    text: str


def control_of(session: Session) -> Control:
    """What controls the session's program; CommandError where there is none."""
    control = session.control
    if control is None:
        raise CommandError("no program is under control: 'highmem monitor -S PROGRAM' stops before its first line")
    return control


def standing(session: Session) -> Control:
    """The same, where the program stands."""
    control = control_of(session)
    if not control.execution.running:
        raise CommandError("the program does not run: 'start' loads it and stops before its first instruction")
    return control


def row(stop: Stop) -> StopRow:
    """A stop as it is listed."""
    return StopRow(
        stop.number, stop.kind.value, stop.what, list(stop.linear), list(stop.areas), stop.condition_text, stop.enabled,
        stop.temporary, stop.hits, describe(stop),
    )  # fmt: skip


def _with_number(debugger: Debugger, number: int) -> StopRow:
    return next(row(stop) for stop in debugger.breakpoints() if stop.number == number)


# break


def no_if(text: str) -> tuple[str, str]:
    """What stands before `if`, and the condition."""
    parts = _IF.split(text, maxsplit=1)
    return parts[0].strip(), parts[1].strip() if len(parts) > 1 else ""


def places(session: Session, text: str) -> list[int]:
    """The addresses of a location: SYMBOL, FILE:LINE, :LINE, [*]ADDR; "" for where the program stands."""
    control = control_of(session)
    if match := _LINE.match(text):
        line, addresses = control.source.addresses(match["file"] or control.file(), int(match["line"]))
        if not addresses:
            files = ", ".join(control.source.files()) or "no file: nothing is loaded"
            raise CommandError(f"no code is at {text}; there is some in {files}")
        return addresses
    name = text.lstrip("*").strip()
    address = session.address(name or "$eip")
    if session.symbol(name) is not None and next((s.kind for s in session.symbols() if s.name == name), "T") != "T":
        raise CommandError(f"{name} is no function: 'watch {name}' stops where it changes")
    if control.debugger.physical(address) is None:
        raise CommandError(f"nothing is mapped at 0x{address:x} (a source line is FILE:LINE or :LINE)")
    return [address]


def _parse_break(session: Session, text: str) -> tuple[Any, ...]:
    what, when = no_if(text)
    options, what = take_options(what, {"--cpu": 1})
    cpu = decimal(options["--cpu"][0], "a CPU") if "--cpu" in options else None
    word, _, rest = what.partition(" ")
    if word in ("fault", "event"):
        return word, rest.strip(), when, cpu
    return "code", what, when, cpu


def _break(temporary: bool) -> Callable[..., StopRow]:
    def compute(session: Session, kind: str, what: str, when: str, cpu: int | None) -> StopRow:
        """Add a stop."""
        control = control_of(session)
        debugger = control.debugger
        if kind == "fault":
            number = _break_fault(session, debugger, what, when, temporary)
        elif kind == "event":
            pattern = what or "*"
            events = matching([pattern])
            number = debugger.break_on_event(
                pattern, condition(session, when, events=events), condition_text=when, temporary=temporary
            )
        else:
            linear = places(session, what)
            parameters = control.source.parameters(linear[0])
            number = debugger.add_breakpoint(
                linear, condition(session, when, parameters), temporary, cpu, what or f"*{linear[0]:#x}", when
            )
            control.locations[number] = what
        return _with_number(debugger, number)

    return compute


def _break_fault(session: Session, debugger: Debugger, text: str, when: str, temporary: bool) -> int:
    try:
        wanted = FaultFilter(text)
    except HighmemError as error:
        raise CommandError(str(error)) from None
    also = condition(session, when)
    return debugger.break_on_fault(
        lambda event: isinstance(event.details, Fault) and wanted(event.details) and (also is None or also(event)),
        f"fault {text}".strip(), when, temporary,
    )  # fmt: skip


# watch


def _parse_watch(session: Session, text: str) -> tuple[Any, ...]:
    what, when = no_if(text)
    options, what = take_options(what, {"-p": 0, "-s": 1})
    if not what:
        raise CommandError("what shall be watched?")
    size = decimal(options["-s"][0], "a size in bytes") if "-s" in options else None
    if "-p" in options:
        address, found, what = session.physical(what), 4, f"physical {what}"
    else:
        address, found = _watched(session, what)
    size = found if size is None else size
    if not 0 < size <= _MOST_WATCHED:
        raise CommandError(f"{size} bytes cannot be watched: -s SIZE takes 1 to {_MOST_WATCHED}")
    return address, size, "-p" in options, what, when


def _watched(session: Session, text: str) -> tuple[int, int]:
    """Linear address and size of what shall be watched."""
    words = text.split()
    if words[0] == "page" and len(words) > 1:
        return _page_struct(session, words[1])
    if len(words) > 1 and "." in text:
        return _member(session, words)
    name, dot, path = text.partition(".")
    variable = session.types.variable(name)
    address = session.symbol(name)
    if address is not None and variable is not None and path:
        return _find(variable, path, address)
    entry = next((s for s in session.symbols() if s.name == name), None)
    if address is not None and entry is not None and not dot:
        if entry.kind == "T":
            raise CommandError(f"{name} is a function: 'break {name}' stops there")
        return address, (variable.size if variable is not None else 0) or entry.size or 4
    return session.address(text), 4


def _page_struct(session: Session, text: str) -> tuple[int, int]:
    number, dot, path = text.partition(".")
    try:
        pfn = int(number, 16)
    except ValueError:
        raise CommandError(f"{number!r} is no frame number (hexadecimal)") from None
    if pfn >= session.kernel.limits.max_pfn:
        raise CommandError(f"there is no frame 0x{pfn:x}: the last is 0x{session.kernel.limits.max_pfn - 1:x}")
    page = session.kernel.page_alloc.pfn_to_page(pfn)
    ctype = session.types.find("struct page", own=True)
    assert ctype is not None
    return _find(ctype, path, page) if dot else (page, ctype.size)


def _member(session: Session, words: list[str]) -> tuple[int, int]:
    ctype, members, rest, _ = find_type(session, words, False)
    if len(members) != 1 or not rest:
        raise CommandError("usage: watch TYPE.MEMBER ADDR")
    return _find(ctype, members[0], session.address(" ".join(rest)))


def _find(ctype: Any, path: str, address: int) -> tuple[int, int]:
    try:
        member = ctype.find(path)
    except LookupError as error:
        raise CommandError(str(error.args[0])) from None
    return address + member.offset, member.type.size


def _watch(kind: Kind) -> Callable[..., StopRow]:
    def compute(session: Session, address: int, size: int, physical: bool, what: str, when: str) -> StopRow:
        """Add a watchpoint."""
        debugger = control_of(session).debugger
        number = debugger.add_watchpoint(
            address, size, kind, condition(session, when, watch=True), physical, what, when
        )
        return _with_number(debugger, number)

    return compute


# the list


def info_break(session: Session) -> list[StopRow]:
    """Every break, watch and catch point."""
    return [row(stop) for stop in control_of(session).debugger.breakpoints()]


def render_list(rows: list[StopRow]) -> str:
    """A line each."""
    if not rows:
        return "no break or watch points\n"
    lines = []
    for row in rows:
        hits = f"   hit {row.hits} time{'s' if row.hits != 1 else ''}" if row.hits else ""
        lines.append(row.text + hits + ("" if row.enabled else "   disabled"))
    return "\n".join(lines) + "\n"


def parse_numbers(session: Session, text: str) -> tuple[list[int]]:
    """The numbers of stops, all without one."""
    known = {stop.number for stop in control_of(session).debugger.breakpoints()}
    numbers = [decimal(word, "a number") for word in text.replace(",", " ").split()]
    for number in numbers:
        if number not in known:
            there = f", there are {', '.join(map(str, sorted(known)))}" if known else ""
            raise CommandError(f"there is no break or watch point {number}{there}")
    return (numbers or sorted(known),)


def delete(session: Session, numbers: Sequence[int]) -> list[StopRow]:
    """Take them away; what is left."""
    control = control_of(session)
    for number in numbers:
        control.debugger.delete(number)
        control.locations.pop(number, None)
    return info_break(session)


def _enable(enabled: bool) -> Callable[..., list[StopRow]]:
    def compute(session: Session, numbers: Sequence[int]) -> list[StopRow]:
        """Switch them on or off; all of them."""
        for number in numbers:
            control_of(session).debugger.enable(number, enabled)
        return info_break(session)

    return compute


# running


def start(session: Session, entry: bool) -> StopView:
    """Run the program from its start."""
    control = control_of(session)
    if control.execution.running:
        raise CommandError("the program runs already: 'kill' ends it")
    event = control.start(True)
    for number, text in list(control.locations.items()):
        try:
            control.debugger.move(number, places(session, text))
        except (CommandError, KeyError):
            del control.locations[number]
    return control.view(event if entry else control.go())


def kill(session: Session) -> StopView:
    """End the program."""
    control = standing(session)
    event = control.execution.kill()
    assert event is not None
    return control.view(event)


def times(session: Session, text: str) -> tuple[int]:
    """How often, 1 by default."""
    standing(session)
    count = decimal(text, "a number of times") if text else 1
    if count < 1:
        raise CommandError("the number of times must be 1 or more")
    return (count,)


def _steps(how: str) -> Callable[..., StopView]:
    def compute(session: Session, count: int) -> StopView:
        """Take a step."""
        control = standing(session)
        return control.view(control.go(getattr(control.stepper, how)(count)))

    return compute


def go_on(session: Session, count: int) -> StopView:
    """Go on, past `count` - 1 stops."""
    control = standing(session)
    event = control.go()
    while count > 1 and control.execution.running:
        count -= 1
        event = control.go()
    return control.view(event)


def finish(session: Session) -> StopView:
    """Go on until the function has returned."""
    control = standing(session)
    return control.view(control.go(control.stepper.finish()))


def _parse_until(session: Session, text: str) -> tuple[int | None]:
    standing(session)
    return (places(session, text)[0] if text else None,)


def until(session: Session, linear: int | None) -> StopView:
    """Go on to a place, or past the present line."""
    stepper = standing(session).stepper
    return standing(session).view(standing(session).go(stepper.until() if linear is None else stepper.advance(linear)))


def context(session: Session) -> Context:
    """What is around the place where the program stands."""
    return standing(session).context()


# set


def _parse_set(session: Session, text: str) -> tuple[str, int, int]:
    target, equals, value = text.partition("=")
    target = target.strip()
    if not equals or not target or not value.strip():
        raise CommandError("what shall become what?")
    if target == "context" and value.strip() in ("on", "off"):
        return "context", 0, value.strip() == "on"
    if target.startswith("$"):
        return target[1:].lower(), 0, session.address(value)
    return "", session.address(target.lstrip("*")), session.address(value)


def set_value(session: Session, register: str, address: int, value: int) -> str:
    """Set a register, or a word in memory."""
    control = control_of(session)
    if register == "context":
        control.shows_context = bool(value)
        return f"every stop shows {'its context' if value else 'a line or two'}\n"
    if register:
        if session._register(register) is None:
            raise CommandError(f"no register is called ${register}")
        control.debugger.registers()[{"pc": "eip", "sp": "esp", "fp": "ebp"}.get(register, register)] = value
        return f"${register} = 0x{value:x}\n"
    control.debugger.write(address, value.to_bytes(4, "little"))
    return f"{address:08x}: 0x{value:08x}\n"


#: What gdb's users type.
_ALIASES = {
    "break": ("b", "br"), "tbreak": ("tb",), "continue": ("c",), "step": ("s",), "next": ("n",), "stepi": ("si",),
    "nexti": ("ni",), "finish": ("fin",), "until": ("u", "advance"), "context": ("ctx",), "run": ("r",),
    "delete": ("d",), "info break": ("breakpoints",),
}  # fmt: skip

_LOCATIONS = """\
LOCATION: a function, FILE:LINE or :LINE, an address; without one, where the program stands. A function is stopped at
its first instruction, where its arguments can be asked for by their names.
break event PATTERN: at a tracepoint, in the middle of the call ('break event kmalloc if bytes_req > 4096').
break fault [FILTER]: at a fault, when the kernel has decided about it ('help faults' has the filters).
if CONDITION: NAME OPERATOR VALUE with == != < <= > >= & (and ~ for texts), joined by && || ! and parentheses.
NAME: a parameter (or arg1, arg2), a register ($eax), an event's field, cpu, pid, comm; VALUE: 10, 0xa, GFP_KERNEL."""
_WATCHED = """\
WHAT: page PFN[.MEMBER], TYPE.MEMBER ADDR, a variable (or VARIABLE.MEMBER), an address (4 bytes); -p: it is physical.
It is physical memory that is watched: a write through any alias (direct map, kmap, vmalloc) stops, behind the
instruction. What the kernel itself writes stops in the call that did it, at its next event or its end.
if CONDITION: over old and new (or value), registers, cpu, pid, comm ('if new & 0x80')."""


def register(registry: Registry) -> None:
    """Add the commands of this module."""

    def add(
        name: str, arguments: str, summary: str, example: str, parse: Any, compute: Any, text: Any, details: str = ""
    ) -> None:
        more = {} if parse is None else {"parse": parse}
        registry.add(Command(
            name=name, arguments=arguments, summary=summary, example=example, compute=compute, text=text,
            details=details, aliases=_ALIASES.get(name, ()), **more,
        ))  # fmt: skip

    for name, temporary in (("break", False), ("tbreak", True)):
        add(name, "[--cpu N] [LOCATION] [if CONDITION]",
            "stop at a place, a fault or an event" + (", once" if temporary else ""),
            f"{name} kmalloc if size > 4096", _parse_break, _break(temporary), lambda row: f"{row.text}\n", _LOCATIONS)
    for name, kind, summary in (
        ("watch", Kind.WRITE, "stop when memory changes, whoever changes it"),
        ("rwatch", Kind.READ, "stop when a program reads memory"),
        ("awatch", Kind.ACCESS, "stop when a program reads or writes memory"),
    ):
        add(name, "[-p] [-s SIZE] WHAT [if CONDITION]", summary, f"{name} page 1234.flags", _parse_watch, _watch(kind),
            lambda row: f"{row.text}\n", _WATCHED)
    add("info break", "", "the break and watch points", "info break", None, info_break, render_list)
    add("delete", "[N...]", "take break and watch points away (all without N)", "delete 1", parse_numbers, delete,
        render_list)
    add("enable", "[N...]", "let break and watch points stop again", "enable 1", parse_numbers, _enable(True),
        render_list)
    add("disable", "[N...]", "let break and watch points stop no longer", "disable 1", parse_numbers, _enable(False),
        render_list)
    add("start", "", "run the program, and stop before its first instruction", "start", None,
        lambda session: start(session, True), render_stop)
    add("run", "", "run the program to its first stop", "run", None, lambda session: start(session, False), render_stop)
    add("kill", "", "end the program", "kill", None, kill, render_stop)
    for name, method, summary in (
        ("step", "step", "run to another source line, into calls too"),
        ("next", "next", "run to another source line, over calls"),
        ("stepi", "stepi", "run one instruction"), ("nexti", "nexti", "run one instruction, over calls"),
    ):
        add(name, "[COUNT]", summary, name, times, _steps(method), render_stop)
    add("finish", "", "run until the function has returned, and tell what", "finish",
        lambda session, text: (standing(session), ())[1], finish, render_stop)
    add("until", "[LOCATION]", "run to a place, or out of a loop", "until tour.c:70", _parse_until, until, render_stop)
    add("continue", "[COUNT]", "go on to the next stop, or the COUNTth", "continue", times, go_on, render_stop)
    add("context", "", "registers and what changed, code, source, stack, call chain", "context", None, context,
        render_context)
    add("set", "$REGISTER=VALUE | *ADDR=VALUE | context=on|off",
        "set a register or a word; show the context at every stop", "set $eax=0", _parse_set, set_value, str)
