"""The debug-exit port: a write ends the machine (isa-debug-exit of QEMU)."""

from __future__ import annotations

from collections.abc import Callable

from hw.bus import Device


class DebugExit(Device):
    """A write of n calls ``exit`` with the exit status of the machine, (n << 1) | 1; a read gives 0."""

    name = "debug-exit"

    def __init__(self, exit: Callable[[int], None], port: int = 0xF4) -> None:
        self.exit = exit
        self.ports = ((port, 4),)
        super().__init__()

    def port_width(self, port: int) -> int:
        return 4

    def port_read(self, port: int, size: int) -> int:
        return 0

    def port_write(self, port: int, size: int, value: int) -> None:
        self.exit(value << 1 | 1)
