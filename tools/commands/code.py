"""`sym`, `dis`, `bt`: names, instructions and call chains, with source lines where debug information tells."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from guest.backtrace import Frame, TaskTrace, Unwinder
from mm.sched import TASK_DEAD
from tools.arguments import SPACE, SPACE_USAGE, address_space, decimal, take_options
from tools.commands.memory import reader
from tools.dump import Format, examine
from tools.errors import CommandError
from tools.registry import Command, Registry, no_arguments
from tools.session import Session

_MOST_INSTRUCTIONS = 4096
_BARE_STACK = 1 << 16
_LARGEST_FRAME = 4096  # bytes that are shown


@dataclass
class Place:
    """An address in words. name: None outside of all symbols. kind: "T" text, "D" data, "B" bss. program: "" of the
    kernel. file, line: None where no debug information tells.
    """

    address: int
    name: str | None
    offset: int
    size: int
    kind: str
    program: str
    file: str | None
    line: int | None


# sym


def _parse_sym(session: Session, text: str) -> tuple[Any, ...]:
    options, rest = take_options(text, {"-l": 0, "-q": 1, "-p": 0, "-n": 0})
    if "-l" in options or "-q" in options:
        no_arguments(session, rest)
        return None, (options.get("-q") or [""])[0], 0
    if not rest:
        raise CommandError("a symbol or an address is missing")
    return session.address(rest), "", ("-n" in options) - ("-p" in options)


def sym(session: Session, address: int | None, part: str, step: int) -> list[Place]:
    """The symbol at an address (step 0), the one before or behind it; or all whose name contains `part`."""
    if address is None:
        return [
            Place(s.va, s.name, 0, s.size, s.kind, s.program, None, None) for s in session.symbols() if part in s.name
        ]
    if not step:
        found = place(session, address)
        if found.name is None:
            raise CommandError(f"{address:08x} lies in no symbol")
        return [found]
    rows = sorted(session.symbols(), key=lambda s: s.va)
    starts = [row.va for row in rows]
    at = bisect_right(starts, address)
    if step < 0 and at:
        here = rows[at - 1].va
        before = [row for row in rows if row.va < here]
        rows, at = before, len(before) - 1
    if not 0 <= at < len(rows):
        raise CommandError(f"there is no symbol {'behind' if step > 0 else 'before'} {address:08x}")
    row = rows[at]
    return [Place(row.va, row.name, 0, row.size, row.kind, row.program, *(session.line(row.va) or (None, None)))]


def place(session: Session, address: int, returns: bool = False) -> Place:
    """What is known of an address. returns: it is one that a call returns to: name and line are those of the call."""
    at = address - returns
    at = at if session.function(at) else address
    name, offset, size = session.function(at) or (None, 0, 0)
    row = next((s for s in session.symbols() if s.name == name and s.va == at - offset), None) if name else None
    file, line = session.line(at) or (None, None)
    return Place(
        address, name, address - at + offset, size, row.kind if row else "T", row.program if row else "", file, line
    )  # fmt: skip


def render_sym(places: list[Place]) -> str:
    """crash's line, `c0101004 (T) kmalloc+4`, with the program and the source line."""
    lines = []
    for p in places:
        line = f"{p.address:08x} ({p.kind}) {p.name}" + (f"+{p.offset:#x}" if p.offset else "")
        line += f" [{p.program}]" if p.program else ""
        lines.append(line + (f"  {p.file}:{p.line}" if p.file else ""))
    return "".join(f"{line}\n" for line in lines) or "no symbol is called so\n"


# dis


@dataclass
class Instruction:
    """An instruction. name: where it is, as 'kmalloc+0x4'. target: where a jump or call leads, in words.

    file, line: None where nothing tells; source: the text of that line, where it was asked for and can be read.
    """

    address: int
    name: str | None
    code: str
    text: str
    target: str | None
    file: str | None
    line: int | None
    source: str | None
    marked: bool = False


@dataclass
class Listing:
    """Instructions; stopped: why there are no more, None where all are there."""

    instructions: list[Instruction]
    stopped: str | None


def _parse_dis(session: Session, text: str) -> tuple[Any, ...]:
    options, rest = take_options(text, {**SPACE, "-s": 0, "-r": 0, "-f": 0, "-l": 0})
    count: int | None = None
    before, _, last = rest.rpartition(" ")
    if before and last.isdigit() and not before.rstrip().endswith(("+", "-")):
        count, rest = decimal(last, "a count"), before
    if count is not None and not 0 < count <= _MOST_INSTRUCTIONS:
        raise CommandError(f"the count must be 1 to {_MOST_INSTRUCTIONS}")
    address = session.address(rest or "$eip")
    if ("-r" in options) + ("-f" in options) + (count is not None) > 1:
        raise CommandError("a count, -r and -f exclude each other")
    part = "-r" if "-r" in options else "-f" if "-f" in options else ""
    return address, count, part, "-s" in options, address_space(session, options)


def dis(session: Session, address: int, count: int | None, part: str, source: bool, cr3: int | None) -> Listing:
    """Instructions of the function at an address: all, with `part` "-r" those up to the address, with "-f" those from
    it on; or `count` from the address on.
    """
    function = session.function(address)
    start, end = address, None
    if function and count is None:
        start, end = address - function[1], address - function[1] + function[2]
        start = address if part == "-f" else start
        end = address + 1 if part == "-r" else end
    elif count is None:
        if part == "-r":
            raise CommandError(f"no symbol says where the function at {address:08x} begins")
        count = 8
    read = reader(session, cr3)
    read(start, 1)
    rows: list[Instruction] = []
    at = start
    while len(rows) < (count or _MOST_INSTRUCTIONS) and (end is None or at < end):
        try:
            one = examine(at, Format(1, "i"), read, session.name)
        except CommandError as error:
            return Listing(rows, str(error))
        file, line = session.line(at) or (None, None)
        text = str(one.values[0])
        rows.append(Instruction(
            at, session.name(at), one.code[0], text, _target(session, text), file, line,
            _source(file, line) if source and file and line else None, at == address and start != address,
        ))  # fmt: skip
        at += len(one.code[0].split())
    return Listing(rows, None)


def _target(session: Session, text: str) -> str | None:
    """The symbol that the operand of a jump or call leads to."""
    mnemonic, _, operand = text.partition(" ")
    if not mnemonic.startswith(("call", "j", "loop")) or not operand.startswith(("0x", "$0x")):
        return None
    return session.name(int(operand.lstrip("$"), 16))


def _source(file: str, line: int) -> str | None:
    lines = _lines(file)
    return lines[line - 1].rstrip() if line <= len(lines) else None


@lru_cache(maxsize=16)
def _lines(file: str) -> list[str]:
    try:
        with open(file, encoding="utf-8", errors="replace") as text:
            return text.readlines()
    except OSError:
        return []


def render_dis(listing: Listing) -> str:
    """gdb's lines, each group below its source line."""
    lines = []
    shown: tuple[str | None, int | None] = None, None
    for i in listing.instructions:
        if i.file and (i.file, i.line) != shown:
            shown = i.file, i.line
            lines.append(f"{i.file}:{i.line}" + (f"    {i.source.strip()}" if i.source else ""))
        name = f" <{i.name}>" if i.name else ""
        target = f" <{i.target}>" if i.target else ""
        lines.append(f"{'=>' if i.marked else '  '} 0x{i.address:08x}{name}:\t{i.text}{target}")
    if listing.stopped:
        lines.append(listing.stopped)
    return "".join(f"{line}\n" for line in lines)


# bt


@dataclass
class Call:
    """A function of a call chain. sp: as in guest.backtrace.Frame. certain: False where it is only a word on the stack
    that looks like a return address. words: the stack up to the next one, where asked for.
    """

    sp: int
    place: Place
    certain: bool
    words: list[int] = field(default_factory=list)


@dataclass
class Chain:
    """The call chain of a task. cpu: None of one that does not run. task: 0 and pid, comm None on a bare machine."""

    task: int
    pid: int | None
    comm: str | None
    cpu: int | None
    state: str
    calls: list[Call]


_STATES = {0: "RU", 1: "IN", 2: "UN", TASK_DEAD: "DE"}


def _parse_bt(session: Session, text: str) -> tuple[Any, ...]:
    options, rest = take_options(text, {"-a": 0, "-f": 0, "-t": 0, "-e": 0})
    words = rest.split()
    if "-a" in options and words:
        raise CommandError("-a shows the tasks on the CPUs, and no other")
    pids = "all" if words == ["all"] else [decimal(word, "a pid") for word in words]
    return pids, "-a" in options, "-f" in options, "-t" in options


def bt(session: Session, pids: list[int] | str, active: bool, full: bool, search: bool) -> list[Chain]:
    """Call chains: of the task on the session's CPU, of those on all CPUs (`active`), or of tasks by pid ("all")."""
    if session.bare:
        if pids or active:
            raise CommandError("a bare-metal program has no tasks: bt takes no pid")
        return [_bare(session, full, search)]
    kernel = session.kernel
    if active:
        traces = [kernel.backtrace(cpu=number) for number in range(len(kernel.machine.cpus))]
    elif pids:
        traces = [_of_pid(session, pid) for pid in (kernel.pids() if isinstance(pids, str) else pids)]
    else:
        traces = [kernel.backtrace(cpu=session.cpu_number)]
    return [_chain(session, trace, full, search) for trace in traces if trace]


def _of_pid(session: Session, pid: int) -> TaskTrace:
    trace = session.kernel.backtrace(pid)
    if trace is None:
        raise CommandError(f"no task has pid {pid}")
    return trace


def _word(session: Session, address: int) -> int | None:
    try:
        return int.from_bytes(session.read(address, 4), "little")
    except CommandError:
        return None


def _bare(session: Session, full: bool, search: bool) -> Chain:
    cpu = session.cpu
    esp = cpu["esp"]
    stack = range(esp, min(esp + _BARE_STACK, 1 << 32))
    unwinder = Unwinder(lambda at: _word(session, at), session.function)
    frames = unwinder.frames(cpu["eip"], esp, cpu["ebp"], stack if _word(session, esp) is not None else range(0))
    trace = TaskTrace(0, 0, "", session.cpu_number, 0, range(esp, esp + 4096), frames)
    chain = _chain(session, trace, full, search)
    chain.pid, chain.comm, chain.state = None, None, ""
    return chain


def _chain(session: Session, trace: TaskTrace, full: bool, search: bool) -> Chain:
    frames = trace.frames
    if search and frames and frames[0].sp in trace.stack:
        unwinder = Unwinder(lambda at: _word(session, at), session.function)
        frames = [frames[0], *unwinder.guesses(range(frames[0].sp & -4, trace.stack.stop, 4))]
    calls = [_call(session, frame, first=number == 0) for number, frame in enumerate(frames)]
    if full:
        edges = [frame.sp for frame in frames] + [min(trace.stack.stop, frames[-1].sp + 64) if frames else 0]
        for call, start, end in zip(calls, edges, edges[1:]):
            whole = range(start, min(end, start + _LARGEST_FRAME), 4)
            call.words = [word for at in whole if (word := _word(session, at)) is not None]
    return Chain(trace.task, trace.pid, trace.comm, trace.cpu, _STATES.get(trace.state, "??"), calls)


def _call(session: Session, frame: Frame, first: bool) -> Call:
    return Call(frame.sp, place(session, frame.pc, returns=not first), frame.certain)


def render_bt(chains: list[Chain]) -> str:
    """crash's form."""
    lines = []
    for chain in chains:
        if chain.pid is not None:
            cpu = "-" if chain.cpu is None else chain.cpu
            head = f"PID: {chain.pid:<6} TASK: {chain.task:08x}  CPU: {cpu}"
            lines.append(f'{head}   COMMAND: "{chain.comm}"  {chain.state}')
        for number, call in enumerate(chain.calls):
            p = call.place
            name = f"{p.name}+{p.offset:#x}" if p.name and p.offset else p.name or "(unknown)"
            line = f" #{number}{'' if call.certain else '?'} [{call.sp:08x}] {name} at {p.address:08x}"
            line += f" [{p.program}]" if p.program else ""
            lines.append(line + (f"  {p.file}:{p.line}" if p.file else ""))
            for at in range(0, len(call.words), 4):
                words = " ".join(f"{word:08x}" for word in call.words[at : at + 4])
                lines.append(f"    {call.sp + 4 * at:08x}: {words}")
        if not chain.calls:
            lines.append(" (its registers are nowhere: it has not run yet, or it is idle)")
    return "".join(f"{line}\n" for line in lines)


def register(registry: Registry) -> None:
    """Add the commands of this module."""
    registry.add(Command(
        name="sym", arguments="[-n|-p] SYMBOL|ADDR | -q TEXT | -l", summary="symbols by name or address",
        example="sym kmalloc+4",
        details="-n, -p  the symbol behind, before it; -q TEXT  all that contain TEXT; -l  all.\n"
        "(T) text, (D) data, (B) bss; in brackets the program that it is of.",
        parse=_parse_sym, compute=sym, text=render_sym,
    ))  # fmt: skip
    registry.add(Command(
        name="dis", arguments=f"[-s] [-r|-f] {SPACE_USAGE} [ADDR [COUNT]]", example="dis kmalloc",
        summary="the instructions of a function, with source lines",
        details="Of the whole function that ADDR ($eip by default) lies in; COUNT (decimal): so many from ADDR on.\n"
        "-r  from its beginning up to ADDR; -f  from ADDR to its end; -s  with the text of the source lines",
        parse=_parse_dis, compute=dis, text=render_dis, failed=lambda listing: listing.stopped is not None,
    ))  # fmt: skip
    registry.add(Command(
        name="bt", arguments="[-f] [-t] [-a | all | PID ...]", summary="the call chain of a task", example="bt",
        details="Of the task on this CPU; -a  on every CPU; all  of all tasks; or of those with a PID.\n"
        "STATE: RU can run, IN and UN asleep, DE dead. -f  with the words of each frame;\n"
        "-t  every word on the stack that lies in a function: of old calls too (marked ?).",
        parse=_parse_bt, compute=bt, text=render_bt,
    ))  # fmt: skip
