"""The price of --check-tlb: the same programs with it and without; and what one question of the engine's costs."""

from __future__ import annotations

from pathlib import Path

from guest import cc, elf
from guest.kernel import Kernel
from mm.setup import BootOptions
from tools.bench import bare

PROGRAMS = (
    ("tour.c", 1 << 30, 20), ("kmap_wrap.c", 1 << 30, 3), ("vmalloc_sync.c", 1 << 30, 3), ("threads.c", 1 << 30, 10),
    ("pressure.c", 64 << 20, 1),
)  # fmt: skip
CALLS = {"n": "an empty call", "k": "kmalloc(64) and kfree", "m": "kmap and kunmap", "v": "vmalloc and vfree"}
COUNTS = {"n": 50_000, "k": 20_000, "m": 5_000, "v": 500}


def _time(
    source: Path, ram: int, arguments: list[str], count: int, watched: bool, capacity: int | None = None
) -> float:
    with Kernel.boot(BootOptions(ram=ram)) as kernel:
        program = elf.read(cc.build([source], kernel.layout), source.name)
        if watched:
            kernel.check_tlb(capacity)

        def once() -> None:
            for _ in range(count):
                if kernel.run(program, [source.name, *arguments]):
                    raise AssertionError("the program failed")

        return bare.best(once, count, 3)


def main() -> None:
    """Print each program's time under watch, as a multiple of its time without."""
    for name, ram, count in PROGRAMS:
        source = cc.PROGRAMS / name
        plain = _time(source, ram, [], count, False)
        bare.report(name, _time(source, ram, [], count, True), plain, "not watched")
        bare.report(f"{name}, 64 entries", _time(source, ram, [], count, True, 64), plain, "not watched")
    for which, what in CALLS.items():
        count = COUNTS[which]
        arguments = [which, str(count)]
        source = Path(__file__).with_name("calls.c")
        plain = _time(source, 1 << 30, arguments, 1, False) / count
        bare.report(what, _time(source, 1 << 30, arguments, 1, True) / count, plain, "not watched")


if __name__ == "__main__":
    main()
