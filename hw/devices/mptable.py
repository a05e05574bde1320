"""The MP table by which firmware tells of CPUs and interrupts (Intel MultiProcessor Specification 1.4)."""

from __future__ import annotations

import struct

from hw.devices.ioapic import IO_APIC_BASE
from hw.devices.lapic import APIC_BASE, APIC_VERSION

FLOATING_SIZE = 16
_ISA_BUS = 0
_INT, _NMI, _EXTINT = 0, 1, 3
_ALL_APICS = 0xFF


def _sum_to_zero(data: bytes, at: int) -> bytes:
    """``data`` with the byte at ``at`` such that all add up to 0."""
    return data[:at] + bytes([-(sum(data) - data[at]) & 0xFF]) + data[at + 1:]


def mp_table(cpus: int, pa: int, io_apic_id: int, signature: int = 0x600, features: int = 0x201) -> bytes:
    """The floating pointer and, right behind it, the configuration table, to be stored at ``pa``.

    CPU n has APIC ID n, CPU 0 starts the machine. ISA interrupts go to the I/O APIC's pin of the same
    number, IRQ 0 to pin 2; the 8259s are at pin 0 and at LINT0 of every CPU, NMI at LINT1. ``signature`` and
    ``features`` are what CPUID leaf 1 gives in EAX and EDX. ``pa`` is a multiple of 16 below 1 MB where
    programs look: the first KB of the EBDA, the last KB of base memory or 0xF0000 to 0xFFFFF. ValueError
    when it is no such multiple, for no CPU or when an ID does not fit.
    """
    if pa % 16 or not 0 <= pa < 1 << 20 or not 0 < cpus <= 255 or not 0 <= io_apic_id < 255:
        raise ValueError(f"no MP table of {cpus} CPUs at {pa:#x}")
    entries = [
        struct.pack("<BBBBIIII", 0, cpu, APIC_VERSION & 0xFF, 3 if cpu == 0 else 1, signature, features, 0, 0)
        for cpu in range(cpus)
    ]
    entries.append(struct.pack("<BB6s", 1, _ISA_BUS, b"ISA   "))
    entries.append(struct.pack("<BBBBI", 2, io_apic_id, 0x11, 1, IO_APIC_BASE))
    entries.append(_interrupt(3, _EXTINT, 0, io_apic_id, 0))
    entries += [_interrupt(3, _INT, irq, io_apic_id, irq or 2) for irq in range(16) if irq != 2]
    entries.append(_interrupt(4, _EXTINT, 0, _ALL_APICS, 0))
    entries.append(_interrupt(4, _NMI, 0, _ALL_APICS, 1))
    body = b"".join(entries)
    header = struct.pack("<4sHBB8s12sIHHIHBB", b"PCMP", 44 + len(body), 4, 0, b"HIGHMEM ", b"PC          ", 0, 0,
                         len(entries), APIC_BASE, 0, 0, 0)
    floating = struct.pack("<4sIBBB5s", b"_MP_", pa + FLOATING_SIZE, 1, 4, 0, bytes(5))
    return _sum_to_zero(floating, 10) + _sum_to_zero(header + body, 7)


def _interrupt(entry: int, kind: int, irq: int, apic: int, pin: int) -> bytes:
    """An assignment entry: polarity and trigger mode conform to the bus."""
    return struct.pack("<BBHBBBB", entry, kind, 0, _ISA_BUS, irq, apic, pin)
