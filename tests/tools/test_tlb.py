"""`info tlb`, and --check-tlb on the command line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from guest import cc
from guest.kernel import Kernel
from mm.setup import BootOptions
from tools.cli import main
from tools.errors import CommandError
from tools.monitor import Monitor

PROGRAMS = Path(__file__).parents[1] / "guest" / "programs"
BUG = str(cc.PROGRAMS / "bugs" / "missing_tlb_flush.c")


@pytest.mark.parametrize("pae", [False, True], ids=["two levels", "pae"])
def test_every_mapped_page(pae: bool) -> None:
    """QEMU's line; each page as the walker has it."""
    with Kernel.boot(BootOptions(ram=64 << 20, pae=pae)) as kernel:
        kernel.vmalloc.vmalloc(5000)
        monitor = Monitor(kernel)
        answer = monitor.execute("info tlb")
        lines = answer.text.splitlines()
        assert len(lines) == len(answer.result.mapped)
        for line, page in zip(lines, answer.result.mapped):
            assert re.fullmatch(r"[0-9a-f]{16}: [0-9a-f]{16} [X-][G-][P-][D-][A-][C-][T-][U-][W-]", line)
            walk = monitor.session.walk(page.linear)
            assert (walk.pa, walk.page_size) == (page.physical, page.size)
            assert ("W" in page.flags, "U" in page.flags) == (walk.writable, walk.user)
            assert ("X" in page.flags) == (not walk.executable)
        large = "00000000c1000000: 0000000001000000 " + ("XGPDA---W" if pae else "-GPDA---W")
        assert large in lines
        assert sum("P" in page.flags for page in answer.result.mapped) >= 15


def test_stale_ones_are_known_only_under_watch() -> None:
    with Kernel.boot(BootOptions(ram=64 << 20)) as kernel:
        monitor = Monitor(kernel)
        with pytest.raises(CommandError, match="known only where --check-tlb was given"):
            monitor.execute("info tlb -s")
        with pytest.raises(CommandError, match="'-x' is no option"):
            monitor.execute("info tlb -x")
        kernel.check_tlb()
        answer = monitor.execute("info tlb -s")
        assert answer.text == "no stale translations\n" and not answer.failed


def test_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", BUG, "--ram", "64M"]) == 0
    assert capsys.readouterr().out == "the second page has nothing\n"
    assert main(["run", BUG, "--ram", "64M", "--check-tlb", "-ex", "info tlb -s"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("BUG: stale TLB entry on CPU 0: write of c") and "the second page has its text\n" in out
    assert out.endswith("\nno stale translations; accesses reported that could use one: 1 (dmesg)\n")


def test_what_a_dead_program_leaves(capsys: pytest.CaptureFixture[str]) -> None:
    program = str(PROGRAMS / "tlb.c")
    assert main(["run", program, "untouched", "--ram", "64M", "--tlb-entries", "64", "-ex", "info tlb -s"]) == 137
    lines = capsys.readouterr().out.splitlines()
    head = next(at for at, line in enumerate(lines) if line.startswith("CPU LINEAR"))
    assert re.fullmatch(r"  0 (\w{5})000   4K \w{8}   PTE \w{8} \w{8} -> \w{8}", lines[head + 1])
    assert re.fullmatch(r"    changed at 0\.\d{6} on CPU 0 by (main|set_pte)\+\S+ \[tlb\] \(.*\)", lines[head + 2])
    assert main(["monitor", program, "untouched", "--ram", "64M", "--check-tlb", "--json", "-ex", "info tlb -s"]) == 1
    (row,) = json.loads(capsys.readouterr().out)["result"]["stale"]
    assert row["cpu"] == 0 and row["level"] == "PTE" and not row["reported"] and row["old"] != row["new"]
    assert row["changed_on_cpu"] == 0 and row["size"] == 4096


@pytest.mark.parametrize("count", ["0", "7", "x", "-1"])
def test_a_wrong_capacity(count: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", BUG, "--tlb-entries", count]) == 2
    assert "--tlb-entries" in capsys.readouterr().err
