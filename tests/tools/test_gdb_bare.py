"""A real gdb and a bare-metal program: interrupts, page tables of its own, a CPU that is halted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.tools.gdb_runner import CTRL_C, ROOT, debug

BARE = ROOT / "guest" / "programs" / "bare"
TICKS = """\
#include "bare.h"

static volatile u32 ticks, go;

static void tick(struct frame *frame)
{
	(void)frame;
	ticks++; /* tick */
	end_of_interrupt(0);
}

int main(void)
{
	init_pic();
	install(0x20, tick);
	init_pit(1000);
	unmask(0);
	asm volatile("sti");
	while (!go) /* loop */
		asm volatile("hlt");
	return 3;
}
"""


def test_a_bare_program_under_gdb(tmp_path: Path) -> None:
    ran = debug(tmp_path, TICKS, (
        "info threads", "break main", "continue", "backtrace", "info registers cr0", "monitor info registers",
        "monitor nothing", "break tick", "continue", "backtrace", "print ticks", "print *frame", "delete",
        "watch ticks", "continue", "delete", CTRL_C, "continue", "print ticks > 1",
        "set var go = 1", "next", "continue",
    ), "--bare")  # fmt: skip
    text = ran.text
    assert re.search(r"1 +Thread 1 \(CPU#0 \[running\]\) +_start", text)
    assert re.search(r"Breakpoint 1, main \(\) at .*prog\.c:\d+\n", text) and "cr0            0x11" in text
    assert "CR0=00000011" in text and "error: 'nothing' is no command" in text
    assert re.search(r"Breakpoint 2, tick \(frame=0x\w+\) at .*prog\.c:\d+\n", text) and "vector = 32" in text
    assert "Old value = 0\nNew value = 1\n" in text and "received signal SIGINT" in text
    assert "$3 = 1\n" in text and ran.status == 3 << 1 | 1, text


def test_page_tables_of_its_own(tmp_path: Path) -> None:
    source = (BARE / "paging.c").read_text()
    ran = debug(tmp_path, source, (
        "break page_fault", "continue", "print/x address", "info registers cr2", "print/x $cr0", "x/wx 0x40000000",
        "delete", "tbreak user", "continue", "print $cs & 3", "stepi", "print $cs & 3", "print/x low_table[0x200] & 7",
        "maintenance packet Qqemu.PhyMemMode:1", "print/x low_table[0x200] & 7", "detach",
    ), "--bare")  # fmt: skip
    assert re.search(r"cr2 +0x40000000 ", ran.text) and "Cannot access memory at address 0x40000000" in ran.text
    assert "= 0x3\n" in ran.text and ran.text.count(" = 3\n") == 2, ran.text
    assert "paging is on" in ran.out


@pytest.mark.slow
def test_two_bare_cpus(tmp_path: Path) -> None:
    ran = debug(tmp_path, (BARE / "smp.c").read_text(), (
        "info threads", "break second", "continue", "info threads", "stepi", "print $_thread", "thread 1", "stepi",
        "print $_thread", "delete", "continue",
    ), "--bare", "--cpus", "2")  # fmt: skip
    assert re.search(r"2 +Thread 2 \(CPU#1 \[off\]\)", ran.text)
    assert re.search(r"\* 2 +Thread 2 \(CPU#1 \[running\]\) +second", ran.text), ran.text
    assert "$1 = 2\n" in ran.text and "$2 = 1\n" in ran.text, ran.text
    assert ran.status == 0 or "exited" in ran.text, ran.text


