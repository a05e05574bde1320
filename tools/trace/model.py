"""What a trace holds: rows, and the names of the tasks and of the code that they speak of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from mm.events import SYSTEMS, TYPES
from mm.layout import MAX_ORDER

Row = tuple[str, int, int, int, int, tuple[int | str, ...]]
"""(event, virtual time in ns, CPU, pid of the task at work, return address of the call served or 0, the fields)."""

FREE_AREA = "free_area"
"""No tracepoint: nr_free of each order in a zone, taken where it changed, at most once in `FREE_AREA_NSEC`."""
FREE_AREA_NSEC = 100_000

EVENT_TYPES: dict[str, dict[str, str]] = TYPES | {
    FREE_AREA: {"zone": "char [16]"} | {f"nr_free_{order}": "unsigned long" for order in range(MAX_ORDER)}
}
EVENT_FIELDS: dict[str, tuple[str, ...]] = {name: tuple(types) for name, types in EVENT_TYPES.items()}
SYSTEM_OF: dict[str, str] = {event: system for system, events in SYSTEMS.items() for event in events}
SYSTEM_OF[FREE_AREA] = "highmem"
EVENTS = tuple(EVENT_FIELDS)

COMMON = ("common_pid", "common_comm", "common_caller")
"""What every event has beside `ts` and `cpu`: the task at work, and `caller`, who made the call that is served."""

CODE_FIELDS = {"call_site": True, "ip": False, "function": False}
"""Fields that are addresses of code; whether a call is meant, which ends right before the address."""
CODE_AT: dict[str, tuple[int, bool]] = {
    event: (at, CODE_FIELDS[name])
    for event, names in EVENT_FIELDS.items() for at, name in enumerate(names) if name in CODE_FIELDS
}  # fmt: skip
"""Where each event has such a field."""


class Site(NamedTuple):
    """A place in code: function ("" where none is known), offset into it, source file ("") and line (0).

    call: the address is where a call returns to, and the line that of the call.
    """

    address: int
    call: bool
    symbol: str = ""
    offset: int = 0
    source: str = ""
    line: int = 0

    @property
    def name(self) -> str:
        """'main+0x23', the address where no function is known, "the kernel" where no call was served."""
        if not self.address:
            return "the kernel"
        if not self.symbol:
            return f"0x{self.address:08x}"
        return f"{self.symbol}+0x{self.offset:x}" if self.offset else self.symbol

    @property
    def place(self) -> str:
        """'tour.c:34', "" where it is not known."""
        return f"{self.source}:{self.line}" if self.source else ""


class Symbol(NamedTuple):
    """A function or variable; module: the program that it is of, "" for the kernel."""

    address: int
    name: str
    module: str = ""


@dataclass
class Names:
    """What is known of the tasks (comm by pid) and of places in code (by address, and whether a call is meant)."""

    tasks: dict[int, str] = field(default_factory=dict)
    sites: dict[tuple[int, bool], Site] = field(default_factory=dict)

    def site(self, address: int, call: bool = True) -> Site:
        """The place, with nothing but its address where no more is known."""
        return self.sites.get((address, call)) or Site(address, call)

    def add(self, site: Site) -> None:
        """Know one more place."""
        self.sites[site.address, site.call] = site


def place_of(row: Row) -> tuple[int, bool]:
    """The place in code that a row speaks of: that of its own fields, else of the caller; address 0 for none."""
    if (code := CODE_AT.get(row[0])) is not None:
        return int(row[5][code[0]]), code[1]
    return row[4], True


def places(rows: list[Row]) -> set[tuple[int, bool]]:
    """All the places in code that rows speak of."""
    found = {(caller, True) for caller in {row[4] for row in rows}}
    found |= {place_of(row) for row in rows if row[0] in CODE_AT}
    return {place for place in found if place[0]}


class Writer(Protocol):
    """A file of one format. What rows speak of is announced before them."""

    def announce(self, tasks: dict[int, str], sites: list[Site]) -> None:
        """More tasks and places."""

    def write(self, rows: list[Row]) -> None:
        """More rows, in the order of their time."""

    def end(self, symbols: list[Symbol]) -> None:
        """The end of the file. symbols: all that the kernel and the program have, as far as that is known."""


