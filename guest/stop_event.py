"""What a debugger tells of a stop: why, where, and what it has found; and the break, watch and catch points."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, Union

from hw.breakpoints import Kind
from hw.cpu import CPU
from hw.errors import HighmemError

if TYPE_CHECKING:
    from guest.faults import Fault


class Reason(StrEnum):
    """Why the machine stands."""

    ENTRY = "entry"
    BREAKPOINT = "breakpoint"
    WATCHPOINT = "watchpoint"
    FAULT = "fault"
    TRACEPOINT = "tracepoint"
    STEP = "step"
    FINISH = "finish"
    INTERRUPT = "interrupt"
    EXITED = "exited"


class Resume(Enum):
    """How to go on."""

    CONTINUE = "continue"
    STEP = "step"  # one instruction of the same task
    KILL = "kill"  # the program is ended before the next instruction


@dataclass(frozen=True)
class WatchHit:
    """What happened to watched memory.

    pa, size: of the access, or of the watched memory where the kernel wrote. old, new: bytes of the watched memory;
    equal for a read. eip: the instruction that did it, 0 where the kernel did. linear: the alias that it used, None
    where that is not known. by: the call or handler in which the kernel wrote, "" for a program.
    """

    kind: str
    pa: int
    size: int
    old: bytes
    new: bytes
    eip: int
    linear: int | None
    by: str


@dataclass(frozen=True)
class EventHit:
    """A tracepoint and its fields."""

    event: str
    fields: dict[str, int]


@dataclass(frozen=True)
class Returned:
    """What a function returned with (EAX), after `finish`."""

    function: str
    value: int


@dataclass(frozen=True)
class Exited:
    """How the program ended."""

    status: int


#: Of a fault: guest.faults.Fault, with what the kernel decided.
Details = Union[WatchHit, "Fault", EventHit, Returned, Exited, None]


@dataclass(frozen=True)
class StopEvent:
    """A stop. number: of the break or watch point that caused it. eip: the next instruction of the CPU that stands."""

    reason: Reason
    cpu: int
    eip: int
    number: int | None = None
    details: Details = None


#: Whether a stop that would be is one. Called where the machine stands; it may read everything.
Condition = Callable[[StopEvent], bool]


@dataclass
class Stop:
    """A break, watch or catch point.

    linear: addresses of code, any of which stops. areas: watched (physical address, size). pattern: of event names.
    what, condition_text: for people.
    """

    number: int
    kind: Reason
    what: str
    linear: tuple[int, ...] = ()
    areas: tuple[tuple[int, int], ...] = ()
    access: Kind = Kind.WRITE
    pattern: str = ""
    condition: Condition | None = None
    condition_text: str = ""
    temporary: bool = False
    cpu: int | None = None
    enabled: bool = True
    hits: int = 0
    old: bytes = field(default=b"", repr=False)


#: Asked before every instruction whether a step ends there: the stop, or None.
Plan = Callable[[CPU, int], "StopEvent | None"]


class DebugError(HighmemError):
    """What cannot be done now or at that address."""
