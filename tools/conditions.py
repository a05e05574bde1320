"""Conditions of break points: the filters of tools.trace, over registers, arguments, watched values and event fields.

    break kmalloc if size > 4096            the names of the parameters, or arg1, arg2 ...
    break tour.c:67 if $eax == 0            registers
    watch page 123.flags if new & 0x80      old and new: the watched memory as one number
    break event kmalloc if bytes_req > 4096 && comm ~ "insmod*"
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from guest.source import Parameter
from guest.stop_event import Condition, EventHit, StopEvent, WatchHit
from hw.errors import HighmemError
from mm.events import FIELDS, NAMES_OF_TASKS
from tools.errors import CommandError
from tools.session import ALIASES, REGISTER_NAMES, Session
from tools.trace.filters import Filter
from tools.trace.model import EVENT_TYPES

_Get = Callable[[Any], Any]
_COMMON = ("cpu", "pid", "comm")


def condition(
    session: Session, text: str, parameters: Sequence[Parameter] = (), events: Sequence[str] = (), watch: bool = False
) -> Condition | None:
    """The condition that `text` is, None for an empty one; CommandError where it is none.

    parameters: of the function at whose first instruction it is asked. events: at which it is asked.
    """
    if not text:
        return None
    unknown: list[str] = []

    def lookup(name: str) -> tuple[_Get, bool] | None:
        found = _field(session, name, parameters, events, watch)
        if found is None:
            unknown.append(name)
        return found

    try:
        predicate = Filter(text).bind(lookup)
    except HighmemError as error:
        raise CommandError(str(error)) from None
    if unknown or predicate is None:
        raise CommandError(f"condition {text!r}: {unknown[0]!r} is unknown here; {_known(parameters, events, watch)}")
    return predicate


def _field(
    session: Session, name: str, parameters: Sequence[Parameter], events: Sequence[str], watch: bool
) -> tuple[_Get, bool] | None:
    for number, parameter in enumerate(parameters):
        if name in (parameter.name, f"arg{number + 1}", f"$arg{number + 1}"):
            return _argument(session, parameter), False
    if watch and name in ("old", "new", "value"):
        return _watched("new" if name == "value" else name), False
    if any(name in FIELDS[event] for event in events):
        is_text = any(EVENT_TYPES[event].get(name) == NAMES_OF_TASKS for event in events if name in FIELDS[event])
        return _of_event(name, "" if is_text else -1), is_text
    if name == "cpu":
        return lambda event: event.cpu, False
    if name == "pid":
        return lambda event: session.kernel.cpus()[event.cpu].pid, False
    if name == "comm":
        return lambda event: session.kernel.cpus()[event.cpu].comm, True
    register = name.removeprefix("$").lower()
    register = ALIASES.get(register, register)
    if register not in REGISTER_NAMES:
        return None
    return lambda event: session.kernel.machine.cpus[event.cpu][register], False


def _argument(session: Session, parameter: Parameter) -> _Get:
    def get(event: StopEvent) -> int:
        esp = session.kernel.machine.cpus[event.cpu]["esp"]
        try:
            data = session.read(esp + 4 + parameter.slot, parameter.size)
        except CommandError:
            return 0
        return int.from_bytes(data, "little")

    return get


def _watched(which: str) -> _Get:
    def get(event: StopEvent) -> int:
        hit = event.details
        return int.from_bytes(getattr(hit, which), "little") if isinstance(hit, WatchHit) else 0

    return get


def _of_event(name: str, missing: object) -> _Get:
    def get(event: StopEvent) -> Any:
        return event.details.fields.get(name, missing) if isinstance(event.details, EventHit) else missing

    return get


def _known(parameters: Sequence[Parameter], events: Sequence[str], watch: bool) -> str:
    names = [parameter.name for parameter in parameters] + (["old", "new"] if watch else [])
    names += dict.fromkeys(field for event in events for field in FIELDS[event])
    return f"there are {', '.join([*names, '$eax and the other registers', *_COMMON])}"
