"""Runs that end after a number of instructions: counted by machine code, and by Python."""

from __future__ import annotations

import random

import pytest

import hw.countdown

ROUNDS = 400
# xor eax, eax; xor ebx, ebx; xor edx, edx; mov ecx, ROUNDS
# L: inc eax; test al, 1; jz X; inc ebx; X: add edx, eax; loop L
LOOP = (
    b"\x31\xc0\x31\xdb\x31\xd2\xb9" + ROUNDS.to_bytes(4, "little") + b"\x40\xa8\x01\x74\x01\x43\x01\xc2\xe2\xf6"
)
INSTRUCTIONS = 4 + ROUNDS // 2 * (5 + 6)
RESULT = (ROUNDS, ROUNDS // 2, ROUNDS * (ROUNDS + 1) // 2)


@pytest.fixture(autouse=True, params=["machine code", "Python"])
def way(request, monkeypatch) -> None:
    if request.param == "Python":
        monkeypatch.setattr(hw.countdown, "x86_64", lambda code: None)


def result(cpu) -> tuple[int, ...]:
    return tuple(cpu[name] for name in ("eax", "ebx", "edx"))


def in_turns(bench, turns) -> int:
    """Run LOOP in turns of so and so many instructions; the number of turns."""
    cpu, eip, end = bench.cpu, bench.CODE, bench.CODE + len(LOOP)
    bench.code(bench.CODE, LOOP)
    cpu.count_instructions()
    for number, left in enumerate(turns, 1):
        cpu.countdown.left = left
        if cpu.run(eip, end) == "until":
            return number
        assert cpu.countdown.left == -1
        eip = cpu["eip"]
    raise AssertionError("the turns are over")


def test_a_run_ends_before_the_next_instruction_and_goes_on_there(bench) -> None:
    chance = random.Random(1)
    assert in_turns(bench, (chance.randint(1, 100) for _ in range(1000))) > 20
    assert result(bench.cpu) == RESULT


def test_every_instruction_is_one(bench) -> None:
    assert in_turns(bench, [1] * (INSTRUCTIONS + 1)) == INSTRUCTIONS
    assert result(bench.cpu) == RESULT


def test_code_that_was_translated_before_is_counted_too(bench) -> None:
    assert bench.start(LOOP) == "until"
    assert in_turns(bench, [100] * 200) == -(-INSTRUCTIONS // 100)


def test_what_is_between_reading_and_writing(bench) -> None:
    """mov eax, 7; mov [data], eax; mov eax, [data]: a turn may end between any two."""
    data = bench.CODE + 0x900
    code = b"\xb8\x07\0\0\0\xa3" + data.to_bytes(4, "little") + b"\xa1" + data.to_bytes(4, "little")
    bench.code(bench.CODE, code)
    bench.cpu.count_instructions()
    bench.cpu.countdown.left = 2
    assert bench.cpu.run(bench.CODE, bench.CODE + len(code)) == "stopped"
    assert bench.cpu["eip"] == bench.CODE + 10
    bench.machine.ram.write(data, (9).to_bytes(4, "little"))
    bench.cpu.countdown.left = 9
    assert bench.cpu.run(bench.CODE + 10, bench.CODE + len(code)) == "until"
    assert bench.cpu["eax"] == 9 and bench.cpu.countdown.left == 8


def test_runs_within_a_run_are_not_counted(bench) -> None:
    inner = bench.CODE + 0x800
    bench.code(inner, LOOP)
    seen = []

    def on_write(offset: int, size: int, value: int) -> None:
        seen.append(bench.cpu.run(inner, inner + len(LOOP)))

    bench.on_write = on_write
    bench.cpu.count_instructions()
    bench.cpu.countdown.left = 2
    store = b"\x89\x25" + bench.TRAP.to_bytes(4, "little")
    assert bench.start(store + b"\x90\x90\x90") == "stopped"
    assert seen == ["until"] and bench.cpu["eip"] == bench.CODE + len(store) + 1


def test_a_refused_trap_is_not_counted(bench) -> None:
    """Halted and resumed, a run has its turns where it would have had them."""
    seen = []
    bench.on_write = lambda offset, size, value: seen.append(value)
    cpu = bench.cpu
    cpu.count_instructions()
    cpu.countdown.left = 5
    store = b"\x89\x25" + bench.TRAP.to_bytes(4, "little")

    def halt(offset: int, size: int, value: int) -> None:
        seen.append(value)
        cpu.halt()

    bench.on_write = halt
    assert bench.start(store + store) == "stopped"
    assert len(seen) == 1 and cpu.countdown.left == 4
    cpu.release()
    bench.on_write = lambda offset, size, value: seen.append(value)
    assert cpu.run(cpu["eip"], bench.CODE + 2 * len(store)) == "until"
    assert len(seen) == 2 and cpu.countdown.left == 3
