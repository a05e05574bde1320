"""Ports that set interrupt lines, for programs that test interrupt controllers (pc-testdev of QEMU)."""

from __future__ import annotations

from collections.abc import Sequence

from hw.bus import Device, Line

FIRST_PORT = 0x2000


class IrqLines(Device):
    """A byte written to port 0x2000 + n asserts ``lines[n]``, a zero releases it."""

    name = "irq-lines"

    def __init__(self, lines: Sequence[Line]) -> None:
        self.lines = lines
        self.ports = ((FIRST_PORT, len(lines)),)
        super().__init__()

    def port_write(self, port: int, size: int, value: int) -> None:
        self.lines[port - FIRST_PORT](value != 0)
