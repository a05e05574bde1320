"""What the server needs of a machine that stands still."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Protocol


class Point(Enum):
    """Kinds of breakpoints and watchpoints, by the number of gdb's Z packet."""

    SOFTWARE = 0
    HARDWARE = 1
    WRITE = 2
    READ = 3
    ACCESS = 4


class Target(Protocol):
    """A machine. CPUs are numbers from 0 on; addresses are linear, as the CPU named translates them, or physical."""

    @property
    def cpus(self) -> int:
        """How many CPUs there are."""

    @property
    def cpu(self) -> int:
        """The CPU that stopped."""

    def describe(self, cpu: int) -> str:
        """What the CPU does, in words."""

    def registers(self, cpu: int) -> Mapping[str, int]:
        """Every register of tools.gdb.description by name; those that it has not count as 0."""

    def write_register(self, cpu: int, name: str, value: int) -> bool:
        """Set a register; False where that cannot be."""

    def read(self, cpu: int, linear: int, size: int) -> bytes:
        """Bytes from a linear address on, as many as can be read."""

    def write(self, cpu: int, linear: int, data: bytes) -> bool:
        """Write bytes, all or none; False where a page is not mapped or is no RAM."""

    def read_physical(self, pa: int, size: int) -> bytes:
        """Bytes from a physical address on, as many as can be read."""

    def write_physical(self, pa: int, data: bytes) -> bool:
        """Write bytes, all or none; False where there is no RAM."""

    def add_point(self, kind: Point, cpu: int, linear: int, size: int) -> bool:
        """Stop there from now on, once more than before; False where that cannot be."""

    def remove_point(self, kind: Point, linear: int, size: int) -> None:
        """Take back one add_point."""

    def monitor(self, cpu: int, line: str) -> Iterator[str]:
        """The answer to a monitor command, piece by piece. Errors are words of the answer."""

    def symbol_file(self) -> str | None:
        """The path of an ELF file with symbols of all that is loaded."""
