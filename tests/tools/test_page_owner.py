"""`page_owner`: its forms, its filters, its answers to mistakes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from guest import cc, elf
from guest.kernel import Kernel
from mm.setup import BootOptions
from tools.errors import CommandError
from tools.monitor import Monitor

SOURCE = """\
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>

static noinline void grow(int order)
{
	alloc_pages(GFP_KERNEL | __GFP_COMP, order);
}

static noinline void grow_high(void)
{
	alloc_page(GFP_HIGHUSER);
}

int main(int argc, char **argv)
{
	while (argc--)
		grow(2);
	grow(0);
	grow_high();
	return 0;
}
"""
OWN = "the kernel itself"


@pytest.fixture(scope="module")
def monitor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitor]:
    source = tmp_path_factory.mktemp("leak") / "leak.c"
    source.write_text(SOURCE)
    with Kernel.boot(BootOptions(ram=1 << 30)) as kernel:
        kernel.run(elf.read(cc.build([source], kernel.layout), "leak.c"), ["leak", "a", "b"])
        yield Monitor(kernel)


def text(monitor: Monitor, line: str) -> str:
    return re.sub(r"\([^ ]*/leak.c:", "(leak.c:", monitor.execute(line).text)


def test_list(monitor: Monitor) -> None:
    lines = text(monitor, "page_owner --at grow*").splitlines()
    assert lines[0] == "   PFN ORDER ZONE       PID          TIME  GFP                    ALLOCATED AT"
    row = r" *[0-9a-f]+ +(\d) (\w+) +\d+ +0\.\d{6}  (\S+) +(grow\w*)\+0x\w+ \((.*)\)"
    found = [match.groups() for line in lines[1:] if (match := re.fullmatch(row, line))]
    assert sorted(found) == [
        ("0", "HighMem", "GFP_HIGHUSER", "grow_high", "leak.c:12"),
        ("0", "Normal", "GFP_KERNEL|__GFP_COMP", "grow", "leak.c:7"),
        *[("2", "Normal", "GFP_KERNEL|__GFP_COMP", "grow", "leak.c:7")] * 3,
    ]
    assert len(found) == len(lines) - 1


def test_backtrace(monitor: Monitor) -> None:
    shown = text(monitor, "page_owner -b -z highmem")
    assert re.search(r"\n {7}\[<[0-9a-f]{8}>\] grow_high\+0x\w+ \(leak.c:12\)\n"
                     r" {7}\[<[0-9a-f]{8}>\] main\+0x\w+ \(leak.c:20\)\n$", shown)  # fmt: skip


def test_groups(monitor: Monitor) -> None:
    """The one with the most pages first; every page of the list is in one."""
    shown = text(monitor, "page_owner -g --at leak.c:7")
    assert shown == ""  # the file has a path
    shown = text(monitor, "page_owner -g --at *leak.c:7")
    assert re.fullmatch(
        r"3 times, 12 pages:\n"
        r"Page allocated via order 2, mask 0x40d0\(GFP_KERNEL\|__GFP_COMP\), pid \d+\n"
        r" \[<[0-9a-f]{8}>\] grow\+0x\w+ \(leak.c:7\)\n \[<[0-9a-f]{8}>\] main\+0x\w+ \(leak.c:18\)\n\n"
        r"1 time, 1 page:\n"
        r"Page allocated via order 0, mask 0x40d0\(GFP_KERNEL\|__GFP_COMP\), pid \d+\n"
        r" \[<[0-9a-f]{8}>\] grow\+0x\w+ \(leak.c:7\)\n \[<[0-9a-f]{8}>\] main\+0x\w+ \(leak.c:19\)\n\n", shown
    )  # fmt: skip
    groups, blocks = (monitor.execute(line).result for line in ("page_owner --group", "page_owner -n 100000"))
    assert sum(group.times for group in groups.groups) == len(blocks.blocks)
    assert sum(group.pages for group in groups.groups) == sum(1 << b.allocation.order for b in blocks.blocks)
    assert [group.pages for group in groups.groups] == sorted((g.pages for g in groups.groups), reverse=True)


def test_by_line(monitor: Monitor) -> None:
    lines = text(monitor, "page_owner --by-line").splitlines()
    assert lines[0] == "  TIMES   PAGES  ALLOCATED AT"
    assert any(re.fullmatch(r"      4      13  grow\+0x\w+ \(leak.c:7\)", line) for line in lines)
    assert any(line.endswith(f"  {OWN}") for line in lines)


def test_filters(monitor: Monitor) -> None:
    def orders(line: str) -> list[int]:
        return [block.allocation.order for block in monitor.execute(f"page_owner {line}").result.blocks]

    every = orders("-n 100000")
    assert orders("-o 2 -n 1000") == [order for order in every if order == 2]
    assert orders("--gfp __GFP_COMP --at *") == orders("--at grow --gfp 0x4000") == orders("--at grow")
    assert orders("--gfp 'GFP_USER | __GFP_HIGHMEM'") == [0] and orders("--gfp GFP_HIGHUSER -z Normal") == []
    limited = monitor.execute("page_owner -n 3")
    assert limited.text.endswith(f"... {len(every) - 3} more: -n COUNT shows them\n")
    assert monitor.execute("page_owner -g -n 1").result.left > 0


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("-x", "no option"), ("-o", "takes a value"), ("-o 11", "from 0 to 10"), ("-z middle", "no zone 'middle'"),
        ("--gfp GFP_MINE", "no GFP flag"), ("-n 0", "from 1 on"), ("--at 'a", "quotation"),
    ],
)  # fmt: skip
def test_mistakes(monitor: Monitor, line: str, why: str) -> None:
    with pytest.raises(CommandError, match=why):
        monitor.execute(f"page_owner {line}")


def test_data(monitor: Monitor) -> None:
    data = json.loads(json.dumps(monitor.execute("page_owner --at grow_high").data))
    (block,) = data["blocks"]
    assert (block["zone"], block["allocation"]["gfp_flags"], data["left"]) == ("HighMem", "GFP_HIGHUSER", 0)
    assert [place["function"] for place in block["allocation"]["trace"]] == ["grow_high", "main"]
    assert [place["line"] for place in block["allocation"]["trace"]] == [12, 20]


def test_without_owner_words() -> None:
    with Kernel.boot(BootOptions(ram=16 << 20, page_owner=False)) as kernel:
        with pytest.raises(CommandError, match="--page-owner off"):
            Monitor(kernel).execute("page_owner")
        assert "owner" not in Monitor(kernel).execute("page f00").text
