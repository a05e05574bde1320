"""Probes: calls from instructions and accesses, set and taken away in the middle of runs, from any thread."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator

import pytest

from hw.breakpoints import LONGEST_ACCESS, Kind, Probe, Touch, decode_access
from hw.cpu import CPU, RunEnd
from hw.e820 import E820Entry, E820Map
from hw.errors import EngineError
from hw.ram import RAM

CODE = 0x1000
#: mov ecx, 5; again: inc eax; cmp eax, 3; mov [0x9000], eax; dec ecx; jnz again; inc edx; end
LOOP = bytes.fromhex("b905000000 40 83f803 a300900000 49 75f4 42".replace(" ", ""))
MOV, INC, CMP, STORE, DEC, JNZ, LAST = (CODE + offset for offset in (0, 5, 6, 9, 14, 15, 17))
END = CODE + len(LOOP)


class Bench:
    """A CPU with the loop, and a probe that notes what it hears."""

    def __init__(self) -> None:
        self.ram = RAM(E820Map([E820Entry(0, 1 << 24, 1)]))
        self.cpu = CPU(self.ram)
        self.ram.write(CODE, LOOP)
        self.seen: list[int] = []
        self.touched: list[tuple[Touch, int]] = []
        self.probe = Probe(self.cpu, self.instruction, self.touch)

    def instruction(self, linear: int) -> None:
        assert self.cpu["eip"] == linear
        self.seen.append(linear)

    def touch(self, touch: Touch) -> None:
        self.touched.append((touch, self.cpu["eip"]))

    def run(self) -> RunEnd:
        self.cpu["eax"] = 0
        return self.cpu.run(CODE, END)


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.cpu.close()
    bench.ram.close()


def test_nothing_calls_unasked(bench: Bench) -> None:
    assert bench.run() is RunEnd.UNTIL
    assert (bench.seen, bench.touched, bench.cpu["eax"]) == ([], [], 5)


def test_points(bench: Bench) -> None:
    bench.probe.add_point(DEC)
    bench.probe.add_point(MOV)
    bench.probe.add_point(DEC)
    bench.run()
    assert bench.seen == [MOV] + [DEC] * 5
    bench.probe.remove_point(DEC)
    bench.probe.remove_point(DEC)
    bench.run()
    assert bench.seen == [MOV] + [DEC] * 5 + [MOV]


def test_every_instruction_calls_once(bench: Bench) -> None:
    bench.probe.add_point(STORE)
    bench.probe.every = True
    assert bench.probe.every
    bench.run()
    assert bench.seen == [MOV] + [INC, CMP, STORE, DEC, JNZ] * 5 + [LAST]
    bench.seen.clear()
    bench.probe.every = False
    bench.run()
    assert bench.seen == [STORE] * 5


def test_flags_and_registers_are_those_of_the_instruction(bench: Bench) -> None:
    flags = []

    def look(linear: int) -> None:
        if linear == STORE:  # behind the comparison
            flags.append((bench.cpu["eax"], bench.cpu["eflags"] & 0x40 != 0))
    bench.probe._on_instruction = look
    bench.probe.every = True
    bench.run()
    assert flags == [(n, n == 3) for n in range(1, 6)]


def test_registers_are_set(bench: Bench) -> None:
    def change(linear: int) -> None:
        if bench.cpu["eax"] == 2:
            bench.cpu["eax"] = 100
        if bench.cpu["eax"] == 102:
            bench.cpu["eip"] = LAST

    bench.probe._on_instruction = change
    bench.probe.add_point(DEC)
    bench.cpu["edx"] = 7
    assert bench.run() is RunEnd.UNTIL
    assert (bench.cpu["eax"], bench.cpu["edx"], bench.cpu["ecx"]) == (102, 8, 2)


def test_flags_are_set(bench: Bench) -> None:
    def change(linear: int) -> None:
        bench.cpu["eflags"] |= 0x40

    bench.probe._on_instruction = change
    bench.probe.add_point(JNZ)
    bench.run()
    assert bench.cpu["ecx"] == 4


@pytest.mark.parametrize("place", [MOV, INC, CMP, STORE, DEC, JNZ, LAST])
def test_a_run_is_stopped_before_an_instruction(bench: Bench, place: int) -> None:
    bench.probe._on_instruction = lambda linear: bench.cpu.stop()
    bench.probe.add_point(place)
    bench.cpu["ecx"] = 9
    assert bench.run() is RunEnd.STOPPED
    assert bench.cpu["eip"] == place
    bench.probe.remove_point(place)
    assert bench.cpu.run(place, END) is RunEnd.UNTIL
    assert bench.cpu["eax"] == 5


def test_points_are_set_and_removed_in_a_run(bench: Bench) -> None:
    """Against a model: at each call some points come and go."""
    rng = random.Random(1)
    places = [INC, CMP, STORE, DEC, JNZ]
    points: set[int] = set()
    expected: list[int] = []
    order = [MOV, *places * 200, LAST]
    at = 0

    def change(linear: int) -> None:
        nonlocal at
        expected.append(linear)
        following = next(n for n in range(at, len(order)) if order[n] in points | {MOV})
        assert order[following] == linear
        at = following + 1
        for _ in range(rng.randrange(3)):
            place = rng.choice(places)
            if place in points:
                points.remove(place)
                bench.probe.remove_point(place)
            else:
                points.add(place)
                bench.probe.add_point(place)
        if not points:
            points.add(INC)
            bench.probe.add_point(INC)

    bench.ram.write(CODE + 1, (200).to_bytes(4, "little"))
    bench.cpu.invalidate_code(CODE, len(LOOP))
    bench.probe._on_instruction = change
    bench.probe.add_point(MOV)
    assert bench.run() is RunEnd.UNTIL
    assert len(expected) > 200
    assert not [place for place in order[at:] if place in points]


def test_an_error_comes_out_of_the_run(bench: Bench) -> None:
    def fail(linear: int) -> None:
        raise KeyError("mine")

    bench.probe._on_instruction = fail
    bench.probe.add_point(STORE)
    with pytest.raises(KeyError):
        bench.run()
    assert bench.cpu["eip"] == STORE


def test_from_another_thread(bench: Bench) -> None:
    bench.ram.write(0x2000, b"\x40\xeb\xfd")  # inc eax; jmp -3
    bench.probe._on_instruction = lambda linear: bench.cpu.stop()

    def ask() -> None:
        bench.probe.every = True

    timer = threading.Timer(0.05, ask)
    timer.start()
    assert bench.cpu.run(0x2000, 0x3000) is RunEnd.STOPPED
    timer.join()
    assert bench.cpu["eip"] in (0x2000, 0x2001)


def test_watch(bench: Bench) -> None:
    bench.probe.watch(0x9000, 4, Kind.WRITE)
    bench.probe.watch(0x9008, 4, Kind.WRITE)
    bench.probe.watch(0x9000, 4, Kind.READ)
    bench.run()
    assert bench.touched == [(Touch(0x9000, 4, Kind.WRITE), STORE)] * 5
    assert bench.probe.areas == {(0x9000, 4, Kind.WRITE), (0x9008, 4, Kind.WRITE), (0x9000, 4, Kind.READ)}
    bench.probe.unwatch(0x9000, 4, Kind.WRITE)
    bench.run()
    assert len(bench.touched) == 5


def test_memory_has_the_old_bytes_when_a_write_is_told(bench: Bench) -> None:
    old = []
    bench.probe._on_touch = lambda touch: old.append(bench.ram.read(0x9000, 1)[0])
    bench.probe.watch(0x9001, 2, Kind.WRITE)
    bench.run()
    assert old == [0, 1, 2, 3, 4]


def test_watch_set_in_a_run(bench: Bench) -> None:
    def look(linear: int) -> None:
        if bench.cpu["eax"] == 3:
            bench.probe.watch(0x9003, 1, Kind.WRITE)

    bench.probe._on_instruction = look
    bench.probe.add_point(STORE)
    bench.run()
    assert [touch.pa for touch, _ in bench.touched] == [0x9000] * 3


@pytest.mark.parametrize(("pa", "size", "heard"), [
    (0x9000, 1, True), (0x9003, 1, True), (0x9004, 4, False), (0x8FFF, 1, False), (0x8FFF, 2, True),
    (0x8000, 0x2000, True),
])
def test_only_what_overlaps(bench: Bench, pa: int, size: int, heard: bool) -> None:
    bench.probe.watch(pa, size, Kind.WRITE)
    bench.run()
    assert bool(bench.touched) is heard


def test_watch_is_physical(bench: Bench) -> None:
    """Two linear addresses lead to the frame; reads and writes, each told with its physical address."""
    tables, directory = 0x11000, 0x10000
    for n in range(1024):
        bench.ram.words[(tables >> 2) + n] = n << 12 | 3
    bench.ram.words[(tables >> 2) + 0x300] = 0x9003
    bench.ram.words[directory >> 2] = tables | 3
    # mov dword [0x9010], 1; mov dword [0x300010], 2; mov eax, [0x300010]; nop
    code = bytes.fromhex("c7051090000001000000" "c7051000300002000000" "a110003000" "90")
    bench.ram.write(0x2000, code)
    bench.cpu["cr3"] = directory
    bench.cpu["cr0"] |= 1 << 31
    for kind in (Kind.READ, Kind.WRITE):
        bench.probe.watch(0x9010, 4, kind)
    linears = []

    def touch(touch: Touch) -> None:
        eip = bench.cpu["eip"]
        linears.append((touch, decode_access(bench.cpu, code[eip - 0x2000 :], eip, touch.kind)))

    bench.probe._on_touch = touch
    bench.cpu.run(0x2000, 0x2000 + len(code))
    assert linears == [
        (Touch(0x9010, 4, Kind.WRITE), [0x9010]), (Touch(0x9010, 4, Kind.WRITE), [0x300010]),
        (Touch(0x9010, 4, Kind.READ), [0x300010]),
    ]  # fmt: skip


def test_closed(bench: Bench) -> None:
    bench.probe.add_point(DEC)
    bench.probe.watch(0x9000, 4, Kind.WRITE)
    bench.run()
    count = len(bench.seen), len(bench.touched)
    bench.probe.close()
    assert bench.run() is RunEnd.UNTIL
    assert (len(bench.seen), len(bench.touched)) == count


@pytest.mark.parametrize(("code", "kind", "expected"), [
    ("89049d00100000", Kind.WRITE, [0x1000 + 4 * 3]),  # mov [ebx*4 + 0x1000], eax
    ("50", Kind.WRITE, [0x7FFC]), ("60", Kind.WRITE, [0x7FE0]), ("58", Kind.READ, [0x8000]),  # push, pusha, pop
    ("e800000000", Kind.WRITE, [0x7FFC]), ("c3", Kind.READ, [0x8000]),  # call, ret
    ("90", Kind.ACCESS, []), ("ffff", Kind.ACCESS, []), ("67890700", Kind.WRITE, [0]),
])  # fmt: skip
def test_where_an_instruction_accesses(bench: Bench, code: str, kind: Kind, expected: list[int]) -> None:
    bench.cpu["ebx"], bench.cpu["esp"] = 3, 0x8000
    assert decode_access(bench.cpu, bytes.fromhex(code), CODE, kind) == expected


def test_not_in_a_unicorn_that_is_otherwise() -> None:
    import ctypes

    from hw.breakpoints import _Range

    strange = (ctypes.c_uint64 * 8)()
    with pytest.raises(EngineError):
        _Range().find(ctypes.addressof(strange))
    assert LONGEST_ACCESS >= 16
