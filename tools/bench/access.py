"""The price of --check-access and of --check-uninit: the same programs with them and without."""

from __future__ import annotations

from guest import cc
from guest.kernel import Kernel
from tools.bench import bare
from tools.bench.programs import CALLS, COUNTS, FOLDER, PROGRAMS, timed

ACCESSES = 3 * 999 * 1000  # of loads.c
WAYS = (("--check-access", Kernel.check_access), ("--check-uninit", lambda kernel: kernel.check_access(True)))


def main() -> None:
    """Print each program's time under watch, as a multiple of its time without."""
    no_arguments: list[str] = []
    rows = [(name, cc.PROGRAMS / name, ram, no_arguments, runs, 1) for name, ram, runs in PROGRAMS]
    rows += [
        (what, FOLDER / "calls.c", 1 << 30, [which, str(COUNTS[which])], 1, COUNTS[which])
        for which, what in CALLS.items()
    ]
    rows.append(("a load or a store", FOLDER / "loads.c", 64 << 20, no_arguments, 1, ACCESSES))
    for what, source, ram, arguments, runs, each in rows:
        plain = timed(source, ram, arguments, runs, lambda kernel: None) / each
        for option, watch in WAYS:
            watched = timed(source, ram, arguments, runs, watch) / each
            bare.report(f"{what}, {option}", watched, plain, "not watched")


if __name__ == "__main__":
    main()
