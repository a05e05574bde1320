"""A machine of two CPUs and 64 KB, mapped from 0xC0000000 on, for the server's packets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tools.gdb.description import NUMBERS
from tools.gdb.target import Point

BASE, SIZE = 0xC000_0000, 0x1_0000


class FakeTarget:
    """Serves tools.gdb.target.Target out of plain Python values; `points` counts what is set."""

    cpus, cpu = 2, 0

    def __init__(self) -> None:
        self.ram = bytearray(n & 0xFF for n in range(SIZE))
        self.values = [dict.fromkeys(NUMBERS, 0) | {"eip": 0xC000_0100 + cpu, "cr3": 0x10B000} for cpu in (0, 1)]
        self.points: dict[tuple[Point, int, int], int] = {}
        self.lines: list[str] = []

    def describe(self, cpu: int) -> str:
        return f"CPU#{cpu} [fake]"

    def registers(self, cpu: int) -> Mapping[str, int]:
        return self.values[cpu]

    def write_register(self, cpu: int, name: str, value: int) -> bool:
        if name.startswith("st"):
            return False
        self.values[cpu][name] = value
        return True

    def read(self, cpu: int, linear: int, size: int) -> bytes:
        return self.read_physical(linear - BASE, size) if linear >= BASE else b""

    def write(self, cpu: int, linear: int, data: bytes) -> bool:
        return linear >= BASE and self.write_physical(linear - BASE, data)

    def read_physical(self, pa: int, size: int) -> bytes:
        return bytes(self.ram[pa : pa + size])

    def write_physical(self, pa: int, data: bytes) -> bool:
        if pa + len(data) > SIZE:
            return False
        self.ram[pa : pa + len(data)] = data
        return True

    def add_point(self, kind: Point, cpu: int, linear: int, size: int) -> bool:
        if linear < BASE:
            return False
        self.points[kind, linear, size] = self.points.get((kind, linear, size), 0) + 1
        return True

    def remove_point(self, kind: Point, linear: int, size: int) -> None:
        self.points[kind, linear, size] -= 1
        if not self.points[kind, linear, size]:
            del self.points[kind, linear, size]

    def monitor(self, cpu: int, line: str) -> Iterator[str]:
        self.lines.append(line)
        yield f"CPU {cpu}: {line}\n"
        yield "second line\n"

    def symbol_file(self) -> str | None:
        return "/tmp/highmem/symbols"
