"""Every call of the kernel is used by a guest test."""

from __future__ import annotations

from pathlib import Path

import pytest

from guest import calls, elf
from tools.testing.programs import load

TESTS = Path(__file__).resolve().parents[2] / "guest" / "tests"


@pytest.mark.slow
def test_every_call_is_used_by_a_guest_test() -> None:
    used: set[str] = set()
    for path in sorted(TESTS.glob("*.c")):
        used.update(load(path, [])[0].undefined)
    exported = {call.name for call in calls.TABLE if call.header}
    assert exported - used == set()


def test_there_are_cases_enough() -> None:
    cases = sum(path.read_text().count("\tKUNIT_CASE") for path in TESTS.glob("*.c"))
    assert cases >= 60


def test_a_program_says_what_it_leaves_open(build) -> None:
    program = elf.read(build("#include <linux/slab.h>\nint main(void) { kfree(0); return 0; }"), "x.c")
    assert "kfree" in program.undefined and "kmalloc" not in program.undefined
