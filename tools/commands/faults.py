"""`faults` and `fault N`: the faults of the programs that ran, listed, counted, and one of them whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from guest.faults import By, Fault, FaultFilter, FaultLog
from hw.errors import HighmemError
from tools.arguments import decimal, take_options
from tools.errors import CommandError
from tools.registry import Command, Registry
from tools.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterable

_FILTERS = """\
FILTER: terms with commas between them, all of which must hold, '!' before one turns it round:
read, write, fetch; kernel, user; oops, fixup, retry; a range of addresses f8800000-f8900000 or f8800000+1000;
cpu=N, pid=N, v=0e (a vector); else a part of the cause or the region, as 'guard page', vmalloc, 'kmap*'."""


@dataclass
class Faults:
    """The faults that a filter chose, of those that are kept, and how many there were at all."""

    total: int
    kept: int
    faults: list[Fault]


@dataclass
class FaultCount:
    """How often a cause, a range of addresses or a line of code was met."""

    key: str
    count: int


@dataclass
class FaultCounts:
    """Faults counted `by` "cause", "range" or "line", the most frequent first."""

    by: str
    total: int
    counts: list[FaultCount]


def log_of(session: Session) -> FaultLog:
    """The record of faults; CommandError where there is none."""
    log = session.kernel.fault_log
    if log is None:
        raise CommandError("no faults were recorded here: --faults begins it, and -ex, and 'monitor'")
    return log


def _filter(text: str) -> FaultFilter:
    try:
        return FaultFilter(text)
    except HighmemError as error:
        raise CommandError(str(error)) from None


def _faults_arguments(session: Session, text: str) -> tuple[Any, ...]:
    options, rest = take_options(text, {"-c": 1})
    by = None
    if "-c" in options:
        try:
            by = By(options["-c"][0])
        except ValueError:
            raise CommandError(f"-c counts by {', '.join(By)}, not {options['-c'][0]!r}") from None
    return rest, by


def faults(session: Session, wanted: str = "", by: By | None = None) -> Faults | FaultCounts:
    """The faults that `wanted` chooses (see FaultFilter), or counts of them."""
    log, chosen = log_of(session), _filter(wanted)
    if by is None:
        return Faults(log.total, len(log), [fault for fault in log if chosen(fault)])
    counts = log.counts(by, chosen if wanted else None)
    return FaultCounts(by.value, sum(counts.values()), [FaultCount(*item) for item in counts.items()])


def render_faults(result: Faults | FaultCounts) -> str:
    """A line for each fault, as `run --faults` prints it; or a table of counts."""
    if isinstance(result, FaultCounts):
        rows = "".join(f"{row.count:8d}  {row.key}\n" for row in result.counts)
        return f"   COUNT  {result.by.upper()}\n{rows}" if rows else "no faults\n"
    lines = [f"{fault}\n" for fault in result.faults]
    if not lines:
        lines.append("no faults\n" if not result.total else f"none of {result.total} faults\n")
    if result.kept < result.total:
        lines.append(f"(the last {result.kept} of {result.total} are kept; counts are of all)\n")
    return "".join(lines)


def _fault_arguments(session: Session, text: str) -> tuple[Any, ...]:
    return (decimal(text, "a number of a fault") if text else -1,)


def fault(session: Session, number: int) -> Fault:
    """One fault whole, -1 for the last one."""
    try:
        return log_of(session)[number]
    except LookupError as error:
        raise CommandError(str(error)) from None


def render_fault(result: Fault) -> str:
    """Everything that is known of a fault."""
    return "\n".join(_with_source(result)) + "\n"


def _with_source(result: Fault) -> Iterable[str]:
    """The lines of a fault, with the line of the source where its file can be read."""
    for line in result.lines():
        yield line
        if line.startswith("where") and (text := _source(result)):
            yield f"{'':<12} {text}"


def _source(result: Fault) -> str:
    if not result.place.file:
        return ""
    try:
        with open(result.place.file, encoding="utf-8", errors="replace") as file:
            return next((line.strip() for number, line in enumerate(file, 1) if number == result.place.line), "")
    except OSError:
        return ""


def register(registry: Registry) -> None:
    """Add the commands of this module."""
    registry.add(Command(
        name="faults", arguments="[FILTER] [-c cause|range|line]",
        summary="the faults of the programs that ran, or how many by cause, address range or code line",
        example="faults write,vmalloc", details=_FILTERS, parse=_faults_arguments, compute=faults, text=render_faults,
    ))  # fmt: skip
    registry.add(Command(
        name="fault", arguments="[N]", summary="everything about fault N, or about the last one", example="fault 0",
        details="Instruction, access, walk, the bit that decided, whose the address is, what the kernel did and why.",
        parse=_fault_arguments, compute=fault, text=render_fault,
    ))  # fmt: skip
