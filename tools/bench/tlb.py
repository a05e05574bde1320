"""The price of --check-tlb: the same programs with it and without."""

from __future__ import annotations

from guest import cc
from guest.kernel import Kernel
from tools.bench import bare
from tools.bench.programs import CALLS, COUNTS, FOLDER, PROGRAMS, timed


def main() -> None:
    """Print each program's time under watch, as a multiple of its time without."""
    for name, ram, runs in PROGRAMS:
        source = cc.PROGRAMS / name
        plain = timed(source, ram, [], runs, lambda kernel: None)
        bare.report(name, timed(source, ram, [], runs, Kernel.check_tlb), plain, "not watched")
        few = timed(source, ram, [], runs, lambda kernel: kernel.check_tlb(64))
        bare.report(f"{name}, 64 entries", few, plain, "not watched")
    for which, what in CALLS.items():
        count = COUNTS[which]
        how = FOLDER / "calls.c", 1 << 30, [which, str(count)], 1
        plain = timed(*how, lambda kernel: None) / count
        bare.report(what, timed(*how, Kernel.check_tlb) / count, plain, "not watched")


if __name__ == "__main__":
    main()
