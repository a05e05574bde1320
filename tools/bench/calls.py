"""The price of the kernel's calls, from guest C: against a call that does nothing."""

from __future__ import annotations

from pathlib import Path

from guest import cc, elf
from guest.kernel import Kernel
from tools.bench import bare

CALLS = {
    "k": ("kmalloc(64) and kfree", 50_000),
    "p": ("alloc_page and __free_page", 50_000),
    "o": ("alloc_pages and __free_pages, order 3", 10_000),
    "m": ("alloc_page, kmap, kunmap, __free_page of HighMem", 10_000),
    "v": ("vmalloc and vfree of 16 pages", 1_000),
}


def main() -> None:
    """Print what each pair of calls costs, as a multiple of an empty call."""
    with Kernel.boot() as kernel:
        program = elf.read(cc.build([Path(__file__).with_suffix(".c")], kernel.layout))

        def run(which: str, count: int) -> float:
            def once() -> None:
                if kernel.run(program, ["calls", which, str(count)]):
                    raise AssertionError("the program failed")

            return bare.best(once, count)

        empty = run("n", 100_000)
        for which, (name, count) in CALLS.items():
            bare.report(name, run(which, count), empty, "an empty call")


if __name__ == "__main__":
    main()
