"""The price of walking page tables: one address, and a whole address space."""

from __future__ import annotations

import random

from hw.paging import PAGE_SIZE, P, walk, walk_all
from tools.bench import bare

COUNT = 50_000


def main() -> None:
    """Print the cost of one walk against a bare two-load lookup, and of walk_all against a loop of walks."""
    machine, _ = bare.machine()
    words = machine.ram.words
    addresses = [random.Random(1).randrange(0, 1 << 22) for _ in range(COUNT)]

    def plain() -> None:
        for linear in addresses:
            entry = words[(bare.DIRECTORY >> 2) + (linear >> 22)]
            if entry & P:
                entry = words[(entry >> 12 << 10) + (linear >> 12 & 1023)]

    def walks() -> None:
        for linear in addresses:
            walk(words, bare.DIRECTORY, linear, cr0=bare.CR0, cr4=bare.CR4)

    bare.report("walk", bare.best(walks, COUNT), bare.best(plain, COUNT), "two loads")

    # a full 4 GB of 4 KB pages: 1024 tables in RAM from 8 MB on, frames in runs of 16
    first = 8 << 20
    for slot in range(1024):
        words[(bare.DIRECTORY >> 2) + slot] = first + slot * PAGE_SIZE | 3
    for page in range(1 << 20):
        words[(first >> 2) + page] = (page & 15) << 12 | page >> 4 << 17 & 0x3FF_0000 | 3

    def everything() -> None:
        walk_all(machine.ram, bare.DIRECTORY, bare.CR0, bare.CR4)

    def some() -> None:
        for page in range(COUNT):
            walk(words, bare.DIRECTORY, page << 12, cr0=bare.CR0, cr4=bare.CR4)

    pages = 1 << 20
    bare.report("walk_all, per page of 1,048,576", bare.best(everything, pages), bare.best(some, COUNT, 2), "walk")
    print(f"{'walk_all, whole 4 GB':<34} {bare.best(everything, 1) / 1000:9.1f} ms")


if __name__ == "__main__":
    main()
