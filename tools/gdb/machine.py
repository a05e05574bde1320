"""The Target of the gdb server: the machine of a monitor's session."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from hw.errors import HighmemError, PhysicalError
from tools.bare import BareSession
from tools.gdb.description import NUMBERS
from tools.gdb.target import Point
from tools.monitor import Monitor

_PAGE = 4096
#: gdb's names of registers that have another one here
_X87 = {"fctrl": "fpcw", "fstat": "fpsw", "ftag": "fptag"}


class Registers(Protocol):
    """The registers of a CPU that stands; what is set is in force when it goes on."""

    def __getitem__(self, name: str) -> int: ...

    def __setitem__(self, name: str, value: int) -> None: ...


class Control(Protocol):
    """What the target needs of a debugger."""

    def registers(self, cpu: int) -> Registers:
        """Those of one CPU."""

    def add(self, kind: Point, linear: int, pa: int | None, size: int) -> int | None:
        """Set one; its number, or None where that cannot be. pa: where `linear` leads now."""

    def remove(self, number: int) -> None:
        """Take it back."""


class MachineTarget:
    """Serves tools.gdb.target.Target. build(): the contents of the file with symbols, None where there are none."""

    def __init__(self, monitor: Monitor, control: Control, build: Callable[[], bytes] | None = None) -> None:
        self._monitor = monitor
        self._session = monitor.session
        self._machine = monitor.session.kernel.machine
        self._control = control
        self._numbers: dict[tuple[Point, int, int], int] = {}
        self._build = build
        self._folder: str | None = None
        self.cpu = 0

    @property
    def cpus(self) -> int:
        return len(self._machine.cpus)

    def describe(self, cpu: int) -> str:
        """`CPU#0 [tour, pid 5]`: the task on the CPU; without a kernel `CPU#0 [halted]`."""
        if isinstance(self._session, BareSession):
            return f"CPU#{cpu} [{self._session.processors[cpu].state}]"
        try:
            state = self._session.kernel.cpus()[cpu]
        except HighmemError:
            return f"CPU#{cpu}"
        return f"CPU#{cpu} [idle]" if state.idle else f"CPU#{cpu} [{state.comm}, pid {state.pid}]"

    # registers

    def registers(self, cpu: int) -> Mapping[str, int]:
        values = self._machine.cpus[cpu].registers()
        values["eip"] = self._control.registers(cpu)["eip"]
        return {name: values.get(_X87.get(name, name), 0) for name in NUMBERS}

    def write_register(self, cpu: int, name: str, value: int) -> bool:
        try:
            self._control.registers(cpu)[_X87.get(name, name)] = value
        except (KeyError, HighmemError):
            return False
        return True

    # memory

    def _pieces(self, cpu: int, linear: int, size: int) -> Iterator[tuple[int, int] | None]:
        """Physical address and size of each page's part of [linear, linear + size); None where nothing is mapped."""
        self._session.cpu_number = cpu
        while size > 0:
            linear &= 0xFFFF_FFFF  # as the CPU: after the last address comes the first
            piece = min(size, _PAGE - linear % _PAGE)
            pa = self._session.walk(linear).pa
            yield None if pa is None or not self._machine.ram.has(pa, piece) else (pa, piece)
            linear, size = linear + piece, size - piece

    def read(self, cpu: int, linear: int, size: int) -> bytes:
        result = bytearray()
        for place in self._pieces(cpu, linear, size):
            if place is None:
                break
            result += self._machine.ram.read(*place)
        return bytes(result)

    def write(self, cpu: int, linear: int, data: bytes) -> bool:
        places = list(self._pieces(cpu, linear, len(data)))
        at = 0
        if any(place is None for place in places):
            return False
        for place in places:
            assert place is not None
            self._write(*place, data[at:], linear + at)
            at += place[1]
        return True

    def _write(self, pa: int, size: int, data: bytes, linear: int) -> None:
        """Write to RAM; code that was translated from there is forgotten through an address that leads there."""
        self._machine.ram.write(pa, data[:size])
        direct = self._session.direct_map(pa)  # in every address space
        self._forget_code(linear if direct is None else direct, size)

    def _forget_code(self, linear: int, size: int) -> None:
        for cpu in self._machine.cpus:
            cpu.invalidate_code(linear, size)

    def read_physical(self, pa: int, size: int) -> bytes:
        end = next((end for start, end in self._machine.ram.ranges if start <= pa < end), pa)
        return self._machine.ram.read(pa, min(size, end - pa))

    def write_physical(self, pa: int, data: bytes) -> bool:
        try:
            self._machine.ram.write(pa, data)
        except PhysicalError:
            return False
        direct = self._session.direct_map(pa)
        if direct is not None:
            self._forget_code(direct, len(data))
        return True

    # break- and watchpoints

    def add_point(self, kind: Point, cpu: int, linear: int, size: int) -> bool:
        place = next(self._pieces(cpu, linear, 1))
        number = self._control.add(kind, linear, None if place is None else place[0], size)
        if number is not None:
            self._numbers[kind, linear, size] = number
        return number is not None

    def remove_point(self, kind: Point, linear: int, size: int) -> None:
        number = self._numbers.pop((kind, linear, size), None)
        if number is not None:
            self._control.remove(number)

    def point(self, number: int | None) -> tuple[Point, int] | None:
        """Kind and address of a point that gdb has set, by the debugger's number."""
        return next(((kind, at) for (kind, at, _), known in self._numbers.items() if known == number), None)

    # the rest

    def monitor(self, cpu: int, line: str) -> Iterator[str]:
        self._session.cpu_number = cpu
        try:
            for answer in self._monitor.execute(line).parts():
                yield answer.text
        except HighmemError as error:
            yield f"error: {error}\n"
        except Exception as error:  # the machine goes on, whatever a command has made of it
            yield f"error: a fault in highmem itself: {type(error).__name__}: {error}\n"

    def symbol_file(self) -> str | None:
        if self._build is None:
            return None
        if self._folder is None:
            self._folder = tempfile.mkdtemp(prefix="highmem-gdb-")
            with open(os.path.join(self._folder, "symbols"), "wb") as file:
                file.write(self._build())
        return os.path.join(self._folder, "symbols")

    def close(self) -> None:
        """Remove the file with symbols."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
