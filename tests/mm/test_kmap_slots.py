"""The search for a kmap slot."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from guest import cc, elf
from guest.kernel import Kernel
from mm.errors import KernelBug
from mm.fsck import fsck
from mm.gfp import GFP_HIGHUSER
from mm.setup import BootOptions


def test_a_slot_freed_behind_the_search_is_found() -> None:
    with Kernel.boot(BootOptions(ram=1 << 30)) as kernel:
        pages = [kernel.page_alloc.alloc_pages(GFP_HIGHUSER, 0) for _ in range(1026)]
        slots = {page: kernel.highmem.kmap(page) for page in pages[:1024]}
        assert len(set(slots.values())) == 1024
        kernel.highmem.kunmap(pages[4])
        assert kernel.highmem.kmap(pages[1024]) == slots[pages[4]]
        with pytest.raises(KernelBug):
            kernel.highmem.kmap(pages[1025])
        assert "all 1024 slots are in use" in kernel.log.text()


def run(*arguments: str) -> tuple[int, str]:
    source = Path(__file__).parent.parent / "guest" / "programs" / "kmap_wait.c"
    with Kernel.boot(BootOptions(ram=1 << 30)) as kernel:
        status = kernel.run(elf.read(cc.build([source], kernel.layout), "kmap_wait"), ["kmap_wait", *arguments], 30)
        assert fsck(kernel.ram).damages == []
        return status, re.sub(r"^<\d>", "", kernel.log.text(), flags=re.MULTILINE)


def test_a_kunmap_wakes_who_waits_for_a_slot() -> None:
    status, text = run()
    assert status == 0
    # A jiffy more, for the sleep began within one.
    assert re.search(r"^slot 7 is given back\ngot the same slot after 10[48] ms\n", text, re.MULTILINE), text[-300:]


def test_waiting_for_a_slot_alone_is_a_deadlock() -> None:
    status, text = run("alone")
    assert status == 137
    assert re.search(
        r"deadlock: every task sleeps.*\n  kmap_wait \(pid 2\) D in kmap\+.*called from main.*\n"
        r"  1 task waits for a kmap slot; 1024 of 1024 are in use, and were mapped last by\n"
        r"    1024  kmap_wait \(pid 2\) in main\+0x\w+/0x\w+ \[kmap_wait\]\n",
        text,
    )  # fmt: skip


@pytest.mark.slow
def test_the_deadlock_names_those_that_have_ended(tmp_path: Path) -> None:
    """Three threads hold all the slots, by two lines of code; two of them have ended."""
    source = Path(__file__).parent.parent / "guest" / "programs" / "kmap_holders.c"
    for page_owner in (True, False):
        with Kernel.boot(BootOptions(ram=1 << 30, page_owner=page_owner)) as kernel:
            file = elf.read(cc.build([source], kernel.layout), "kmap_holders")
            assert kernel.run(file, ["kmap_holders"], 30) == 137
            text = kernel.log.text()[kernel.log.text().index("a kmap slot;") :]
            state = kernel.kmap_state()
        assert len(state.slots) == 1024 and [task.comm for task in state.waiting] == ["kmap_holders"]
        lines = text.splitlines()
        assert lines[0] == "a kmap slot; 1024 of 1024 are in use, and were mapped last by"
        if page_owner:
            assert re.match(r"     600  pid [34] \(ended\) in holder\+", lines[1])
            assert re.match(r"     300  pid [34] \(ended\) in holder\+", lines[2])
            assert re.match(r"     124  kmap_holders \(pid 2\) in main\+", lines[3])
        else:
            assert lines[1] == "    1024  unknown: --page-owner off"
