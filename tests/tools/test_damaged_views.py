"""Translations, structures, lists and call chains of machines whose memory and registers are damaged at random."""

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
    "vtop kmalloc", "vtop --pid 2 kmalloc", "aliases 100", "aliases -v $esp", "pagewalk", "pagewalk -m -filter w",
    "ptdiff now pid:1", "pgcost -v", "bt", "bt all", "bt -a -f", "bt -t", "list kmem_cache.next cache_chain -s name",
    "list task_struct.tasks -h init_task -s comm", "list vm_struct.next vmlist", "struct task_struct init_task",
    "struct zone contig_page_data", "telescope $esp", "telescope init_task 40", "rd -S init_task 40",
    "search -n 5 kmalloc c1000000", "dis $eip 5", "hexdump $esp", "rd --pid 1 init_task",
)  # fmt: skip
ROUNDS = 12


@pytest.mark.parametrize("pae", [False, True])
def test_every_answer_is_an_answer(pae: bool) -> None:
    chance = random.Random(99 + pae)
    with Kernel.boot(BootOptions(ram=16 << 20, pae=pae)) as kernel:
        kernel.tasks.create_program("shell", 1)
        kernel.vmalloc.vmalloc(100_000)
        monitor, words, cpu = Monitor(kernel), kernel.ram.words, kernel.machine.cpus[0]
        places = (
            range(kernel.layout.va("mem_map") - PAGE_OFFSET, kernel.layout.va("_end") - PAGE_OFFSET, 4),
            range(0x1000, 0x5000, 4), range(0x800000, len(words) * 4 - 4, 4),
        )  # fmt: skip
        registers = {name: cpu[name] for name in ("esp", "ebp", "eip")}
        for _ in range(ROUNDS):
            changed: dict[int, int] = {}
            for _ in range(chance.choice((1, 5, 200))):
                index = chance.choice(chance.choice(places)) >> 2
                changed.setdefault(index, words[index])
                wild = PAGE_OFFSET | chance.getrandbits(24)
                words[index] = chance.choice((0, 0xFFFFFFFF, wild, words[index] ^ 1 << chance.randrange(32)))
            for name in registers:
                cpu[name] = chance.choice((registers[name], 0, 0xFFFFFFFC, PAGE_OFFSET | chance.getrandbits(24)))
            for line in LINES:
                try:
                    answer = monitor.execute(line)
                    assert answer.text.endswith("\n")
                    json.dumps(answer.data)
                except HighmemError as error:
                    assert str(error) and "\n" not in str(error)
            for index, value in changed.items():
                words[index] = value
            for name, value in registers.items():
                cpu[name] = value
        assert monitor.execute("vtop c0100000").result.physical == 0x100000
