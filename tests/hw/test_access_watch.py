"""Accesses by the states of bytes: which are told, through the hook of machine code as through Python's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import hw.access_watch
from hw.access_watch import AccessWatch, Touch
from hw.cpu import CPU, RunEnd
from hw.e820 import E820Entry, E820Map
from hw.ram import RAM
from hw.shadow import PLAIN, STACK, UNSET, make_shadow

CODE, DATA, PAGE_DIRECTORY, PAGE_TABLE = 0x1000, 0x3000, 0x8000, 0x9000
KERNEL = 0xC0000000
TOP = 0x6000  # of a stack in [0x4000, 0x6000)
BAD = 0xFB


def word(value: int) -> bytes:
    return (value & 0xFFFF_FFFF).to_bytes(4, "little")


class Bench:
    """A CPU with paging: 1 MB one to one, again from 0xC0000000 on; and frame 0x20 at linear 0xE000, 0x30 behind it."""

    def __init__(self, exempt: range = range(0)) -> None:
        self.ram = RAM(E820Map([E820Entry(0, 1 << 20, 1)]))
        self.cpu = CPU(self.ram)
        self.ram.write(PAGE_DIRECTORY, word(PAGE_TABLE | 3))
        self.ram.write(PAGE_DIRECTORY + 4 * (KERNEL >> 22), word(PAGE_TABLE | 3))
        for page in range(256):
            self.ram.write(PAGE_TABLE + 4 * page, word(page << 12 | 3))
        self.ram.write(PAGE_TABLE + 4 * 0xE, word(0x20003) + word(0x30003))
        self.cpu["cr3"] = PAGE_DIRECTORY
        self.cpu["cr0"] = 0x8000_0001
        self.touches: list[Touch] = []
        self.shadow = make_shadow(self.ram.size)
        self.shadow[:] = bytes([PLAIN]) * len(self.shadow)
        self.watch = AccessWatch(self.ram, [self.cpu], self.shadow, self.touches.append, exempt, 64)

    def bad(self, start: int, size: int, state: int = BAD) -> None:
        self.shadow[start : start + size] = bytes([state]) * size

    def run(self, code: str) -> list[tuple[int, int, int, int, bool]]:
        """(linear address, first and first bad byte, size, whether it is a write) of each touch."""
        binary = bytes.fromhex(code)
        self.ram.write(CODE, binary)
        self.cpu.invalidate_code(KERNEL + CODE, len(binary))
        self.cpu["esp"] = KERNEL + TOP - 256
        self.touches.clear()
        assert self.cpu.run(KERNEL + CODE, KERNEL + CODE + len(binary)) is RunEnd.UNTIL
        return [(t.linear, t.first, t.bad, t.size, t.write) for t in self.touches]

    def close(self) -> None:
        self.cpu.close()
        self.ram.close()


@pytest.fixture(params=["machine code", "Python"])
def bench(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    if request.param == "Python":
        monkeypatch.setattr(hw.access_watch, "x86_64", lambda address: None)
    bench = Bench()
    yield bench
    bench.close()


def load(address: int, size: int = 4) -> str:
    return {1: "a0", 2: "66a1", 4: "a1"}[size] + word(address).hex()


def store(address: int, size: int = 4) -> str:
    return {1: "a2", 2: "66a3", 4: "a3"}[size] + word(address).hex()


@pytest.mark.parametrize("size", [1, 2, 4])
@pytest.mark.parametrize("write", [False, True])
def test_each_byte_counts(bench: Bench, size: int, write: bool) -> None:
    """Whichever of an access's bytes is bad, it is told; those beside it do not matter."""
    for at in range(-4, 8):
        bench.bad(DATA - 16, 32, PLAIN)
        bench.bad(DATA + at, 1)
        hit = 0 <= at < size
        code = (store if write else load)(KERNEL + DATA, size)
        assert bench.run(code) == ([(KERNEL + DATA, DATA, DATA + at, size, write)] if hit else [])
        assert not hit or bench.touches[0].eip == KERNEL + CODE


@pytest.mark.parametrize("state", [0, 0x80, 0xFF])
def test_states_that_are_told(bench: Bench, state: int) -> None:
    bench.bad(DATA, 4, state)
    assert len(bench.run(load(KERNEL + DATA))) == 1


@pytest.mark.parametrize("state", [PLAIN, UNSET])
def test_states_that_are_not(bench: Bench, state: int) -> None:
    bench.bad(DATA, 4, state)
    assert bench.run(load(KERNEL + DATA) + store(KERNEL + DATA)) == []


def test_every_alias(bench: Bench) -> None:
    bench.bad(0x20010, 4)
    for linear in (0xE010, 0x20010, KERNEL + 0xE010, KERNEL + 0x20010):
        assert bench.run(load(linear)) == [(linear, 0x20010, 0x20010, 4, False)]


@pytest.mark.parametrize(("bad", "told"), [(0x20FFE, True), (0x30001, True), (0x30002, False), (0x21000, False)])
def test_an_access_over_two_pages_is_two(bench: Bench, bad: int, told: bool) -> None:
    """The second part lies in the frame that the next page leads to."""
    bench.bad(bad, 1)
    assert bench.run(load(0xEFFE)) == ([(0xEFFE, 0x20FFE, bad, 4, False)] if told else [])


def test_an_instruction_that_reads_and_writes(bench: Bench) -> None:
    bench.bad(DATA, 4)
    found = bench.run("ff05" + word(KERNEL + DATA).hex())  # inc dword [DATA]
    assert [touch[4] for touch in found] == [False, True]


def test_string_instructions(bench: Bench) -> None:
    """rep movsb from DATA to DATA + 0x100, 8 bytes of which the last two are bad."""
    bench.bad(DATA + 0x106, 16)
    code = "fc be" + word(KERNEL + DATA).hex() + "bf" + word(KERNEL + DATA + 0x100).hex() + "b908000000 f3a4"
    found = bench.run(code.replace(" ", ""))
    assert [touch[0] for touch in found] == [KERNEL + DATA + 0x106, KERNEL + DATA + 0x107]


def test_the_instruction_is_known_in_the_middle_of_a_block(bench: Bench) -> None:
    bench.bad(DATA, 4)
    bench.run("90" * 5 + load(KERNEL + DATA) + "40" * 3 + load(KERNEL + DATA))
    assert [touch.eip - KERNEL - CODE for touch in bench.touches] == [5, 13]


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("50 58", 0), ("60 61", 0), ("9c 9d", 0), ("e800000000 58", 0), ("c8100000 c9", 0),  # push, pusha, pushf, call
        ("ff742404 58", 0), ("894424fc", 1), ("8b4424f0", 1), ("c68424 00ffffff 01", 1), ("890424", 0),
        ("8b4424 04", 0),
    ],
)  # fmt: skip
def test_below_the_stack_pointer(bench: Bench, code: str, told: int) -> None:
    for _ in range(2):  # of what pushes the machine code has learnt by then
        bench.run(code.replace(" ", ""))
        assert [touch.below_stack for touch in bench.touches] == [True] * told


def test_the_bottom_of_a_stack_and_other_stacks(bench: Bench) -> None:
    """The words at a stack's bottom are none of it; who reads another stack may."""
    assert bench.run(load(KERNEL + 0x4000) + load(KERNEL + 0x4000 + 60)) == []
    assert len(bench.run(load(KERNEL + 0x4000 + 64))) == 1
    assert bench.shadow[0x4000 + 64] == STACK
    bench.bad(0xA000, 0x2000, STACK)
    assert bench.run(load(KERNEL + 0xA100)) == []


def test_code_that_may_do_anything() -> None:
    bench = Bench(exempt=range(KERNEL + CODE, KERNEL + CODE + 5))
    bench.bad(DATA, 4)
    found = bench.run(load(KERNEL + DATA) + load(KERNEL + DATA))
    assert len(found) == 1 and bench.touches[0].eip == KERNEL + CODE + 5
    bench.close()


def test_what_raises_ends_the_run(bench: Bench) -> None:
    def refuse(touch: Touch) -> None:
        raise ValueError("no")

    bench.watch.on_touch = refuse
    bench.bad(DATA, 4)
    with pytest.raises(ValueError, match="no"):
        bench.run(load(KERNEL + DATA))
