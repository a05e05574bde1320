"""The 8259 pair as a driver sees it, and its priorities against a plain reference."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.devices.pic import Pic8259Pair


class Pc:
    def __init__(self, ports, line) -> None:
        self.intr = line
        self.pic = Pic8259Pair(line)
        self.bus = ports(self.pic)
        self.irqs = {n: self.pic.irq(n) for n in range(16) if n != 2}

    def init(self, icw4: int = 1, mask: int = 0) -> None:
        for base, vector, icw3 in ((0x20, 0x20, 4), (0xA0, 0x28, 2)):
            self.bus.outb(base, 0x11)
            self.bus.outb(base + 1, vector)
            self.bus.outb(base + 1, icw3)
            self.bus.outb(base + 1, icw4)
            self.bus.outb(base + 1, mask)

    def pulse(self, n: int) -> None:
        self.irqs[n](False)
        self.irqs[n](True)


@pytest.fixture
def pc(ports, line) -> Pc:
    made = Pc(ports, line)
    made.init()
    return made


def test_nothing_before_initialisation(ports, line) -> None:
    pc = Pc(ports, line)
    pc.pulse(1)
    assert not line.level and pc.bus.inb(0x21) == 0xFF
    pc.init()
    assert not line.level, "ICW1 forgets the edge"
    pc.pulse(1)
    assert line.level and pc.pic.acknowledge() == 0x21


def test_the_mask_reads_back_and_masks(pc) -> None:
    pc.bus.outb(0x21, 0xFD)
    pc.bus.outb(0xA1, 0xEF)
    assert (pc.bus.inb(0x21), pc.bus.inb(0xA1)) == (0xFD, 0xEF)
    pc.pulse(0)
    assert not pc.intr.level and pc.bus.inb(0x20) == 1, "masked, but requested"
    pc.bus.outb(0x21, 0xFC)
    assert pc.intr.level and pc.pic.acknowledge() == 0x20


def test_icw3_and_icw4_are_asked_for_when_icw1_says_so(pc) -> None:
    for icw1, words in ((0x12, 1), (0x13, 2), (0x10, 2), (0x11, 3)):
        pc.bus.outb(0x20, icw1)
        for word in (0x40, 4, 1)[:words]:
            pc.bus.outb(0x21, word)
        pc.bus.outb(0x21, 0xA5)
        assert pc.bus.inb(0x21) == 0xA5, hex(icw1)


def test_priorities_nesting_and_eoi(pc) -> None:
    pc.pulse(4)
    pc.pulse(3)
    assert pc.pic.acknowledge() == 0x23
    assert not pc.intr.level, "4 waits behind 3"
    pc.pulse(1)
    assert pc.intr.level and pc.pic.acknowledge() == 0x21
    pc.bus.outb(0x20, 0x0B)
    assert pc.bus.inb(0x20) == 0b1010
    pc.bus.outb(0x20, 0x20)
    assert pc.bus.inb(0x20) == 0b1000 and not pc.intr.level
    pc.bus.outb(0x20, 0x63)
    assert pc.bus.inb(0x20) == 0 and pc.intr.level and pc.pic.acknowledge() == 0x24
    pc.bus.outb(0x20, 0x0A)
    assert pc.bus.inb(0x20) == 0, "an acknowledged edge is no request"


def test_the_slave(pc) -> None:
    pc.pulse(14)
    assert pc.bus.inb(0xA0) == 0x40 and pc.bus.inb(0x20) == 4
    assert pc.pic.acknowledge() == 0x2E
    pc.pulse(8)
    assert not pc.intr.level, "the cascade is in service at the master"
    pc.pulse(1)
    assert pc.pic.acknowledge() == 0x21
    pc.bus.outb(0x20, 0x61)
    pc.bus.outb(0xA0, 0x20)
    pc.bus.outb(0x20, 0x62)
    assert pc.intr.level and pc.pic.acknowledge() == 0x28


def test_special_fully_nested_mode_lets_the_slave_nest(pc) -> None:
    pc.init(icw4=0x11)
    pc.pulse(14)
    assert pc.pic.acknowledge() == 0x2E
    pc.pulse(3)
    assert not pc.intr.level, "lower than the cascade"
    pc.pulse(8)
    assert pc.intr.level and pc.pic.acknowledge() == 0x28


def test_spurious_interrupts(pc) -> None:
    pc.pulse(5)
    pc.irqs[5](False)
    assert not pc.intr.level and pc.pic.acknowledge() == 0x27
    pc.bus.outb(0x20, 0x0B)
    assert pc.bus.inb(0x20) == 0, "IRQ 7 is not in service: so a driver knows"
    pc.pulse(10)
    pc.pic.slave.set_line(2, False)  # gone after the master has seen it
    assert pc.pic.acknowledge() == 0x2F
    pc.bus.outb(0xA0, 0x0B)
    assert pc.bus.inb(0xA0) == 0 and pc.bus.inb(0x20) == 4, "the master needs its EOI"


def test_level_triggered(pc) -> None:
    pc.bus.outb(0x4D0, 0xFF)
    pc.bus.outb(0x4D1, 0xFF)
    assert (pc.bus.inb(0x4D0), pc.bus.inb(0x4D1)) == (0xF8, 0xDE)
    pc.irqs[11](True)
    for _ in range(2):
        assert pc.intr.level and pc.pic.acknowledge() == 0x2B
        pc.bus.outb(0xA0, 0x20)
        pc.bus.outb(0x20, 0x20)
    pc.irqs[11](False)
    assert not pc.intr.level


def test_an_edge_comes_once(pc) -> None:
    pc.pulse(6)
    assert pc.pic.acknowledge() == 0x26
    pc.bus.outb(0x20, 0x20)
    assert not pc.intr.level
    pc.pulse(6)
    assert pc.intr.level


def test_automatic_eoi_and_rotation(pc) -> None:
    pc.init(icw4=3)
    pc.pulse(1)
    assert pc.pic.acknowledge() == 0x21
    pc.bus.outb(0x20, 0x0B)
    assert pc.bus.inb(0x20) == 0
    pc.bus.outb(0x20, 0x80)
    pc.pulse(1)
    assert pc.pic.acknowledge() == 0x21, "1 is the lowest from now on"
    pc.pulse(1)
    pc.pulse(0)
    pc.pulse(5)
    assert [pc.pic.acknowledge() for _ in range(3)] == [0x25, 0x20, 0x21]


def test_rotation_by_command(pc) -> None:
    pc.bus.outb(0x20, 0xC4)  # 4 lowest: 5 is the highest
    for n in (0, 4, 5):
        pc.pulse(n)
    assert pc.pic.acknowledge() == 0x25
    pc.bus.outb(0x20, 0xA0)  # rotate on non-specific EOI: now 6 is the highest, 5 the lowest
    assert pc.pic.acknowledge() == 0x20
    pc.bus.outb(0x20, 0xE0)
    assert pc.pic.acknowledge() == 0x24


def test_special_mask_mode(pc) -> None:
    pc.pulse(1)
    assert pc.pic.acknowledge() == 0x21
    pc.pulse(4)
    assert not pc.intr.level
    pc.bus.outb(0x21, 2)
    pc.bus.outb(0x20, 0x68)
    assert pc.intr.level and pc.pic.acknowledge() == 0x24
    pc.bus.outb(0x20, 0x20)
    pc.bus.outb(0x20, 0x0B)
    assert pc.bus.inb(0x20) == 2, "a non-specific EOI leaves the masked level in service"
    pc.bus.outb(0x20, 0x48)
    pc.bus.outb(0x20, 0x20)
    assert pc.bus.inb(0x20) == 0


def test_poll(pc) -> None:
    pc.bus.outb(0x20, 0x0C)
    assert pc.bus.inb(0x20) == 0
    pc.pulse(12)
    pc.pulse(9)
    pc.bus.outb(0x20, 0x0C)
    assert pc.bus.inb(0x20) == 0x82 and not pc.intr.level
    pc.bus.outb(0xA0, 0x0C)
    assert pc.bus.inb(0xA0) == 0x81
    pc.bus.outb(0xA0, 0x20)
    pc.bus.outb(0x20, 0x20)
    assert pc.intr.level and pc.pic.acknowledge() == 0x2C, "the second one is a new edge at the master"


def test_there_is_no_irq_2(pc) -> None:
    for n in (2, 16, -1):
        with pytest.raises(ValueError):
            pc.pic.irq(n)


def test_reset(pc) -> None:
    pc.pulse(3)
    pc.pic.acknowledge()
    pc.pulse(4)
    pc.pic.reset()
    assert not pc.intr.level and pc.bus.inb(0x21) == 0xFF and pc.pic.master.in_service == 0
    pc.init()
    pc.irqs[4](True)
    assert not pc.intr.level, "it was asserted before: no edge"


def test_state(pc, ports, line) -> None:
    pc.pulse(9)
    pc.pulse(3)
    pc.pic.acknowledge()
    other = Pc(ports, line)
    other.pic.load_state(json.loads(json.dumps(pc.pic.state())))
    assert other.pic.state() == pc.pic.state()
    assert other.pic.acknowledge() == pc.pic.acknowledge()


class Reference:
    """One controller in fully nested edge mode, by the letter: a list of levels from highest to lowest."""

    def __init__(self) -> None:
        self.order = list(range(8))
        self.requested: set[int] = set()
        self.serving: set[int] = set()
        self.masked: set[int] = set()

    def due(self) -> int | None:
        for level in self.order:
            if level in self.serving:
                return None
            if level in self.requested and level not in self.masked:
                return level
        return None

    def rotate(self, lowest: int) -> None:
        while self.order[-1] != lowest:
            self.order.append(self.order.pop(0))

    def end(self, level: int | None, rotate: bool) -> None:
        if level is None:
            level = next((each for each in self.order if each in self.serving), None)
        if level is not None:
            self.serving.discard(level)
            if rotate:
                self.rotate(level)


STEPS = st.one_of(
    st.tuples(st.just("raise"), st.integers(0, 7)), st.tuples(st.just("lower"), st.integers(0, 7)),
    st.tuples(st.just("ack"), st.just(0)), st.tuples(st.just("eoi"), st.sampled_from([0x20, 0xA0])),
    st.tuples(st.just("eoi"), st.integers(0x60, 0x67)), st.tuples(st.just("eoi"), st.integers(0xE0, 0xE7)),
    st.tuples(st.just("lowest"), st.integers(0, 7)), st.tuples(st.just("mask"), st.integers(0, 255)),
)


@given(st.lists(STEPS, max_size=60))
def test_priorities_equal_the_reference(steps) -> None:
    pair = Pic8259Pair(lambda level: None)
    for port, value in ((0x20, 0x11), (0x21, 0x20), (0x21, 4), (0x21, 1), (0xA1, 0)):
        pair.port_write(port, 1, value)
    setters = {n: pair.irq(n) for n in range(8) if n != 2}
    reference, lines = Reference(), set()
    for what, value in steps:
        if what in ("raise", "lower") and value == 2:
            continue
        if what == "raise":
            setters[value](True)
            if value not in lines:
                reference.requested.add(value)
            lines.add(value)
        elif what == "lower":
            setters[value](False)
            reference.requested.discard(value)
            lines.discard(value)
        elif what == "ack":
            due = reference.due()
            assert pair.acknowledge() == 0x20 + (7 if due is None else due)
            if due is not None:
                reference.requested.discard(due)
                reference.serving.add(due)
        elif what == "eoi":
            pair.port_write(0x20, 1, value)
            reference.end(value & 7 if value & 0x40 else None, bool(value & 0x80))
        elif what == "lowest":
            pair.port_write(0x20, 1, 0xC0 | value)
            reference.rotate(value)
        else:
            pair.port_write(0x21, 1, value)
            reference.masked = {n for n in range(8) if value >> n & 1}
        assert pair.master.level() == reference.due()
        assert pair.master.in_service == sum(1 << n for n in reference.serving)
