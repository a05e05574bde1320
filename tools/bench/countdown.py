"""The price of counting instructions, as `--schedule` does: the same code counted and not."""

from __future__ import annotations

from tools.bench import bare

ROUNDS = 1_000_000
BODY = b"\x40\xa8\x01\x74\x01\x43\x01\xc2"  # inc eax; test al, 1; jz X; inc ebx; X: add edx, eax
PER_ROUND = 6.5  # with the loop's own DEC and JNZ


def timed(counted: bool) -> float:
    """Microseconds for an instruction."""
    machine, cpu = bare.machine()
    start, end = bare.loop(machine.ram, ROUNDS, BODY)
    if counted:
        cpu.count_instructions()
    return bare.best(lambda: cpu.run(start, end), int(ROUNDS * PER_ROUND))


def main() -> None:
    """Print an instruction's time when it is counted, as a multiple of its time when it is not."""
    bare.report("an instruction, counted", timed(True), timed(False), "not counted")


if __name__ == "__main__":
    main()
