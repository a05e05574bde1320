"""The 16550A as its drivers probe and use it."""

from __future__ import annotations

import json

import pytest

from hw.devices.uart import Uart16550

RBR = THR = DLL = 0x3F8
IER = DLM = 0x3F9
IIR = FCR = 0x3FA
LCR, MCR, LSR, MSR, SCR = range(0x3FB, 0x400)


class Pc:
    def __init__(self, ports, line) -> None:
        self.sent = bytearray()
        self.irq4 = line
        self.uart = Uart16550(self.sent.extend, line)
        bus = ports(self.uart)
        self.inb, self.outb = bus.inb, bus.outb

    def fifo(self, trigger: int = 0) -> None:
        self.outb(FCR, 7 | trigger << 6)


@pytest.fixture
def pc(ports, line) -> Pc:
    return Pc(ports, line)


def test_a_driver_sets_115200_and_prints(pc) -> None:
    pc.outb(IER, 0)
    pc.outb(LCR, 0x80)
    pc.outb(DLL, 1)
    pc.outb(DLM, 0)
    assert pc.inb(DLL) == 1 and pc.inb(DLM) == 0 and pc.uart.baud == 115200
    pc.outb(LCR, 3)
    assert pc.inb(LCR) == 3 and pc.inb(IER) == 0
    for char in b"hello\n":
        assert pc.inb(LSR) & 0x20
        pc.outb(THR, char)
    assert pc.sent == b"hello\n" and pc.inb(LSR) == 0x60


def test_scratch_and_fifo_probe(pc) -> None:
    for value in (0xAE, 0x55, 0):
        pc.outb(SCR, value)
        assert pc.inb(SCR) == value
    assert pc.inb(IIR) == 1
    pc.outb(FCR, 1)
    assert pc.inb(IIR) == 0xC1
    pc.outb(FCR, 0)
    assert pc.inb(IIR) == 1
    pc.outb(IER, 0xFF)
    assert pc.inb(IER) == 0x0F
    assert pc.inb(MSR) == 0xB0


def test_loopback(pc) -> None:
    pc.outb(MCR, 0x1E)
    pc.outb(THR, 0xAE)
    assert pc.sent == b"" and pc.inb(LSR) & 1 and pc.inb(RBR) == 0xAE
    pc.inb(MSR)
    for mcr, msr in ((0x1A, 0x90), (0x10, 0x00), (0x11, 0x20), (0x12, 0x10), (0x14, 0x40), (0x18, 0x80)):
        pc.outb(MCR, mcr)
        assert pc.inb(MSR) & 0xF0 == msr, hex(mcr)
    pc.outb(MCR, 0x10)
    pc.inb(MSR)
    pc.outb(MCR, 0x14)
    assert pc.inb(MSR) == 0x40, "the ring indicator counts at its end"
    pc.outb(MCR, 0x11)
    assert pc.inb(MSR) == 0x26
    pc.outb(MCR, 0xFF)
    assert pc.inb(MCR) == 0x1F


def test_overrun_in_loopback(pc) -> None:
    pc.outb(MCR, 0x10)
    pc.outb(IER, 4)
    pc.outb(THR, 1)
    assert not pc.irq4.level
    pc.outb(THR, 2)
    assert pc.irq4.level and pc.inb(IIR) == 6
    assert pc.inb(LSR) == 0x63 and pc.inb(LSR) == 0x61 and not pc.irq4.level
    assert pc.inb(RBR) == 2
    pc.fifo()
    for value in range(17):
        pc.outb(THR, value)
    assert pc.inb(LSR) & 2 and [pc.inb(RBR) for _ in range(16)] == list(range(16))
    assert pc.inb(LSR) == 0x60


def test_receiving_without_fifo(pc) -> None:
    pc.outb(IER, 1)
    pc.uart.feed(b"ab")
    assert pc.irq4.take_rises() == 1 and pc.inb(IIR) == 4 and pc.inb(LSR) == 0x61
    assert pc.inb(RBR) == ord("a")
    assert pc.irq4.take_rises() == 1, "the next byte is a new edge"
    assert pc.inb(RBR) == ord("b") and not pc.irq4.level and pc.inb(LSR) == 0x60


def test_receiving_with_fifo_and_trigger(pc) -> None:
    pc.fifo(trigger=1)
    pc.outb(IER, 1)
    pc.uart.feed(b"123")
    assert pc.inb(IIR) == 0xCC, "below the trigger the timeout speaks"
    pc.uart.feed(b"4567890123456789")
    assert pc.inb(IIR) == 0xC4 and len(pc.uart.waiting) == 3
    read = bytearray()
    while pc.inb(LSR) & 1:
        read.append(pc.inb(RBR))
    assert read == b"1234567890123456789" and pc.inb(IIR) == 0xC1
    pc.uart.feed(b"xyz")
    pc.outb(FCR, 3)
    assert pc.inb(LSR) == 0x60, "FIFO reset"


def test_transmitter_interrupt(pc) -> None:
    pc.outb(IER, 2)
    assert pc.irq4.level and pc.inb(IIR) == 2 and not pc.irq4.level, "reading the IIR takes it back"
    assert pc.inb(IIR) == 1
    pc.irq4.take_rises()
    pc.outb(THR, 65)
    pc.outb(THR, 66)
    assert pc.irq4.rises == 2 and pc.irq4.level
    pc.outb(IER, 0)
    assert not pc.irq4.level


def test_interrupt_priorities(pc) -> None:
    pc.outb(MCR, 0x10)
    pc.outb(IER, 0x0F)
    pc.outb(THR, 1)
    pc.outb(THR, 2)
    order = []
    for act in (LSR, RBR, IIR, MSR):
        order.append(pc.inb(IIR) if act != IIR else 2)
        pc.inb(act)
    assert order == [6, 4, 2, 0] and pc.inb(IIR) == 1


def test_output_does_not_depend_on_out2(pc) -> None:
    pc.outb(MCR, 0)
    pc.outb(IER, 1)
    pc.uart.feed(b"x")
    assert pc.irq4.level


def test_state(pc, ports, line) -> None:
    pc.fifo()
    pc.outb(IER, 5)
    pc.outb(SCR, 77)
    pc.uart.feed(b"a" * 20)
    other = Pc(ports, line)
    other.uart.load_state(json.loads(json.dumps(pc.uart.state())))
    assert other.uart.state() == pc.uart.state() and other.inb(SCR) == 77 and other.inb(IIR) == 0xC4


def test_reset(pc) -> None:
    pc.outb(IER, 1)
    pc.uart.feed(b"x")
    pc.uart.reset()
    assert not pc.irq4.level and pc.inb(LSR) == 0x60 and pc.inb(IER) == 0
