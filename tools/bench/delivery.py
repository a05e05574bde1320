"""The price of exceptions through the guest's own IDT, with the return, and of counting blocks for a timer."""

from __future__ import annotations

import time
from pathlib import Path

from guest import bare
from hw.bare import BarePC
from hw.e820 import E820Map
from hw.engine import HOOK_INTR, HookInterrupt
from tools.bench.bare import best, loop, raw

TIMES = 100_000
BLOCKS = 20 * TIMES
PROGRAM = Path(__file__).with_name("delivery.c")


def _raw_interrupt() -> float:
    """Microseconds of an INT with a hook that does nothing."""
    ram, engine = raw()
    engine.hook(HOOK_INTR, HookInterrupt(lambda _handle, _vector, _data: None))
    start, end = loop(ram, TIMES, b"\xcd\x41")
    return best(lambda: engine.start(start, end), TIMES)


def main() -> None:
    """Print microseconds, and how they compare with the raw engine's empty hook."""
    marks: list[float] = []
    with BarePC(E820Map.pc(64 << 20), serial=lambda data: None,
                console=lambda data: marks.append(time.perf_counter())) as machine:  # fmt: skip
        machine.load(bare.build(PROGRAM).read_bytes(), PROGRAM.name)
        machine.run(120)
    spent = [after - before for before, after in zip(marks, marks[1:])]
    base = _raw_interrupt()
    for index, what in ((0, "INT and IRET in ring 0"), (1, "INT and IRET from ring 3"), (3, "demand page fault")):
        cost = spent[index] / TIMES * 1e6
        print(f"{what:<26}{cost:7.2f} us, {cost / base:5.1f} times the engine's empty hook ({base:.2f} us)")
    free, counted = spent[4] / BLOCKS * 1e9, spent[6] / BLOCKS * 1e9
    print(f"{'a loop of one block':<26}{free:7.2f} ns, {counted:.2f} ns while a timer is armed")


if __name__ == "__main__":
    main()
