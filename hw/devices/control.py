"""The small control ports of the chipset: 0x92 (fast A20 and reset, IBM PS/2) and 0xCF9 (reset, Intel PIIX)."""

from __future__ import annotations

from collections.abc import Callable

from hw.bus import Device, Line


class SystemControl(Device):
    """Port 0x92: bit 0 resets the CPU when it rises, bit 1 is the A20 gate, which firmware leaves open."""

    name = "port92"
    ports = ((0x92, 1),)
    saved = ("value",)

    def __init__(self, a20: Line, restart: Callable[[], None]) -> None:
        """``a20`` opens (True) and shuts the gate of address line 20; ``restart`` resets the machine."""
        self.a20 = a20
        self.restart = restart
        super().__init__()

    def reset(self) -> None:
        self.value = 2

    def port_read(self, port: int, size: int) -> int:
        return self.value

    def port_write(self, port: int, size: int, value: int) -> None:
        old, self.value = self.value, value & 3
        if (old ^ value) & 2:
            self.a20(bool(value & 2))
        if value & 1 and not old & 1:
            self.restart()


class ResetControl(Device):
    """Port 0xCF9: bit 2 resets when it rises, bit 1 says that it is a hard reset."""

    name = "reset"
    ports = ((0xCF9, 1),)
    saved = ("value",)

    def __init__(self, restart: Callable[[], None]) -> None:
        self.restart = restart
        super().__init__()

    def reset(self) -> None:
        self.value = 0

    def port_read(self, port: int, size: int) -> int:
        return self.value

    def port_write(self, port: int, size: int, value: int) -> None:
        old, self.value = self.value, value & 6
        if value & 4 and not old & 4:
            self.restart()
