"""100,000 kernel page faults in one run: what the CPU says, what the walker says, what the entries were built for."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from guest import cc, elf
from guest.kernel import Kernel
from hw.paging import Access, walk
from mm.gfp import GFP_KERNEL, GFP_ZERO
from mm.layout import PAGE_OFFSET, PAGE_SIZE
from mm.setup import BootOptions

PROGRAM = Path(__file__).parent / "programs" / "probes.c"
FOUR_MB = 4 << 20
LARGE = 0x80
TABLE = 0x067

# Each kind of place: how its PDE and PTE are made (a PTE of None: a 4 MB page or nothing), and the error code that a
# read and a write by ring 0 must raise (None: no fault), from the SDM (vol. 3, 4.7), not from the walker.
KINDS: dict[str, tuple[int, int | None, int | None, int | None]] = {
    "no page table": (0, None, 0, 2),
    "no page table, other bits set": (0xFFFFF000 | 0xFFE, None, 0, 2),
    "page not present": (TABLE, 0, 0, 2),
    "page not present, _PAGE_FILE": (TABLE, 0x12345040, 0, 2),
    "page not present, _PAGE_PROTNONE": (TABLE, 0x00001080, 0, 2),
    "read-only page": (TABLE, 0x061, None, 3),
    "read-only user page": (TABLE, 0x065, None, 3),
    "read-only page table": (0x065, 0x063, None, 3),
    "read-only 4 MB page": (LARGE | 0x061, None, None, 3),
    "4 MB page with a reserved bit": (LARGE | 0x063 | 1 << 21, None, 9, 0xB),
    "read-only 4 MB page with a reserved bit": (LARGE | 0x061 | 1 << 21, None, 9, 0xB),
    "writable page": (TABLE, 0x063, None, None),
    "writable 4 MB page": (LARGE | 0x063, None, None, None),
}


def place_all(kernel: Kernel, seed: int) -> dict[int, tuple[int | None, int | None]]:
    """Make every kind of place several times below 3 GB; address -> (code of a read, code of a write)."""
    rng = random.Random(seed)
    w = kernel.ram.words
    directory = (kernel.layout.va("swapper_pg_dir") - PAGE_OFFSET) >> 2
    spare = kernel.page_alloc.page_to_pfn(kernel.page_alloc.alloc_pages(GFP_KERNEL, 0)) * PAGE_SIZE
    large = 16 << 20  # the frames behind 4 MB pages: nobody uses them here
    expected: dict[int, tuple[int | None, int | None]] = {}
    slots = rng.sample(range(1, 768), 12 * len(KINDS))
    for slot, (pde, pte, read, write) in zip(slots, list(KINDS.values()) * 12, strict=True):
        if pte is not None:
            table = kernel.page_alloc.alloc_pages(GFP_KERNEL | GFP_ZERO, 0)
            pa = kernel.page_alloc.page_to_pfn(table) * PAGE_SIZE
            for index in rng.sample(range(1024), 8):
                w[(pa >> 2) + index] = pte | spare if pte & 1 else pte
                expected[slot * FOUR_MB + index * PAGE_SIZE + rng.randrange(0, PAGE_SIZE, 4)] = read, write
            w[directory + slot] = pa | pde
        else:
            w[directory + slot] = pde | large if pde & 1 else pde & ~1
            for _ in range(8):
                if pde & 1 and read is None and write is None:
                    expected[slot * FOUR_MB + FOUR_MB - 4] = read, write
                else:
                    expected[slot * FOUR_MB + rng.randrange(0, FOUR_MB, 4)] = read, write
    kernel.machine.flush_tlb()
    return expected


def show_programs(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the page directories of programs lead to the places, too."""
    w, create_program = kernel.ram.words, kernel.tasks.create_program

    def create(comm: str, pages: int) -> int:
        task = create_program(comm, pages)
        pgd = kernel.vm.word(kernel.tasks.mm(task) + kernel.layout["mm_struct"].offset("pgd"))
        swapper, directory = (va - PAGE_OFFSET >> 2 for va in (kernel.layout.va("swapper_pg_dir"), pgd))
        w[directory : directory + 768] = w[swapper : swapper + 768]
        return task

    monkeypatch.setattr(kernel.tasks, "create_program", create)


def test_a_hundred_thousand_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel.boot(BootOptions(ram=64 << 20))
    expected = place_all(kernel, seed=20)
    show_programs(kernel, monkeypatch)
    codes: Counter[int] = Counter()
    wrong: list[tuple[int, int]] = []
    cpu = kernel.machine.cpus[0]
    cr0, cr4 = cpu["cr0"], cpu["cr4"]

    def on_fault(event: str, fields: dict[str, int]) -> None:
        address, code = fields["address"], fields["error_code"]
        access = Access.WRITE if code & 2 else Access.READ
        verdict = walk(kernel.ram.words, cpu["cr3"], address, cr0=cr0, cr4=cr4, access=access).error_code
        codes[code] += 1
        if not code == verdict == expected[address][bool(code & 2)]:
            wrong.append((address, code))

    kernel.events.subscribe(["page_fault_kernel"], on_fault)
    addresses = sorted(expected)
    table = kernel.slab.kmalloc(4 * len(addresses), GFP_KERNEL)
    kernel.vm.write(table, b"".join(address.to_bytes(4, "little") for address in addresses))
    a_round = sum((read is not None) + (write is not None) for read, write in expected.values())
    rounds = -(-100_000 // a_round)
    program = elf.read(cc.build([PROGRAM], kernel.layout), name=PROGRAM.name)
    status = kernel.run(program, [PROGRAM.name, f"{table:x}", str(len(addresses)), str(rounds)])

    assert status == 0 and not wrong
    assert len(addresses) >= 1000
    assert set(codes) == {0, 2, 3, 9, 0xB}
    assert codes.total() == rounds * a_round >= 100_000
    assert kernel.log.text().endswith(f"faults {codes.total()}\n")
