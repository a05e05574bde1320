"""The 8254: rates, modes, latches, gates, and its counters against one that counts clock by clock."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.devices.pit import PIT_HZ, Channel, Pit8254, ns_of, tick_of

SECOND = 1_000_000_000


class Pc:
    def __init__(self, ports, clock, line) -> None:
        self.clock, self.irq0 = clock, line
        self.pit = Pit8254(clock, line)
        self.bus = ports(self.pit)
        self.irq0.take_rises()

    def program(self, channel: int, mode: int, count: int, bcd: int = 0) -> None:
        self.bus.outb(0x43, channel << 6 | 0x30 | mode << 1 | bcd)
        self.bus.outb(0x40 + channel, count & 0xFF)
        self.bus.outb(0x40 + channel, count >> 8 & 0xFF)

    def read(self, channel: int) -> int:
        low = self.bus.inb(0x40 + channel)
        return low | self.bus.inb(0x40 + channel) << 8

    def latched(self, channel: int) -> int:
        self.bus.outb(0x43, channel << 6)
        return self.read(channel)

    def ticks(self, count: int) -> None:
        self.clock.run(ns_of(tick_of(self.clock.now) + count) - self.clock.now)

    @property
    def out2(self) -> int:
        return self.bus.inb(0x61) >> 5 & 1


@pytest.fixture
def pc(ports, clock, line) -> Pc:
    return Pc(ports, clock, line)


def test_clocks_and_nanoseconds() -> None:
    for tick in (*range(2000), 10**12 + 7):
        assert tick_of(ns_of(tick)) == tick and (tick == 0 or tick_of(ns_of(tick) - 1) == tick - 1)


def test_nothing_is_armed_until_it_is_programmed(pc) -> None:
    assert pc.clock.idle
    pc.clock.run(SECOND)
    assert pc.irq0.rises == 0


@pytest.mark.parametrize("mode", [2, 3])
@pytest.mark.parametrize("hz", [19, 100, 1000])
def test_the_rate_of_the_timer_interrupt(pc, mode: int, hz: int) -> None:
    divisor = PIT_HZ // hz
    pc.program(0, mode, divisor)
    pc.clock.run(SECOND)
    pc.irq0.take_rises()
    pc.clock.run(10 * SECOND)
    assert pc.irq0.take_rises() in {10 * PIT_HZ // divisor, 10 * PIT_HZ // divisor + 1}


def test_a_count_of_zero_is_the_largest(pc) -> None:
    pc.program(0, 2, 0)
    pc.irq0.take_rises()
    pc.ticks(65536)
    assert pc.irq0.rises == 0
    pc.ticks(1)
    assert pc.irq0.rises == 1
    pc.program(0, 2, 0, bcd=1)
    pc.irq0.take_rises()
    pc.ticks(10_001)
    assert pc.irq0.rises == 1


def test_mode_0_interrupts_once(pc) -> None:
    pc.program(0, 0, 100)
    assert not pc.irq0.level
    pc.ticks(100)
    assert not pc.irq0.level and pc.latched(0) == 1
    pc.ticks(1)
    assert pc.irq0.level and pc.clock.idle and pc.latched(0) == 0
    pc.ticks(1)
    assert pc.latched(0) == 0xFFFF, "it counts on"
    pc.bus.outb(0x40, 50)
    assert not pc.irq0.level, "the first byte of a new count lowers the output"
    pc.bus.outb(0x40, 0)
    pc.ticks(51)
    assert pc.irq0.level


def test_counting_down_and_latching(pc) -> None:
    pc.program(0, 2, 1000)
    pc.ticks(1)
    assert pc.read(0) == 1000
    pc.ticks(300)
    pc.bus.outb(0x43, 0)
    pc.ticks(10)
    pc.bus.outb(0x43, 0)
    assert pc.read(0) == 700, "the second latch command is ignored"
    assert pc.read(0) == 690
    pc.ticks(689)
    assert pc.latched(0) == 1
    pc.ticks(1)
    assert pc.latched(0) == 1000


def test_square_wave(pc) -> None:
    pc.bus.outb(0x61, 1)
    for count, values in ((6, [6, 4, 2, 6, 4, 2]), (5, [4, 2, 0, 4, 2])):
        pc.program(2, 3, count)
        seen = []
        for _ in range(2 * count):
            pc.ticks(1)
            seen.append((pc.latched(2), pc.out2))
        high = (count + 1) // 2
        assert seen == 2 * [(value, int(at < high)) for at, value in enumerate(values)]


def test_bytes_alone(pc) -> None:
    pc.bus.outb(0x43, 0x14)  # channel 0, low byte, mode 2
    pc.bus.outb(0x40, 200)
    pc.ticks(11)
    assert pc.bus.inb(0x40) == pc.bus.inb(0x40) == 190
    pc.bus.outb(0x43, 0x24)  # high byte
    pc.bus.outb(0x40, 2)
    pc.ticks(2)
    assert pc.bus.inb(0x40) == 1
    pc.bus.outb(0x43, 0)
    assert pc.bus.inb(0x40) == 1


def test_bcd(pc) -> None:
    pc.program(0, 2, 0x1234, bcd=1)
    pc.ticks(1)
    assert pc.read(0) == 0x1234
    pc.ticks(35)
    assert pc.read(0) == 0x1199


def test_read_back(pc) -> None:
    pc.program(0, 2, 1000)
    pc.program(1, 3, 18)
    pc.bus.outb(0x43, 0xE2)  # status of channel 0, its count is not loaded yet
    assert pc.bus.inb(0x40) == 0x80 | 0x40 | 0x34
    pc.ticks(101)
    pc.bus.outb(0x43, 0xC6)  # status and count of 0 and 1
    pc.ticks(5)
    assert pc.bus.inb(0x40) == 0xB4 and pc.read(0) == 900
    assert pc.bus.inb(0x41) & 0x7F == 0x36
    assert pc.read(1) <= 18
    pc.bus.outb(0x43, 0xD2)  # count of 0 only
    assert pc.read(0) == 895
    pc.program(0, 0, 10)
    pc.ticks(5)
    pc.bus.outb(0x43, 0xE2)
    assert pc.bus.inb(0x40) == 0x30, "mode 0 has its output low"


def test_a_new_count_waits_for_the_end_of_the_period(pc) -> None:
    pc.program(0, 2, 1000)
    pc.ticks(501)
    pc.bus.outb(0x40, 100)
    pc.bus.outb(0x40, 0)
    pc.bus.outb(0x43, 0xE2)
    assert pc.bus.inb(0x40) == 0xF4, "null count"
    pc.irq0.take_rises()
    pc.ticks(499)
    assert pc.latched(0) == 1 and pc.irq0.rises == 0
    pc.ticks(1)
    assert pc.latched(0) == 100 and pc.irq0.take_rises() == 1
    pc.ticks(1000)
    assert pc.irq0.take_rises() == 10


def test_the_speaker_channel_as_calibration_loops_use_it(pc) -> None:
    pc.bus.outb(0x61, pc.bus.inb(0x61) & ~2 | 1)
    pc.program(2, 0, 11931)  # 10 ms
    started = pc.clock.now
    assert not pc.clock.idle, "time passes while somebody polls"
    while not pc.out2:
        pc.clock.run(1000)
    assert abs(pc.clock.now - started - 10_000_000) < 3000
    assert pc.clock.idle


def test_the_gate(pc) -> None:
    pc.bus.outb(0x61, 0)
    pc.program(2, 0, 100)
    pc.ticks(500)
    assert not pc.out2 and pc.latched(2) == 100
    pc.bus.outb(0x61, 1)
    pc.ticks(60)
    pc.bus.outb(0x61, 0)
    pc.ticks(60)
    assert pc.latched(2) == 40
    pc.bus.outb(0x61, 3)
    pc.ticks(40)
    assert pc.out2 and pc.bus.inb(0x61) & 0xF == 3
    pc.program(2, 2, 100)
    pc.ticks(31)
    pc.bus.outb(0x61, 0)
    pc.bus.outb(0x61, 1)
    pc.ticks(1)
    assert pc.latched(2) == 100, "the rise of the gate starts mode 2 anew"


def test_one_shot_and_strobes(pc) -> None:
    pc.program(2, 1, 10)
    pc.ticks(50)
    assert pc.out2, "it waits for the gate"
    pc.bus.outb(0x61, 1)
    pc.ticks(1)
    assert not pc.out2
    pc.ticks(9)
    assert not pc.out2
    pc.ticks(1)
    assert pc.out2
    pc.program(2, 4, 10)
    low = []
    for _ in range(30):
        pc.ticks(1)
        low.append(pc.out2)
    assert low.index(0) == 10 and low.count(0) == 1
    pc.program(2, 5, 10)
    pc.bus.outb(0x61, 0)
    pc.bus.outb(0x61, 1)
    low = []
    for _ in range(30):
        pc.ticks(1)
        low.append(pc.out2)
    assert low.index(0) == 10 and low.count(0) == 1


def test_modes_6_and_7_are_2_and_3(pc) -> None:
    pc.program(0, 6, 1000)
    assert pc.pit.channels[0].mode == 2
    pc.program(0, 7, 1000)
    assert pc.pit.channels[0].mode == 3 and pc.bus.inb(0x43) == 0xFF


def test_a_new_count_in_a_one_shot_waits_for_its_trigger(pc) -> None:
    pc.program(2, 1, 10)
    assert pc.latched(2) == 0
    for gate in (1, 0):
        pc.bus.outb(0x61, gate)
    assert pc.latched(2) == 10, "about to be loaded"
    pc.ticks(4)
    pc.bus.outb(0x42, 20)
    pc.bus.outb(0x42, 0)
    pc.ticks(6)
    assert not pc.out2
    pc.ticks(1)
    assert pc.out2
    pc.bus.outb(0x61, 1)
    pc.ticks(20)
    assert not pc.out2
    pc.ticks(1)
    assert pc.out2


def test_the_refresh_bit_toggles(pc) -> None:
    seen = []
    pc.clock.run(7000)
    for _ in range(10):
        seen.append(pc.bus.inb(0x61) >> 4 & 1)
        pc.clock.run(15_085)
    assert seen == [0, 1] * 5


def test_state(pc, ports, clock, line) -> None:
    pc.program(0, 3, 1001)
    pc.program(2, 0, 5000)
    pc.bus.outb(0x61, 1)
    pc.ticks(777)
    pc.bus.outb(0x43, 0xC2)
    other = Pc(ports, clock, line)
    other.pit.load_state(json.loads(json.dumps(pc.pit.state())))
    for each in (pc, other):
        each.pit.irq = line.__class__()
    pc.ticks(3000)
    assert pc.pit.irq.rises == other.pit.irq.rises > 0
    assert [other.bus.inb(0x40) for _ in range(5)] == [pc.bus.inb(0x40) for _ in range(5)]
    assert other.latched(2) == pc.latched(2)


class Counter:
    """A counter that really counts, one clock at a time: modes 0, 2, 3 and 4 with the gate high."""

    def __init__(self, mode: int) -> None:
        self.mode, self.out = mode, mode != 0
        self.value = self.count = 0
        self.running, self.load = False, False
        self.next: int | None = None

    def write(self, count: int) -> None:
        self.next = count
        if self.mode in (0, 4) or not self.running:
            self.load = True
            if self.mode == 0:
                self.out = False

    def clock(self) -> None:
        if self.load:
            self.count, self.next, self.load, self.running = self.next, None, False, True
            self.value = self.count & ~1 if self.mode == 3 else self.count
            if self.mode == 4:
                self.out = True
            return
        if not self.running:
            return
        if self.mode in (0, 4):
            self.value = (self.value - 1) % 65536
            if self.mode == 4:
                self.out = self.value != 0
            elif self.value == 0:
                self.out = True
        elif self.mode == 2:
            self.value -= 1
            if self.value == 0:
                self.count, self.next = self.next or self.count, None
                self.value = self.count
            self.out = self.value != 1
        else:
            # An odd count stays at 0 for one clock of the high half.
            self.value -= 2
            if self.value < 0 or self.value == 0 and not (self.count & 1 and self.out):
                self.out = not self.out
                self.count, self.next = self.next or self.count, None
                self.value = self.count & ~1


@given(st.sampled_from([0, 2, 3, 4]),
       st.lists(st.tuples(st.integers(3, 20), st.integers(1, 50)), min_size=1, max_size=8))
def test_counting_by_arithmetic_equals_counting(mode: int, writes) -> None:
    channel, counter, tick = Channel(True), Counter(mode), 0
    channel.control(0x10 | mode << 1, tick)
    for count, ticks in writes:
        channel.write(count, tick)
        counter.write(count)
        changed = [channel.out(tick)]
        expected = channel.next_change(tick)
        for _ in range(ticks):
            tick += 1
            counter.clock()
            assert channel.out(tick) == counter.out, (tick, count)
            assert channel.value(tick) == counter.value or channel.elapsed(tick) < 0, (tick, count)
            changed.append(channel.out(tick))
            if mode != 2 and expected is not None:
                assert (changed[-1] != changed[-2]) == (tick == expected), (tick, expected)
                if tick == expected:
                    expected = channel.next_change(tick)
