"""The real-time clock and the memory sizes in its RAM."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from hw.devices.cmos import EPOCH, Cmos

SECOND = 1_000_000_000
MB, GB = 1 << 20, 1 << 30


class Pc:
    def __init__(self, ports, clock, line, **options: int) -> None:
        self.clock, self.irq8 = clock, line
        self.cmos = Cmos(clock, line, **options)
        self.bus = ports(self.cmos)

    def __getitem__(self, register: int) -> int:
        self.bus.outb(0x70, register)
        return self.bus.inb(0x71)

    def __setitem__(self, register: int, value: int) -> None:
        self.bus.outb(0x70, register)
        self.bus.outb(0x71, value)

    def word(self, register: int, size: int = 2) -> int:
        return sum(self[register + at] << 8 * at for at in range(size))

    def time(self) -> tuple[int, ...]:
        return tuple(self[register] for register in (0x32, 9, 8, 7, 4, 2, 0))


@pytest.fixture
def pc(ports, clock, line) -> Pc:
    return Pc(ports, clock, line)


def test_the_epoch(pc) -> None:
    assert datetime.fromtimestamp(EPOCH, UTC) == datetime(2000, 1, 1, tzinfo=UTC)
    assert pc.time() == (0x20, 0, 1, 1, 0, 0, 0) and pc[6] == 7, "a Saturday"
    assert pc[0x0A] == 0x26 and pc[0x0B] == 2 and pc[0x0D] == 0x80
    assert pc.clock.idle


def test_time_passes(pc) -> None:
    pc.clock.run((59 * 86400 + 23 * 3600 + 59 * 60 + 58) * SECOND)
    assert pc.time() == (0x20, 0, 2, 0x29, 0x23, 0x59, 0x58), "2000 is a leap year"
    pc.clock.run(2 * SECOND)
    assert pc.time() == (0x20, 0, 3, 1, 0, 0, 0)


def test_another_epoch_and_other_forms(ports, clock, line) -> None:
    moment = datetime(1999, 12, 31, 13, 45, 59, tzinfo=UTC)
    pc = Pc(ports, clock, line, epoch=int(moment.timestamp()))
    assert pc.time() == (0x19, 0x99, 0x12, 0x31, 0x13, 0x45, 0x59)
    pc[0x0B] = 6
    assert pc.time() == (19, 99, 12, 31, 13, 45, 59)
    pc[0x0B] = 0
    assert pc[4] == 0x81, "1 PM"
    pc[0x0B] = 4
    for hour, shown in ((0, 12), (1, 1), (11, 11), (12, 0x8C), (13, 0x81), (23, 0x8B)):
        pc[4] = shown
        pc[0x0B] = 6
        assert pc[4] == hour
        pc[0x0B] = 4
        assert pc[4] == shown


def test_setting_the_time(pc) -> None:
    pc[0x0B] = 0x82
    pc.clock.run(5 * SECOND)
    for register, value in ((0, 0x30), (2, 0x59), (4, 0x23), (7, 0x31), (8, 0x12), (9, 0x07), (0x32, 0x20), (6, 3)):
        pc[register] = value
    assert pc[0] == 0x30
    pc[0x0B] = 2
    pc.clock.run(29 * SECOND)
    assert pc.time() == (0x20, 0x07, 0x12, 0x31, 0x23, 0x59, 0x59) and pc[6] == 3
    pc.clock.run(SECOND)
    assert pc.time() == (0x20, 0x08, 1, 1, 0, 0, 0) and pc[6] == 4
    pc[9] = 0x20
    pc[0x32] = 0x19
    assert pc.time()[:2] == (0x19, 0x20)
    pc[8] = 0x99
    pc[7] = 0
    pc[0x32] = 0xFF
    assert len(pc.time()) == 7


def test_setting_the_time_field_by_field(ports, clock, line) -> None:
    moment = datetime(2001, 2, 28, tzinfo=UTC)
    pc = Pc(ports, clock, line, epoch=int(moment.timestamp()))
    pc[0x0B] = 0x82
    for register, value in ((7, 0x31), (8, 0x01), (9, 0x05)):
        pc[register] = value
    assert pc[7] == 0x31, "while it is set there is no date"
    pc[0x0B] = 2
    assert pc.time()[:4] == (0x20, 5, 1, 0x31)
    pc[0x32] = pc[9] = pc[7] = 0
    assert pc.time()[:2] == (0, 1)


def test_update_in_progress(pc) -> None:
    seen = []
    for _ in range(10_000):
        seen.append(pc[0x0A] >> 7)
        pc.clock.run(SECOND // 10_000)
    assert seen[:-22] == [0] * (10_000 - 22) and seen[-22:] == [1] * 22
    assert pc[0x0A] >> 7 == 0
    pc[0x0B] = 0x82
    pc.clock.run(SECOND - 1000)
    assert pc[0x0A] >> 7 == 0


def test_memory_sizes(ports, clock, line) -> None:
    pc = Pc(ports, clock, line, below_4g=16 * MB)
    assert (pc.word(0x15), pc.word(0x17), pc.word(0x30), pc.word(0x34)) == (640, 15 << 10, 15 << 10, 0)
    pc = Pc(ports, clock, line, below_4g=512 * MB, cpus=4)
    assert (pc.word(0x17), pc.word(0x34), pc.word(0x5B, 3)) == (0xFFFF, (512 - 16) * 16, 0)
    assert pc[0x5F] == 3
    pc = Pc(ports, clock, line, below_4g=0xE000_0000, above_4g=61 * GB)
    assert pc.word(0x34) * 65536 + 16 * MB == 0xE000_0000 and pc.word(0x5B, 3) * 65536 == 61 * GB


def test_the_index_port(pc) -> None:
    assert pc.bus.inb(0x70) == 0xFF and not pc.cmos.nmi_masked
    pc.bus.outb(0x70, 0x8F)
    assert pc.cmos.nmi_masked
    pc.bus.outb(0x71, 0x0A)
    assert pc.cmos.shutdown_code == 0x0A == pc[0x0F] and not pc.cmos.nmi_masked
    pc[0x40], pc[0x0D], pc[0x0A] = 0x77, 0, 0xA6
    assert pc[0x40] == 0x77 and pc[0x0D] == 0x80 and pc[0x0A] == 0x26


@pytest.mark.parametrize("rate,hz", [(6, 1024), (15, 2), (3, 8192), (1, 256), (2, 128)])
def test_periodic_interrupt(pc, rate: int, hz: int) -> None:
    pc[0x0A] = 0x20 | rate
    pc[0x0B] = 0x42
    count = 0
    end = pc.clock.now + SECOND
    while pc.clock.next_deadline() <= end:
        pc.clock.advance(pc.clock.next_deadline())
        assert pc.irq8.level and pc[0x0C] | 0x10 == 0xD0 and not pc.irq8.level
        count += 1
    assert count == hz
    pc.clock.run(SECOND)
    assert pc.irq8.level and pc.clock.idle, "it waits until register C is read"
    pc[0x0A] = 0x20
    pc[0x0C]
    assert pc.clock.idle


def test_update_interrupt(pc) -> None:
    pc.clock.run(300_000_000)
    pc[0x0B] = 0x12
    pc.clock.run(699_999_999)
    assert not pc.irq8.level
    pc.clock.run(1)
    assert pc.irq8.level and pc[0x0C] | 0x40 == 0xD0 and pc[0] == 1
    pc[0x0B] = 0x92
    assert pc[0x0B] == 0x82 and pc.clock.idle, "SET ends update interrupts"


def test_flags_without_interrupts(pc) -> None:
    assert pc[0x0C] == 0
    pc.clock.run(SECOND)
    assert pc[0x0C] == 0x50 and pc[0x0C] == 0 and not pc.irq8.rises


@pytest.mark.parametrize("alarm,after", [
    ((0x05, 0x00, 0x00), 5), ((0x00, 0x01, 0x00), 60), ((0x30, 0xFF, 0xFF), 30), ((0xFF, 0x02, 0xC0), 120),
    ((0x00, 0x00, 0x00), 86400), ((0x59, 0x59, 0x23), 86399), ((0xC0, 0xFF, 0xFF), 1), ((0x00, 0xFF, 0x01), 3600),
])
def test_alarm(pc, alarm, after: int) -> None:
    for register, value in zip((1, 3, 5), alarm):
        pc[register] = value
    pc[0x0B] = 0x22
    pc.clock.run(after * SECOND - 1)
    assert not pc.irq8.level
    pc.clock.run(1)
    assert pc.irq8.level and pc[0x0C] & 0xA0 == 0xA0


def test_an_alarm_that_never_comes(pc) -> None:
    pc[5] = 0x24
    pc[0x0B] = 0x22
    assert pc.clock.idle


def test_state(pc, ports, clock, line) -> None:
    pc[0x32], pc[6] = 0x19, 3
    pc[0x0B] = 0x42
    pc.clock.run(12345678)
    other = Pc(ports, clock, type(line)())
    other.cmos.load_state(json.loads(json.dumps(pc.cmos.state())))
    assert other.time() == pc.time() and other[6] == pc[6]
    assert other.irq8.level and other[0x0C] == pc[0x0C] == 0xC0
    pc.clock.run(SECOND)
    assert other.irq8.level
