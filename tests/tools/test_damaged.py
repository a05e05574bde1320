"""Every command answers, or says in one line why not, on memory that is damaged at random."""

from __future__ import annotations

import json
import random

import pytest

from guest.kernel import Kernel
from hw.errors import HighmemError
from mm.layout import PAGE_OFFSET
from mm.setup import BootOptions
from tools.monitor import Monitor

LINES = (
    "vtop c0100000", "vtop $esp", "vtop ff800000", "info mem", "info registers", "info cpus", "x /4xw $esp",
    "x /3i $eip",
    "x /s kernel_strings", "xp /8xb 9fc00", "buddyinfo", "slabinfo", "slabtop", "kmem -s", "kmem -S size-256",
    "slab dump size-32", "slab dump task_struct", "slab contains c0800010", "vmallocinfo", "kmem -v", "dmesg",
    "page_owner", "page_owner -g", "kmemleak", "kmap", "kmap -a", "fixmap -a", "kernel_page_tables", "vmalloc",
    "info tlb",
)  # fmt: skip
ROUNDS = 80


@pytest.mark.slow
def test_commands_on_damaged_memory() -> None:
    chance = random.Random(2620)
    kernel = Kernel.boot(BootOptions(ram=16 << 20))
    monitor = Monitor(kernel)
    words = kernel.ram.words
    image = range(kernel.layout.va("mem_map") - PAGE_OFFSET, kernel.layout.va("_end") - PAGE_OFFSET, 4)
    slabs = range(0x800000, len(words) * 4 - 4, 4)
    for _ in range(ROUNDS):
        changed = {}
        for _ in range(chance.choice((1, 5, 200))):
            place = chance.choice((image, image, slabs))
            index = place[chance.randrange(len(place))] >> 2
            changed.setdefault(index, words[index])
            flipped = words[index] ^ 1 << chance.randrange(32)
            words[index] = chance.choice((0, 0xFFFFFFFF, chance.getrandbits(32), flipped))
        for line in LINES:
            try:
                answer = monitor.execute(line)
                assert answer.text.endswith("\n") or not answer.text
                json.dumps(answer.data)
            except HighmemError as error:
                assert str(error) and "\n" not in str(error)
        for index, value in changed.items():
            words[index] = value
    assert monitor.execute("vtop c0100000").result.physical == 0x100000
