"""Ports that show what a program is doing: a byte console (port 0xE9 of Bochs) and POST codes (port 0x80)."""

from __future__ import annotations

from collections.abc import Callable

from hw.bus import Device


class DebugConsole(Device):
    """Bytes written go to ``output``; a read gives the port's low byte, 0xE9, by which programs know it."""

    name = "debug-console"

    def __init__(self, output: Callable[[bytes], None], port: int = 0xE9) -> None:
        self.output = output
        self.ports = ((port, 1),)
        super().__init__()

    def port_read(self, port: int, size: int) -> int:
        return port & 0xFF

    def port_write(self, port: int, size: int, value: int) -> None:
        self.output(bytes([value]))


class PostPort(Device):
    """The checkpoint port, also written to gain time: keeps the last code, which can be read back."""

    name = "post"
    ports = ((0x80, 1),)
    saved = ("code",)

    def reset(self) -> None:
        self.code = 0

    def port_read(self, port: int, size: int) -> int:
        return self.code

    def port_write(self, port: int, size: int, value: int) -> None:
        self.code = value
