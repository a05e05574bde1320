"""The local APIC: priorities, EOI, messages between CPUs, local interrupts, the timer."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.clock import VirtualClock
from hw.devices.lapic import APIC_VERSION, ApicBus, LocalApic

ID, VERSION, TPR, PPR, EOI, LDR, DFR, SVR = 0x20, 0x30, 0x80, 0xA0, 0xB0, 0xD0, 0xE0, 0xF0
ISR, TMR, IRR, ESR, ICR, ICR_HIGH = 0x100, 0x180, 0x200, 0x280, 0x300, 0x310
TIMER, LINT0, LINT1, ERROR, INITIAL, CURRENT, DIVIDE = 0x320, 0x350, 0x360, 0x370, 0x380, 0x390, 0x3E0
BY_1 = 0xB


class Cpu:
    def __init__(self, pc, index: int, line) -> None:
        self.intr = line
        self.apic = LocalApic(index, pc.clock, pc.bus, self.intr, external=lambda: 0x99)

    def read(self, register: int) -> int:
        return self.apic.mmio_read(register, 4)

    def write(self, register: int, value: int) -> None:
        self.apic.mmio_write(register, 4, value)

    def take(self) -> int | None:
        """What a CPU with interrupts on does: the vector, None when its INTR is low."""
        return self.apic.acknowledge() if self.intr.level else None

    def take_all(self) -> list[int]:
        vectors = []
        while (vector := self.take()) is not None:
            vectors.append(vector)
            self.write(EOI, 0)
        return vectors


class Pc:
    def __init__(self, clock, line_type, cpus: int = 4) -> None:
        self.clock = clock
        self.delivered: list[tuple[int, str, int]] = []
        self.bus = ApicBus(lambda *what: self.delivered.append(what))
        self.ended: list[int] = []
        self.bus.listeners.append(self)
        self.cpus = [Cpu(self, index, line_type()) for index in range(cpus)]

    def eoi(self, vector: int) -> None:
        self.ended.append(vector)

    def enable(self) -> None:
        for cpu in self.cpus:
            cpu.write(SVR, 0x1FF)


@pytest.fixture
def pc(clock, line) -> Pc:
    made = Pc(clock, type(line))
    made.enable()
    return made


@pytest.fixture
def cpu(pc) -> Cpu:
    return pc.cpus[0]


def test_after_reset(clock, line) -> None:
    cpu = Pc(clock, type(line)).cpus[2]
    assert cpu.read(ID) == 2 << 24 and cpu.read(VERSION) == APIC_VERSION == 0x50014
    assert cpu.read(SVR) == 0xFF and cpu.read(DFR) == 0xFFFF_FFFF and cpu.read(LDR) == 0
    assert all(cpu.read(register) == 0x1_0000 for register in range(TIMER, ERROR + 1, 16))
    cpu.write(LINT0, 0x700)
    assert cpu.read(LINT0) == 0x1_0700, "a disabled APIC keeps its entries masked"
    assert not cpu.apic.accept(0x40) and cpu.read(IRR + 0x20) == 0


def test_registers_are_written_whole_and_aligned(cpu) -> None:
    cpu.apic.mmio_write(TPR, 1, 0x50)
    cpu.apic.mmio_write(TPR + 4, 4, 0x50)
    assert cpu.read(TPR) == 0
    cpu.write(LDR, 0xFFFF_FFFF)
    cpu.write(DFR, 0)
    assert cpu.read(LDR) == 0xFF00_0000 and cpu.read(DFR) == 0x0FFF_FFFF
    assert cpu.apic.mmio_read(LDR + 3, 1) == 0xFF and cpu.apic.mmio_read(LDR + 8, 4) == 0
    cpu.write(VERSION, 0)
    cpu.write(ID, 0x0700_0000)
    assert cpu.read(VERSION) == APIC_VERSION and cpu.read(ID) == 0x0700_0000


def test_priorities(cpu) -> None:
    for vector in (0x35, 0x31, 0x52):
        cpu.apic.accept(vector)
    assert cpu.read(IRR + 0x10) == 1 << 21 | 1 << 17 and cpu.read(IRR + 0x20) == 1 << 18
    assert cpu.take() == 0x52 and cpu.read(ISR + 0x20) == 1 << 18 and cpu.read(PPR) == 0x50
    assert cpu.take() is None, "lower ones wait"
    cpu.apic.accept(0x5F)
    assert cpu.take() is None, "the same class waits too"
    cpu.apic.accept(0x60)
    assert cpu.take() == 0x60
    cpu.write(EOI, 0)
    assert cpu.read(PPR) == 0x50 and cpu.take() is None
    cpu.write(EOI, 0)
    assert cpu.take() == 0x5F
    cpu.write(EOI, 0)
    assert cpu.take_all() == [0x35, 0x31]
    cpu.write(EOI, 0)
    assert cpu.read(PPR) == 0


def test_task_priority(cpu) -> None:
    cpu.write(TPR, 0x45)
    cpu.apic.accept(0x4F)
    assert cpu.read(PPR) == 0x45 and not cpu.intr.level
    cpu.apic.accept(0x50)
    assert cpu.intr.level
    cpu.write(TPR, 0xF0)
    assert not cpu.intr.level
    assert cpu.apic.acknowledge() == 0xFF, "one that has gone is spurious"
    assert all(cpu.read(ISR + 0x10 * word) == 0 for word in range(8))
    cpu.write(TPR, 0)
    assert cpu.take_all() == [0x50, 0x4F]


def test_level_interrupts_are_announced_at_their_end(pc, cpu) -> None:
    cpu.apic.accept(0x61, level=True)
    cpu.apic.accept(0x62)
    assert cpu.read(TMR + 0x30) == 2
    assert cpu.take_all() == [0x62, 0x61] and pc.ended == [0x61]


def test_self_and_shorthands(pc, cpu) -> None:
    cpu.write(ICR, 0x4_0041)
    assert cpu.take_all() == [0x41] and cpu.read(ICR) & 0x1000 == 0
    cpu.write(ICR, 0x8_0042)
    assert [each.take_all() for each in pc.cpus] == [[0x42]] * 4
    cpu.write(ICR, 0xC_0043)
    assert [each.take_all() for each in pc.cpus] == [[]] + [[0x43]] * 3


def test_destinations(pc, cpu) -> None:
    cpu.write(ICR_HIGH, 2 << 24)
    cpu.write(ICR, 0x44)
    assert [each.take_all() for each in pc.cpus] == [[], [], [0x44], []]
    cpu.write(ICR_HIGH, 0xFF << 24)
    cpu.write(ICR, 0x44)
    assert [each.take_all() for each in pc.cpus] == [[0x44]] * 4
    for index, each in enumerate(pc.cpus):
        each.write(LDR, 1 << index + 24)
    cpu.write(ICR_HIGH, 0b1010 << 24)
    cpu.write(ICR, 0x845)
    assert [each.take_all() for each in pc.cpus] == [[], [0x45], [], [0x45]]
    for index, each in enumerate(pc.cpus):
        each.write(DFR, 0)
        each.write(LDR, (index >> 1) << 28 | 1 << (index & 1) + 24)
    cpu.write(ICR_HIGH, 0x13 << 24)
    cpu.write(ICR, 0x846)
    assert [each.take_all() for each in pc.cpus] == [[], [], [0x46], [0x46]]
    cpu.write(ICR_HIGH, 0xF1 << 24)
    cpu.write(ICR, 0x847)
    assert [each.take_all() for each in pc.cpus] == [[0x47], [], [0x47], []]


def test_lowest_priority(pc, cpu) -> None:
    pc.cpus[0].write(TPR, 0x30)
    pc.cpus[1].write(TPR, 0x20)
    pc.cpus[3].write(SVR, 0xFF)
    pc.cpus[2].write(TPR, 0x40)
    cpu.write(ICR_HIGH, 0xFF << 24)
    cpu.write(ICR, 0x171)
    assert [each.take_all() for each in pc.cpus] == [[], [0x71], [], []]


def test_starting_another_cpu(pc, cpu) -> None:
    pc.cpus[1].write(TPR, 0x20)
    cpu.write(ICR_HIGH, 1 << 24)
    cpu.write(ICR, 0xC500)
    cpu.write(ICR, 0x8500)
    for _ in range(2):
        cpu.write(ICR, 0x607)
    assert pc.delivered == [(1, "init", 0), (1, "startup", 7), (1, "startup", 7)]
    assert pc.cpus[1].read(TPR) == 0 and pc.cpus[1].read(SVR) == 0xFF
    assert pc.cpus[1].read(ID) == 1 << 24
    pc.delivered.clear()
    cpu.write(ICR, 0xC_4400)
    assert pc.delivered == [(1, "nmi", 0), (2, "nmi", 0), (3, "nmi", 0)]


def test_errors(cpu) -> None:
    cpu.write(ERROR, 0xE0)
    cpu.write(ICR, 0x4_0005)
    assert cpu.take_all() == [0xE0]
    assert cpu.read(ESR) == 0
    cpu.write(ESR, 0)
    assert cpu.read(ESR) == 0x20
    cpu.read(0x400)
    cpu.write(ESR, 0)
    assert cpu.read(ESR) == 0x80
    cpu.apic.accept(3)
    cpu.write(ESR, 0)
    assert cpu.read(ESR) == 0x40
    cpu.write(ESR, 0)
    assert cpu.read(ESR) == 0
    cpu.write(ERROR, 0x05)
    cpu.write(ICR, 0x4_0005)
    cpu.write(ESR, 0)
    assert cpu.read(ESR) == 0x20


def test_virtual_wire(clock, line) -> None:
    pc = Pc(clock, type(line))
    cpu = pc.cpus[0]
    cpu.apic.lint(0)(True)
    assert not cpu.intr.level
    cpu.apic.virtual_wire()
    assert cpu.intr.level and cpu.take() == 0x99
    assert all(cpu.read(ISR + 0x10 * word) == 0 for word in range(8)), "the 8259 has it in service"
    cpu.apic.accept(0x30)
    assert cpu.take() == 0x30 and cpu.take() == 0x99, "ExtINT knows no priority"
    cpu.apic.lint(0)(False)
    assert not cpu.intr.level
    cpu.apic.lint(1)(True)
    cpu.apic.lint(1)(True)
    assert pc.delivered == [(0, "nmi", 0)]
    cpu.apic.lint(0)(True)
    cpu.write(LINT0, 0x1_0700)
    assert not cpu.intr.level
    with pytest.raises(ValueError):
        cpu.apic.lint(2)


def test_local_pins_with_fixed_vectors(cpu) -> None:
    pin = cpu.apic.lint(1)
    cpu.write(LINT1, 0x48)
    pin(True)
    pin(True)
    assert cpu.take_all() == [0x48]
    pin(False)
    cpu.write(LINT1, 0x8049)
    pin(True)
    assert cpu.read(LINT1) == 0xC049 and cpu.take() == 0x49
    cpu.write(EOI, 0)
    assert cpu.take() == 0x49, "still asserted"
    pin(False)
    cpu.write(EOI, 0)
    assert cpu.take() is None and cpu.read(LINT1) == 0x8049


def test_one_shot(pc, cpu) -> None:
    cpu.write(DIVIDE, BY_1)
    cpu.write(TIMER, 0x40)
    cpu.write(INITIAL, 1000)
    pc.clock.run(400)
    assert cpu.read(CURRENT) == 600 and not cpu.intr.level
    pc.clock.run(599)
    assert cpu.read(CURRENT) == 1 and not cpu.intr.level
    pc.clock.run(1)
    assert cpu.take_all() == [0x40] and cpu.read(CURRENT) == 0 and pc.clock.idle
    pc.clock.run(10_000)
    assert cpu.take_all() == [] and cpu.read(INITIAL) == 1000


@pytest.mark.parametrize("code,divisor", [(0, 2), (1, 4), (2, 8), (3, 16), (8, 32), (9, 64), (10, 128), (11, 1)])
def test_divisors(pc, cpu, code: int, divisor: int) -> None:
    cpu.write(DIVIDE, code | 4)
    cpu.write(TIMER, 0x2_0040)
    cpu.write(INITIAL, 100)
    times = []
    for _ in range(3):
        pc.clock.advance(pc.clock.next_deadline())
        times.append(pc.clock.now)
        assert cpu.take_all() == [0x40]
    assert times == [100 * divisor * n for n in (1, 2, 3)] and cpu.read(DIVIDE) == code


def test_periodic_masked_and_stopped(pc, cpu) -> None:
    cpu.write(DIVIDE, BY_1)
    cpu.write(TIMER, 0x3_0040)
    cpu.write(INITIAL, 100)
    pc.clock.run(250)
    assert cpu.take_all() == [] and cpu.read(CURRENT) == 50
    cpu.write(TIMER, 0x2_0040)
    pc.clock.run(50)
    assert cpu.take_all() == [0x40]
    cpu.write(INITIAL, 0)
    assert pc.clock.idle and cpu.read(CURRENT) == 0


def test_changes_while_it_counts(pc, cpu) -> None:
    cpu.write(DIVIDE, BY_1)
    cpu.write(TIMER, 0x40)
    cpu.write(INITIAL, 1000)
    pc.clock.run(500)
    cpu.write(DIVIDE, 0)
    assert cpu.read(CURRENT) == 500
    pc.clock.run(500)
    assert cpu.read(CURRENT) == 250
    cpu.write(TIMER, 0x2_0040)
    assert cpu.read(CURRENT) == 250
    pc.clock.run(500)
    assert cpu.take_all() == [0x40] and cpu.read(CURRENT) == 1000


def test_a_count_that_has_run_out_stays_so_when_it_becomes_periodic(pc, cpu) -> None:
    cpu.write(DIVIDE, BY_1)
    cpu.write(TIMER, 0x40)
    cpu.write(INITIAL, 100)
    pc.clock.run(150)
    assert cpu.take_all() == [0x40] and cpu.read(CURRENT) == 0
    cpu.write(TIMER, 0x2_0041)
    pc.clock.run(1000)
    assert cpu.take_all() == [] and cpu.read(CURRENT) == 0
    cpu.write(INITIAL, 100)
    pc.clock.run(150)
    assert cpu.take_all() == [0x41] and cpu.read(CURRENT) == 50


def test_another_frequency(clock, line) -> None:
    apic = LocalApic(0, clock, ApicBus(lambda *_: None), line, hertz=100_000_000)
    apic.mmio_write(SVR, 4, 0x1FF)
    apic.mmio_write(DIVIDE, 4, BY_1)
    apic.mmio_write(INITIAL, 4, 1000)
    apic.mmio_write(TIMER, 4, 0x30)
    clock.run(9_999)
    assert not line.level
    clock.run(1)
    assert line.level


def test_state(pc, cpu, line) -> None:
    cpu.write(DIVIDE, BY_1)
    cpu.write(TIMER, 0x2_0040)
    cpu.write(INITIAL, 1000)
    cpu.apic.accept(0x90, level=True)
    cpu.apic.accept(0x91)
    cpu.take()
    pc.clock.run(300)
    other = Pc(pc.clock, type(line)).cpus[0]
    other.apic.load_state(json.loads(json.dumps(cpu.apic.state())))
    pc.clock.run(900)
    assert other.read(CURRENT) == cpu.read(CURRENT) == 800
    assert other.apic.state() == cpu.apic.state()
    for each in (other, cpu):
        each.write(EOI, 0)
        assert each.take_all() == [0x90, 0x40]


@given(st.lists(st.one_of(
    st.tuples(st.just("accept"), st.integers(16, 255)), st.tuples(st.just("take"), st.just(0)),
    st.tuples(st.just("eoi"), st.just(0)), st.tuples(st.just("tpr"), st.integers(0, 255))), max_size=60))
def test_priorities_equal_the_reference(steps) -> None:
    """Sets and the two rules of the SDM: highest first, and only above the processor priority class."""
    level = [False]
    apic = LocalApic(0, VirtualClock(), ApicBus(lambda *_: None), lambda on: level.__setitem__(0, on))
    apic.mmio_write(SVR, 4, 0x1FF)
    requested: set[int] = set()
    serving: list[int] = []
    tpr = 0
    for what, value in steps:
        if what == "accept":
            apic.accept(value)
            requested.add(value)
        elif what == "take" and level[0]:
            vector = max(requested)
            requested.remove(vector)
            serving.append(vector)
            assert apic.acknowledge() == vector
        elif what == "eoi":
            apic.mmio_write(EOI, 4, 0)
            if serving:
                serving.remove(max(serving))
        elif what == "tpr":
            apic.mmio_write(TPR, 4, value)
            tpr = value
        threshold = max([tpr >> 4, *(vector >> 4 for vector in serving)])
        assert level[0] == any(vector >> 4 > threshold for vector in requested)
        assert apic.mmio_read(PPR, 4) >> 4 == threshold


def test_switched_off(clock, line) -> None:
    cpu = Pc(clock, type(line)).cpus[0]
    cpu.apic.virtual_wire()
    cpu.write(TPR, 0x30)
    cpu.apic.switch(False)
    assert cpu.read(VERSION) == 0xFFFF_FFFF
    cpu.write(SVR, 0x1FF)
    assert not cpu.apic.accept(0x40) and not cpu.intr.level
    cpu.apic.lint(0)(True)
    assert cpu.intr.level and cpu.take() == 0x99, "the 8259 leads straight to the CPU"
    cpu.apic.switch(True)
    assert not cpu.intr.level and cpu.read(TPR) == 0 and cpu.read(SVR) == 0xFF
