"""Guest programs whose time under a checking tool is compared with that without."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from guest import cc, elf
from guest.kernel import Kernel
from mm.setup import BootOptions
from tools.bench import bare

#: name, RAM and runs
PROGRAMS = (
    ("tour.c", 1 << 30, 20), ("kmap_wrap.c", 1 << 30, 3), ("vmalloc_sync.c", 1 << 30, 3), ("threads.c", 1 << 30, 10),
    ("pressure.c", 64 << 20, 1),
)  # fmt: skip
#: what calls.c does by its first argument, and how often
CALLS = {"n": "an empty call", "k": "kmalloc(64) and kfree", "m": "kmap and kunmap", "v": "vmalloc and vfree"}
COUNTS = {"n": 50_000, "k": 20_000, "m": 5_000, "v": 500}
FOLDER = Path(__file__).parent


def timed(source: Path, ram: int, arguments: Sequence[str], runs: int, watch: Callable[[Kernel], object]) -> float:
    """Microseconds for a run of a program, on a kernel that `watch` was given."""
    with Kernel.boot(BootOptions(ram=ram)) as kernel:
        program = elf.read(cc.build([source], kernel.layout), source.name)
        watch(kernel)

        def once() -> None:
            for _ in range(runs):
                if kernel.run(program, [source.name, *arguments]):
                    raise AssertionError("the program failed")

        return bare.best(once, runs, 3)
