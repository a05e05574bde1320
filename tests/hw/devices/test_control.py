"""Reset and A20 ports, PCI configuration space."""

from __future__ import annotations

from hw.devices.control import ResetControl, SystemControl
from hw.devices.pci import PciHost


def test_port_92(ports) -> None:
    gates, resets = [], []
    control = SystemControl(gates.append, lambda: resets.append(1))
    bus = ports(control)
    assert bus.inb(0x92) == 2
    bus.outb(0x92, bus.inb(0x92) | 2)
    assert gates == []
    bus.outb(0x92, 0)
    bus.outb(0x92, 2)
    assert gates == [False, True] and resets == []
    bus.outb(0x92, 3)
    bus.outb(0x92, 3)
    assert resets == [1] and bus.inb(0x92) == 3
    control.reset()
    assert bus.inb(0x92) == 2


def test_port_cf9_beside_pci(ports) -> None:
    resets = []
    bus = ports(ResetControl(lambda: resets.append(1)), PciHost())
    bus.outb(0xCF9, 2)
    assert resets == [] and bus.inb(0xCF9) == 2
    bus.outb(0xCF9, 6)
    assert resets == [1]
    bus.outb(0xCF9, 6)
    assert resets == [1]
    bus.outl(0xCF8, 0x8000_0004)
    assert bus.inl(0xCF8) == 0x8000_0004 and bus.inb(0xCF9) == 6


def test_a_probe_of_pci(ports) -> None:
    pci = PciHost()
    bus = ports(pci)
    bus.outl(0xCF8, 0x8000_0000)
    assert bus.inl(0xCF8) == 0x8000_0000 and bus.inl(0xCFC) == 0x1237_8086
    assert bus.inw(0xCFC) == 0x8086 and bus.inw(0xCFE) == 0x1237 and bus.inb(0xCFF) == 0x12
    bus.outl(0xCF8, 0x8000_0008)
    assert bus.inl(0xCFC) >> 8 == 0x06_0000
    bus.outl(0xCF8, 0x8000_000C)
    assert bus.inl(0xCFC) == 0
    bus.outl(0xCFC, 0xFFFF_FFFF)
    assert bus.inl(0xCFC) == 0
    found = []
    for address in range(0x8000_0000, 0x8010_0000, 0x100):
        bus.outl(0xCF8, address)
        if bus.inl(0xCFC) != 0xFFFF_FFFF:
            found.append(address)
    assert found == [0x8000_0000]
    bus.outl(0xCF8, 0)
    assert bus.inl(0xCFC) == 0xFFFF_FFFF, "not enabled"
    bus.outb(0xCF8, 0x80)
    assert bus.inl(0xCF8) == 0 and bus.inb(0xCF8) == 0xFF
    bus.outl(0xCF8, 0x8000_0000)
    other = PciHost()
    other.load_state(pci.state())
    assert ports(other).inw(0xCFC) == 0x8086
