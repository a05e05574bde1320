"""`highmem trace summary`: against a naive count, and what it says of a program that leaks."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guest import cc, elf
from guest.kernel import Kernel
from mm.setup import BootOptions
from tools import cli
from tools.trace.model import Names, Row, Site
from tools.trace.recorder import record
from tools.trace.summary import summarize

LEAKY = """\
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/mm.h>
#include <linux/kernel.h>
static void *keep;
static void leak(int n)
{
	while (n--)
		keep = kmalloc(100, GFP_KERNEL);	/* line 9 */
}
int main(void)
{
	int i;
	for (i = 0; i < 40; i++)
		kfree(kmalloc(200, GFP_KERNEL));	/* line 15 */
	leak(7);
	vfree(vmalloc(12288));
	alloc_pages(GFP_KERNEL, 2);	/* line 18 */
	kmalloc(1 << 20, GFP_KERNEL | __GFP_NOWARN);	/* too much: line 19 */
	return *(volatile int *)8;
}
"""


@pytest.fixture(scope="module")
def leaky(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("leaky")
    (folder / "leaky.c").write_text(LEAKY)
    with Kernel.boot(BootOptions(ram=64 << 20)) as kernel:
        program = elf.read(cc.build([folder / "leaky.c"], kernel.layout), "leaky.c")
        with record(kernel, str(folder / "leaky.dat"), ["k*alloc,kfree,vmalloc,vfree,mm_page_alloc,*fault*"]):
            assert kernel.run(program, ["leaky.c"]) == 137
    return folder / "leaky.dat"


def test_a_leak_is_named(leaky: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["trace", "summary", str(leaky), "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    at = {(site["kind"], int(site["source"].rsplit(":", 1)[1])): site for site in summary["sites"] if site["source"]}
    leak, good, pages, failed = at["slab", 9], at["slab", 15], at["pages", 18], at["slab", 19]
    assert leak["symbol"].startswith("leak+0x") and leak["source"].endswith("leaky.c:9")
    assert (leak["allocations"], leak["live"], leak["live_bytes"], leak["bytes_req"]) == (7, 7, 7 * 128, 700)
    assert (good["allocations"], good["freed"], good["live"], good["mean_lifetime"]) == (40, 40, 0, 1000)
    assert (pages["live_bytes"], failed["failed"], failed["bytes_alloc"]) == (4 << 12, 1, 0)
    assert at["vmalloc", 17]["freed"] == 1
    sizes = {(size["kind"], size["bytes_alloc"]): size for size in summary["sizes"]}
    assert sizes["slab", 256]["allocations"] >= 40 and sizes["slab", 128]["live"] >= 7
    assert [(f["event"], f["symbol"].split("+")[0], f["source"].rsplit(":")[-1]) for f in summary["faults"]] == [
        ("page_fault_kernel", "main", "20"),
    ]  # fmt: skip


def test_the_text(leaky: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["trace", "summary", str(leaky), "--top", "2", "--events", "k*"]) == 0
    text = capsys.readouterr().out
    live = text[text.index("Still allocated at the end") :]
    assert "leak+0x" in live and "leaky.c:9)" in live and "... and" in text
    assert "Faults" not in text
    assert cli.main(["trace", "summary", str(leaky)]) == 0
    assert "page_fault_kernel  main+0x" in capsys.readouterr().out


def test_wrong_numbers_of_rows(leaky: Path) -> None:
    assert cli.main(["trace", "summary", str(leaky), "--top", "0"]) == 2


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 6), st.sampled_from([32, 64]), st.integers(1, 3)), max_size=60))
def test_against_a_naive_count(steps: list[tuple[bool, int, int, int]]) -> None:
    rows: list[Row] = []
    living: dict[int, tuple[int, int, int]] = {}
    lived: Counter[int] = Counter()
    made: Counter[int] = Counter()
    lost = 0
    for number, (free, ptr, size, site) in enumerate(steps):
        ts = 700 * number
        if free:
            rows.append(("kfree", ts, 0, 1, 9, (9, ptr)))
            if ptr in living:
                since, _, where = living.pop(ptr)
                lived[where] += ts - since
            else:
                lost += 1
        elif ptr not in living:
            rows.append(("kmalloc", ts, 0, 1, site, (site, ptr, size - 1, size, 0)))
            living[ptr] = ts, size, site
            made[site] += 1
    names = Names(sites={(1, True): Site(1, True, "one", 4, "a.c", 7)})
    summary = summarize("x", rows, names, lambda count: None)
    assert summary.unmatched == lost and summary.live == len(living)
    assert summary.live_bytes == sum(size for _, size, _ in living.values())
    for site in summary.sites:
        left = [since for since, _, where in living.values() if where == site.call_site]
        assert (site.allocations, site.live, site.oldest_live) == (
            made[site.call_site], len(left), min(left, default=None),
        )  # fmt: skip
        assert site.mean_lifetime == (lived[site.call_site] // site.freed if site.freed else None)
        named = ("one+0x4", "a.c:7") if site.call_site == 1 else (f"0x{site.call_site:08x}", "")
        assert (site.symbol, site.source) == named
    assert sum(row.slab for row in summary.lifetimes) == sum(site.freed for site in summary.sites)
