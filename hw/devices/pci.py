"""PCI configuration space by mechanism 1 (PCI Local Bus Specification 2.1), with a host bridge only."""

from __future__ import annotations

import struct

from hw.bus import Device

ADDRESS, DATA = 0xCF8, 0xCFC

# Intel 440FX: vendor, device, command (memory, bus master), status, revision, class (host bridge), header.
_HOST_BRIDGE = struct.pack("<HHHHB3sI", 0x8086, 0x1237, 0x0006, 0x0280, 2, b"\x00\x00\x06", 0).ljust(256, b"\0")


class PciHost(Device):
    """Bus 0 has one function, 0.0: the host bridge, whose registers cannot be changed. Others read all ones.

    The address register takes 32-bit accesses only; narrower ones at its ports belong to other devices.
    """

    name = "pci"
    ports = ((ADDRESS, 1), (DATA, 4))
    saved = ("address",)

    def reset(self) -> None:
        self.address = 0

    def port_width(self, port: int) -> int:
        return 4 if port in (ADDRESS, DATA) else 2 if port == DATA + 2 else 1

    def port_read(self, port: int, size: int) -> int:
        ones = (1 << 8 * size) - 1
        if port == ADDRESS:
            return self.address if size == 4 else ones
        if self.address & 0x80FF_FF00 != 0x8000_0000:
            return ones
        offset = self.address & 0xFC | port & 3
        return int.from_bytes(_HOST_BRIDGE[offset:offset + size], "little")

    def port_write(self, port: int, size: int, value: int) -> None:
        if port == ADDRESS and size == 4:
            self.address = value & 0x80FF_FFFC
