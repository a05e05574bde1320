"""The I/O APIC (Intel 82093AA data sheet)."""

from __future__ import annotations

from hw.bus import Device, Line
from hw.devices.lapic import KINDS, LEVEL, MASKED, REMOTE_IRR, ApicBus

IO_APIC_BASE = 0xFEC0_0000
IO_APIC_WINDOW = 0x1000
PINS = 24
_VERSION = 0x11 | PINS - 1 << 16
_READ_ONLY = 0x5000  # delivery status, remote IRR
_WRITABLE = 0xFF00_0000_0001_AFFF


class IoApic(Device):
    """24 inputs, each with a redirection entry that says where its interrupt goes.

    Lines mean "asserted", so the polarity bit changes nothing. An edge at a masked input is lost.
    """

    name = "ioapic"
    windows = ((IO_APIC_BASE, IO_APIC_WINDOW),)
    saved = ("id", "select", "entries", "lines")

    def __init__(self, bus: ApicBus, apic_id: int = 0) -> None:
        """``apic_id``: what firmware has set (0 to 15), the same as in the MP table."""
        self.bus = bus
        self.apic_id = apic_id
        self.lines = 0
        bus.listeners.append(self)
        self.reset()

    def reset(self) -> None:
        """Every entry is masked. What devices assert stays asserted."""
        self.id = self.apic_id
        self.select = 0
        self.entries = [MASKED] * PINS

    def irq(self, pin: int) -> Line:
        """The setter of input 0 to 23."""
        if not 0 <= pin < PINS:
            raise ValueError(f"the I/O APIC has no input {pin}")
        bit = 1 << pin

        def set_line(asserted: bool) -> None:
            rises = asserted and not self.lines & bit
            self.lines = self.lines | bit if asserted else self.lines & ~bit
            if rises:
                self._service(pin, rises)

        return set_line

    def _service(self, pin: int, rises: bool = False) -> None:
        """Send the interrupt of ``pin`` if its entry and its line ask for it."""
        entry = self.entries[pin]
        level = bool(entry & LEVEL)
        if entry & MASKED or not (self.lines >> pin & 1 and not entry & REMOTE_IRR if level else rises):
            return
        kind = KINDS[entry >> 8 & 7]
        if kind is None or kind == "startup":
            return
        waits = level and kind in ("fixed", "lowest")
        taken = self.bus.send(kind, entry & 0xFF, waits, self.bus.targets(entry >> 56, bool(entry & 0x800)))
        if waits and taken:
            self.entries[pin] |= REMOTE_IRR

    def eoi(self, vector: int) -> None:
        """A level-triggered interrupt has ended; where the line is still asserted it comes again."""
        for pin, entry in enumerate(self.entries):
            if entry & REMOTE_IRR and entry & 0xFF == vector:
                self.entries[pin] = entry & ~REMOTE_IRR
                self._service(pin)

    def mmio_read(self, offset: int, size: int) -> int:
        if offset & ~3 == 0:
            value = self.select
        elif offset & ~3 == 0x10:
            value = self._read(self.select)
        else:
            value = 0
        return value >> 8 * (offset & 3)

    def _read(self, register: int) -> int:
        if register in (0, 2):
            return self.id << 24
        if register == 1:
            return _VERSION
        pin = register - 0x10 >> 1
        return self.entries[pin] >> 32 * (register & 1) & 0xFFFF_FFFF if 0 <= pin < PINS else 0

    def mmio_write(self, offset: int, size: int, value: int) -> None:
        if offset == 0:
            self.select = value & 0xFF
        elif offset == 0x10 and size == 4:
            self._write(self.select, value)

    def _write(self, register: int, value: int) -> None:
        if register == 0:
            self.id = value >> 24 & 0xF
        pin = register - 0x10 >> 1
        if not 0 <= pin < PINS:
            return
        old = self.entries[pin]
        shift = 32 * (register & 1)
        entry = (old & ~(0xFFFF_FFFF << shift) | value << shift) & _WRITABLE | old & _READ_ONLY
        self.entries[pin] = entry if entry & LEVEL else entry & ~REMOTE_IRR
        self._service(pin)
