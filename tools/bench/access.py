"""The price of --check-access and of --check-uninit: the same programs with them and without."""

from __future__ import annotations

from pathlib import Path

from guest import cc, elf
from guest.kernel import Kernel
from mm.setup import BootOptions
from tools.bench import bare
from tools.bench.tlb import CALLS, COUNTS, PROGRAMS

ACCESSES = 3 * 999 * 1000  # of loads.c
WAYS = (("--check-access", False), ("--check-uninit", True))


def _time(source: Path, ram: int, arguments: list[str], count: int, uninit: bool | None) -> float:
    """uninit: None without any check."""
    with Kernel.boot(BootOptions(ram=ram)) as kernel:
        program = elf.read(cc.build([source], kernel.layout), source.name)
        if uninit is not None:
            kernel.check_access(uninit)

        def once() -> None:
            for _ in range(count):
                if kernel.run(program, [source.name, *arguments]):
                    raise AssertionError("the program failed")

        return bare.best(once, count, 3)


def main() -> None:
    """Print each program's time under watch, as a multiple of its time without."""
    folder = Path(__file__).parent
    no_arguments: list[str] = []
    rows = [(name, cc.PROGRAMS / name, ram, no_arguments, runs, 1) for name, ram, runs in PROGRAMS]
    rows += [
        (what, folder / "calls.c", 1 << 30, [which, str(COUNTS[which])], 1, COUNTS[which])
        for which, what in CALLS.items()
    ]
    rows.append(("a load or a store", folder / "loads.c", 64 << 20, no_arguments, 1, ACCESSES))
    for what, source, ram, arguments, runs, each in rows:
        plain = _time(source, ram, arguments, runs, None) / each
        for option, uninit in WAYS:
            watched = _time(source, ram, arguments, runs, uninit) / each
            bare.report(f"{what}, {option}", watched, plain, "not watched")


if __name__ == "__main__":
    main()
