"""The price of walking page tables: one address, and a whole address space."""

from __future__ import annotations

import random

from hw.paging import CR4_PAE, PAGE_SIZE, P, walk, walk_all
from hw.ram import RAM
from tools.bench import bare

COUNT = 50_000
PAGES = 1 << 20


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

    # a full 4 GB of 4 KB pages, frames in runs of 16: 1024 tables in RAM from 8 MB on; then the same under PAE,
    # where tables and directories take twice as much
    first = 8 << 20
    for slot in range(1024):
        words[(bare.DIRECTORY >> 2) + slot] = first + slot * PAGE_SIZE | 3
    for page in range(PAGES):
        words[(first >> 2) + page] = (page & 15) << 12 | page >> 4 << 17 & 0x3FF_0000 | 3
    _everything("", machine.ram, bare.DIRECTORY, bare.CR4)

    pointers, directories = first - PAGE_SIZE, first - 5 * PAGE_SIZE
    for slot in range(4):
        words[(pointers >> 2) + 2 * slot] = directories + slot * PAGE_SIZE | 1
    for slot in range(2048):
        words[(directories >> 2) + 2 * slot] = first + slot * PAGE_SIZE | 3
    for page in range(PAGES):
        words[(first >> 2) + 2 * page] = (page & 15) << 12 | page >> 4 << 17 & 0x3FF_0000 | 3
        words[(first >> 2) + 2 * page + 1] = 0
    _everything("PAE: ", machine.ram, pointers, bare.CR4 | CR4_PAE)


def _everything(name: str, ram: RAM, cr3: int, cr4: int) -> None:
    words = ram.words

    def everything() -> None:
        walk_all(ram, cr3, bare.CR0, cr4)

    def some() -> None:
        for page in range(COUNT):
            walk(words, cr3, page << 12, cr0=bare.CR0, cr4=cr4)

    bare.report(f"{name}walk_all, per page", bare.best(everything, PAGES), bare.best(some, COUNT, 2), "walk")
    print(f"{name + 'walk_all, whole 4 GB':<34} {bare.best(everything, 1) / 1000:9.1f} ms")


if __name__ == "__main__":
    main()
