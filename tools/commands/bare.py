"""Commands of a bare-metal machine alone: `info screen`, `info cpus`, `faults`, `fault N`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from guest.faults import FaultFilter
from hw.errors import HighmemError
from hw.frame import VECTOR_NAMES
from tools.arguments import decimal
from tools.errors import CommandError
from tools.registry import Command, Registry

if TYPE_CHECKING:
    from tools.bare import BareFault, BareSession
    from tools.session import Session


@dataclass
class Faults:
    """How many of each vector were delivered, and the last of the exceptions."""

    counts: dict[int, int]
    last: list[BareFault]


@dataclass
class Processor:
    """A CPU: what it does, and where."""

    number: int
    state: str
    eip: int
    ring: int


_LAST = 16


def _name(vector: int) -> str:
    return VECTOR_NAMES.get(vector, f"interrupt {vector:#x}")


def faults(session: BareSession, wanted: str = "") -> Faults:
    """Exceptions and interrupts of the run; the exceptions that a filter chooses (guest.faults)."""
    try:
        chosen = FaultFilter(wanted)
    except HighmemError as error:
        raise CommandError(str(error)) from None
    last = [fault for fault in session.faults if chosen(fault)]
    return Faults(dict(sorted(session.delivered.items())), last if wanted else last[-_LAST:])


def render_faults(result: Faults) -> str:
    """A line for each vector, and one for each of the last exceptions."""
    if not result.counts:
        return "no exception and no interrupt\n"
    lines = [f"{_name(vector):<16} {count}" for vector, count in result.counts.items()]
    if result.last:
        lines.append("the last exceptions:")
    return "\n".join([*lines, *map(str, result.last)]) + "\n"


def fault(session: BareSession, number: int) -> BareFault:
    """One exception whole, -1 for the last."""
    for found in reversed(session.faults):
        if number in (found.number, -1):
            return found
    raise CommandError(f"exception {number} is not kept" if session.faults else "there was no exception")


def render_fault(result: BareFault) -> str:
    """Everything that is known of an exception."""
    record = result.record
    first = f"fault {result.number}: {record.name}, {record.exception}, on CPU {result.cpu} in ring {record.cpl}"
    return "\n".join([first, *record.lines()]) + "\n"


def info_cpus(session: BareSession) -> list[Processor]:
    """Every CPU of the machine."""
    return [
        Processor(index, processor.state, processor.cpu["eip"], processor.cpu["cs"] & 3)
        for index, processor in enumerate(session.processors)
    ]


def render_cpus(result: list[Processor]) -> str:
    """`CPU #0: pc=00100010 ring 0, halted`."""
    return "".join(f"CPU #{p.number}: pc={p.eip:08x} ring {p.ring}, {p.state}\n" for p in result)


def _file(session: Session, text: str) -> tuple[str]:
    if len(text.split()) > 1:
        raise CommandError("takes one file name")
    return (text.strip(),)


def info_screen(session: BareSession, path: str) -> str:
    """What the VGA shows, as text; with a file name also as a picture there (SVG)."""
    screen = session.screen()
    if path:
        with open(path, "w", encoding="utf-8") as file:
            file.write(screen.svg())
    return screen.text()


def register(registry: Registry) -> None:
    """Add the commands of this module."""
    registry.add(Command(
        name="faults", arguments="[FILTER]", summary="exceptions and interrupts of the run: how many, and the last",
        example="faults write", details="FILTER: read, write, fetch, kernel, user, a range of addresses, cpu=N, v=0e.",
        parse=lambda session, text: (text,), compute=faults, text=render_faults,
    ))  # fmt: skip
    registry.add(Command(
        name="fault", arguments="[N]", summary="everything about exception N, or about the last", example="fault 0",
        parse=lambda session, text: (decimal(text, "a number of an exception") if text else -1,), compute=fault,
        text=render_fault,
    ))  # fmt: skip
    registry.add(Command(
        name="info cpus", summary="what each CPU does", example="info cpus", compute=info_cpus, text=render_cpus,
    ))  # fmt: skip
    registry.add(Command(
        name="info screen", arguments="[FILE.svg]", summary="the text screen; with a file name as a picture too",
        example="info screen", parse=_file, compute=info_screen, text=lambda text: text + "\n" if text else "",
    ))  # fmt: skip
