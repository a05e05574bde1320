"""The I/O APIC: its registers, edges and levels, where interrupts go."""

from __future__ import annotations

import json

import pytest

from hw.devices.ioapic import IoApic
from hw.devices.lapic import ApicBus, LocalApic

SVR, EOI, LDR, TPR = 0xF0, 0xB0, 0xD0, 0x80


class Pc:
    def __init__(self, clock, line_type) -> None:
        self.delivered: list[tuple[int, str, int]] = []
        self.bus = ApicBus(lambda *what: self.delivered.append(what))
        self.lines = [line_type() for _ in range(4)]
        self.apics = [LocalApic(n, clock, self.bus, self.lines[n], external=lambda: 0x20) for n in range(4)]
        for apic in self.apics:
            apic.mmio_write(SVR, 4, 0x1FF)
        self.io = IoApic(self.bus, apic_id=4)
        self.pins = [self.io.irq(pin) for pin in range(24)]

    def read(self, register: int) -> int:
        self.io.mmio_write(0, 4, register)
        return self.io.mmio_read(0x10, 4)

    def write(self, register: int, value: int) -> None:
        self.io.mmio_write(0, 4, register)
        self.io.mmio_write(0x10, 4, value)

    def route(self, pin: int, low: int, destination: int = 0) -> None:
        self.write(0x11 + 2 * pin, destination << 24)
        self.write(0x10 + 2 * pin, low)

    def entry(self, pin: int) -> int:
        return self.read(0x10 + 2 * pin)

    def pulse(self, pin: int) -> None:
        self.pins[pin](True)
        self.pins[pin](False)

    def take(self, cpu: int = 0) -> int | None:
        return self.apics[cpu].acknowledge() if self.lines[cpu].level else None

    def end(self, cpu: int = 0) -> None:
        self.apics[cpu].mmio_write(EOI, 4, 0)

    def all(self) -> list[int]:
        taken = []
        for cpu in range(4):
            while (vector := self.take(cpu)) is not None:
                taken.append((cpu, vector))
                self.end(cpu)
        return taken


@pytest.fixture
def pc(clock, line) -> Pc:
    return Pc(clock, type(line))


def test_registers(pc) -> None:
    assert pc.read(0) == 4 << 24 and pc.read(1) == 0x0017_0011 and pc.read(2) == 4 << 24
    assert all(pc.entry(pin) == 0x1_0000 and pc.read(0x11 + 2 * pin) == 0 for pin in range(24))
    pc.write(0x10, 0xFFFF_FFFF)
    pc.write(0x11, 0xFFFF_FFFF)
    assert pc.entry(0) == 0x1_AFFF and pc.read(0x11) == 0xFF00_0000
    pc.write(1, 0)
    pc.write(0, 0x0900_0000)
    assert pc.read(1) == 0x0017_0011 and pc.read(0) == 0x0900_0000
    assert pc.read(0x40) == pc.read(0x0F) == 0
    pc.write(0x40, 5)
    pc.io.mmio_write(0, 1, 1)
    assert pc.io.mmio_read(0, 4) == 1 and pc.io.mmio_read(0x12, 1) == 0x17 and pc.io.mmio_read(0x20, 4) == 0


def test_edges(pc) -> None:
    pc.route(4, 0x34)
    pc.pulse(4)
    pc.pulse(4)
    assert pc.all() == [(0, 0x34)], "one request, however often, until it is taken"
    pc.pins[4](True)
    assert pc.all() == [(0, 0x34)]
    pc.pins[4](True)
    assert pc.all() == [], "still high"


def test_an_edge_at_a_masked_pin_is_lost(pc) -> None:
    pc.route(4, 0x1_0034)
    pc.pins[4](True)
    pc.route(4, 0x34)
    assert pc.all() == []
    pc.pins[4](False)
    pc.pins[4](True)
    assert pc.all() == [(0, 0x34)]


def test_levels_come_again_until_they_fall(pc) -> None:
    pc.route(9, 0x8039)
    pc.pins[9](True)
    assert pc.entry(9) == 0xC039 and pc.take() == 0x39
    pc.pins[9](False)
    pc.pins[9](True)
    assert pc.take() is None, "remote IRR holds it back until EOI"
    pc.end()
    assert pc.take() == 0x39
    pc.pins[9](False)
    pc.end()
    assert pc.take() is None and pc.entry(9) == 0x8039


def test_a_level_waits_at_a_masked_pin(pc) -> None:
    pc.route(9, 0x1_8039)
    pc.pins[9](True)
    assert pc.take() is None
    pc.route(9, 0x8039)
    assert pc.take() == 0x39
    pc.route(9, 0x0039)
    assert pc.entry(9) == 0x0039, "as an edge it has no remote IRR"


def test_two_pins_share_a_vector(pc) -> None:
    pc.route(9, 0x8039)
    pc.route(10, 0x8039)
    pc.pins[9](True)
    pc.pins[10](True)
    assert pc.take() == 0x39
    pc.pins[9](False)
    pc.end()
    assert pc.take() == 0x39, "the other one"


def test_destinations(pc) -> None:
    pc.route(1, 0x41, 2)
    pc.pulse(1)
    assert pc.all() == [(2, 0x41)]
    for n, apic in enumerate(pc.apics):
        apic.mmio_write(LDR, 4, 1 << 24 + n)
    pc.route(1, 0x842, 0b0110)
    pc.pulse(1)
    assert pc.all() == [(1, 0x42), (2, 0x42)]
    pc.apics[1].mmio_write(TPR, 4, 0x20)
    pc.route(1, 0x943, 0b0110)
    pc.pulse(1)
    assert pc.all() == [(2, 0x43)]
    pc.route(1, 0x44, 0xFF)
    pc.pulse(1)
    assert pc.all() == [(n, 0x44) for n in range(4)]
    pc.route(1, 0x44, 9)
    pc.pulse(1)
    assert pc.all() == []


def test_other_kinds(pc) -> None:
    pc.route(3, 0x400, 1)
    pc.pulse(3)
    pc.route(3, 0x500, 2)
    pc.pulse(3)
    pc.route(3, 0x600, 2)
    pc.pulse(3)
    assert pc.delivered == [(1, "nmi", 0), (2, "init", 0)]
    pc.route(0, 0x700, 0)
    pc.pulse(0)
    assert pc.take() == 0x20 and pc.take() is None


def test_a_level_that_nobody_took_is_sent_again(pc) -> None:
    pc.route(9, 0x8039, 3)
    pc.apics[3].mmio_write(SVR, 4, 0xFF)
    pc.pins[9](True)
    assert pc.entry(9) == 0x8039
    pc.apics[3].mmio_write(SVR, 4, 0x1FF)
    pc.route(9, 0x8039, 3)
    assert pc.take(3) == 0x39


def test_no_such_pin(pc) -> None:
    with pytest.raises(ValueError):
        pc.io.irq(24)


def test_state_and_reset(pc, clock, line) -> None:
    pc.route(9, 0x8039, 3)
    pc.pins[9](True)
    other = Pc(clock, type(line))
    other.io.load_state(json.loads(json.dumps(pc.io.state())))
    assert other.entry(9) == 0xC039 and other.io.state() == pc.io.state()
    pc.io.reset()
    assert pc.entry(9) == 0x1_0000 and pc.read(0) == 4 << 24
