"""`kmemleak`: its forms, and its answers to mistakes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from guest import cc, elf
from guest.kernel import Kernel
from mm.setup import BootOptions
from tools.errors import CommandError
from tools.monitor import Monitor

LEAKY = """\
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
int main(void)
{
    void *small = kmalloc(100, GFP_KERNEL), *large = kmalloc(100000, GFP_KERNEL), *area = vmalloc(10000);
    struct page *high = alloc_pages(GFP_HIGHUSER, 2);

    printk("%p %p %lx %p\\n", small, large, page_to_pfn(high), area);
    return 0;
}
"""


@pytest.fixture(scope="module")
def monitor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitor]:
    with Kernel.boot(BootOptions(ram=1 << 30)) as kernel:
        yield Monitor(kernel)


def test_nothing(monitor: Monitor) -> None:
    answer = monitor.execute("kmemleak")
    assert answer.text == "no unreferenced memory\n" and not answer.failed
    assert answer.data == {"rows": [], "objects": 0, "blocks": 0, "areas": 0, "size": 0}


def test_leaks(monitor: Monitor, tmp_path: Path) -> None:
    source, kernel = tmp_path / "leaky.c", monitor.session.kernel
    source.write_text(LEAKY)
    assert kernel.run(elf.read(cc.build([source], kernel.layout), "leaky.c"), ["leaky"]) == 0
    small, large, high, area = kernel.log.text().splitlines()[-1].rpartition(">")[2].split()
    answer = monitor.execute("kmemleak")
    assert answer.failed
    lines = answer.text.splitlines()
    assert lines[0].split() == ["ADDRESS", "PFN", "SIZE", "KIND", "PAGES", "ALLOCATED", "AT"]
    rows = {line.split()[0]: line.split()[1:] for line in lines[1:-1]}
    assert set(rows) == {small, large, "-", area}
    assert rows[small][1:4] == ["128", "slab", "size-128"] and rows[large][1:4] == ["131072", "slab", "size-131072"]
    assert rows["-"][:5] == [high, "16384", "pages", "order", "2"] and rows[area][1:3] == ["12288", "vmalloc"]
    assert all("main+" in " ".join(rows[key]) for key in (large, "-", area))
    assert lines[-1] == "156 kB unreferenced: 2 slab objects, 1 block of pages, 1 vmalloc area"
    assert {row["address"] for row in answer.data["rows"]} == {None, *(int(a, 16) for a in (small, large, area))}
    first = monitor.execute("kmemleak -n 1").text.splitlines()
    assert first[1].split() == lines[1].split()
    assert first[2:] == ["... 3 more: -n COUNT shows them", lines[-1]]
    assert monitor.execute("kmemleak -n 0").text.splitlines() == ["... 4 more: -n COUNT shows them", lines[-1]]


@pytest.mark.parametrize(
    ("line", "words"),
    [("kmemleak 5", "'5' is no option of kmemleak"), ("kmemleak -n", "a count is a number, not ''"),
     ("kmemleak -n x", "a count is a number, not 'x'; usage: kmemleak [-n COUNT]"), ("kmemleak --free", "no option")],
)  # fmt: skip
def test_mistakes(monitor: Monitor, line: str, words: str) -> None:
    with pytest.raises(CommandError) as caught:
        monitor.execute(line)
    assert words in str(caught.value)


def test_without_owners(tmp_path: Path) -> None:
    with Kernel.boot(BootOptions(ram=64 << 20, page_owner=False)) as kernel:
        kernel.vmalloc.vmalloc(100)
        assert Monitor(kernel).execute("kmemleak").text.splitlines()[1].endswith("  ?")
