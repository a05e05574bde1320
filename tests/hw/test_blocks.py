"""Runs that end after a number of basic blocks."""

from __future__ import annotations

import random

ROUNDS = 400
# xor eax, eax; xor ebx, ebx; xor edx, edx; mov ecx, ROUNDS
# L: inc eax; test al, 1; jz X; inc ebx; X: add edx, eax; loop L
LOOP = (
    b"\x31\xc0\x31\xdb\x31\xd2\xb9" + ROUNDS.to_bytes(4, "little") + b"\x40\xa8\x01\x74\x01\x43\x01\xc2\xe2\xf6"
)
BLOCKS = 2 * ROUNDS  # `inc ebx` and what follows it are one
RESULT = (ROUNDS, ROUNDS // 2, ROUNDS * (ROUNDS + 1) // 2)


def result(cpu) -> tuple[int, ...]:
    return tuple(cpu[name] for name in ("eax", "ebx", "edx"))


def in_turns(bench, turns) -> int:
    """Run LOOP in turns of so and so many blocks; the number of turns."""
    cpu, eip, end = bench.cpu, bench.CODE, bench.CODE + len(LOOP)
    bench.code(bench.CODE, LOOP)
    cpu.count_blocks()
    for number, blocks in enumerate(turns, 1):
        cpu.blocks_left = blocks
        if cpu.run(eip, end) == "until":
            return number
        assert cpu.blocks_left == -1
        eip = cpu["eip"]
        assert eip in (bench.CODE + 11, bench.CODE + 16, bench.CODE + 17)  # a block's start, which has not run
    raise AssertionError("the turns are over")


def test_a_run_ends_before_the_next_block_and_goes_on_there(bench) -> None:
    chance = random.Random(1)
    assert in_turns(bench, (chance.randint(1, 50) for _ in range(1000))) > 20
    assert result(bench.cpu) == RESULT


def test_every_turn_gets_on(bench) -> None:
    assert in_turns(bench, [1] * (BLOCKS + 2)) >= BLOCKS
    assert result(bench.cpu) == RESULT


def test_code_that_was_translated_before_is_counted_too(bench) -> None:
    assert bench.start(LOOP) == "until"
    assert in_turns(bench, [10] * 200) > 50


def test_runs_within_a_run_are_not_ended(bench) -> None:
    inner = bench.CODE + 0x800
    bench.code(inner, LOOP)
    seen = []

    def on_write(offset: int, size: int, value: int) -> None:
        seen.append(bench.cpu.run(inner, inner + len(LOOP)))

    bench.on_write = on_write
    bench.cpu.count_blocks()
    bench.cpu.blocks_left = 3
    store = b"\x89\x25" + bench.TRAP.to_bytes(4, "little")
    assert bench.start(store + b"\xeb\x00\x90") == "stopped"  # jmp to what follows: the next block
    assert seen == ["until"] and bench.cpu["eip"] == bench.CODE + len(store) + 2


def test_a_refused_trap_is_not_counted(bench) -> None:
    """Halted and resumed, a run has its turns where it would have had them."""
    seen = []
    bench.on_write = lambda offset, size, value: seen.append(value)
    cpu = bench.cpu
    cpu.count_blocks()
    cpu.blocks_left = 5
    store = b"\x89\x25" + bench.TRAP.to_bytes(4, "little")

    def halt(offset: int, size: int, value: int) -> None:
        seen.append(value)
        cpu.halt()

    bench.on_write = halt
    assert bench.start(store + store) == "stopped"
    assert len(seen) == 1 and cpu.blocks_left == 5
    cpu.release()
    bench.on_write = lambda offset, size, value: seen.append(value)
    assert cpu.run(cpu["eip"], bench.CODE + 2 * len(store)) == "until"
    assert len(seen) == 2 and cpu.blocks_left == 4
