"""Commands of a bare-metal machine alone: `info screen`, `info cpus`, `faults`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hw.frame import VECTOR_NAMES
from tools.errors import CommandError
from tools.registry import Command, Registry

if TYPE_CHECKING:
    from tools.bare import BareSession
    from tools.session import Session


@dataclass
class Fault:
    """An exception or interrupt that was delivered; `error_code` is None where the CPU pushes none."""

    cpu: int
    vector: int
    name: str
    error_code: int | None
    eip: int
    cr2: int


@dataclass
class Faults:
    """How many of each vector were delivered, and the last of them."""

    counts: dict[int, int]
    last: list[Fault]


@dataclass
class Processor:
    """A CPU: what it does, and where."""

    number: int
    state: str
    eip: int
    ring: int


def _name(vector: int) -> str:
    return VECTOR_NAMES.get(vector, f"interrupt {vector:#x}")


def faults(session: BareSession) -> Faults:
    """Exceptions and interrupts of the run."""
    return Faults(
        dict(sorted(session.delivered.items())),
        [Fault(cpu, e.vector, _name(e.vector), e.error_code, e.eip, e.cr2) for cpu, e in session.last_events],
    )


def render_faults(result: Faults) -> str:
    """A line for each vector, and one for each of the last events."""
    if not result.counts:
        return "no exception and no interrupt\n"
    lines = [f"{_name(vector):<16} {count}" for vector, count in result.counts.items()]
    lines.append("the last ones:")
    for fault in result.last:
        code = "" if fault.error_code is None else f" error code {fault.error_code:04x}"
        cr2 = f" cr2 {fault.cr2:08x}" if fault.vector == 14 else ""
        lines.append(f"  CPU {fault.cpu} {fault.name} at {fault.eip:08x}{code}{cr2}")
    return "\n".join(lines) + "\n"


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
        name="faults", summary="exceptions and interrupts of the run: how many, and the last", example="faults",
        compute=faults, text=render_faults,
    ))  # fmt: skip
    registry.add(Command(
        name="info cpus", summary="what each CPU does", example="info cpus", compute=info_cpus, text=render_cpus,
    ))  # fmt: skip
    registry.add(Command(
        name="info screen", arguments="[FILE.svg]", summary="the text screen; with a file name as a picture too",
        example="info screen", parse=_file, compute=info_screen, text=lambda text: text + "\n" if text else "",
    ))  # fmt: skip
