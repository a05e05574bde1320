"""The page cache as guest programs use it: the programs pages_*.c print what they print on a kernel of 2.6.20."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from guest import cc, elf
from guest.kernel import Kernel
from mm.fsck import fsck
from mm.layout import PAGE_OFFSET
from mm.setup import BootOptions

HERE = Path(__file__).resolve().parent
MB = 1 << 20


def run(program: str, ram: int = 128 * MB, nr_cpus: int = 1) -> tuple[int, str, Kernel]:
    """Boots a machine, builds and runs a program on it: its exit status, what it printed, and the machine."""
    path = HERE / "programs" / f"pages_{program}.c"
    kernel = Kernel.boot(BootOptions(ram=ram, nr_cpus=nr_cpus))
    before = len(kernel.log.text())
    status = kernel.run(elf.read(cc.build([path], kernel.layout, "rel"), path.name), [path.name], 60)
    text = re.sub(r"^<\d>", "", kernel.log.text()[before:], flags=re.MULTILINE)
    return status, text, kernel


EXPECTED = {
    "cache": """\
inode 1, count 1, host 1, mask 200d2
mask d0
read 3: "page 3", filled 1
read 3: "page 3", filled 1
read 13: error -5
read 70000: "page 70000", filled 3
written: 5 pages: 3- 5d- 8d- 13- 70000-
drained: 5 pages: 3 5d 8d 13 70000
tagged 1 0, writing: 5 8, tagged 0 0
clean: 5 pages: 3 5 8a 13 70000
invalidated 3
left: 3 pages: 3 6d 70000
offset 24576, nowait 1, again 0
truncated: w 0 0
truncated: 2 pages: 3 6d
invalidate page 2 from 5 on
read 3: "page 3", filled 4
invalidated 1, released 1
igrab 1, count 1
invalidate page 2 from 0 on
""",
    "threads": """\
one wants page 3
two wants page 3
main gives it back
one has it
two has it
finder: found it
main writes
truncater starts
truncater: 0 pages
written
count 1, mapping 0
truncater starts
main gives it back
truncater: 0 pages
finder: it is gone
creator: a new page, 1 pages
main: 1 pages
putter: the inode is gone
count 1, mapping 0
""",
}


@pytest.mark.variants
@pytest.mark.parametrize("program", EXPECTED)
def test_program(every_compiler: str, program: str) -> None:
    status, text, kernel = run(program)
    with kernel:
        assert (status, text) == (0, EXPECTED[program])
        report = fsck(kernel.ram)
        assert report.damages == [] and "page cache" not in report.frames and report.frames.get("in use", 0) == 0


@pytest.mark.variants
@pytest.mark.parametrize("options", [{"nr_cpus": 2}, {"ram": 1024 * MB}], ids=["for two CPUs", "HighMem"])
@pytest.mark.parametrize("program", EXPECTED)
def test_program_elsewhere(program: str, options: dict[str, int]) -> None:
    status, text, kernel = run(program, **options)
    with kernel:
        assert (status, text) == (0, EXPECTED[program])


WAITING = """\
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/pagemap.h>
#include <linux/sched.h>

static int wait_for_page(void *page)
{
	lock_page(page);
	return 0;
}

int main(int argc, char **argv)
{
	struct inode *inode = new_inode(NULL);
	struct page *page = grab_cache_page(inode->i_mapping, 3);
	int n;

	for (n = 0; n < 3; n++)
		kthread_run(wait_for_page, page, "waiter %d", n);
	yield();
	panic("now");
}
"""


def test_tasks_on_a_page_queue(tmp_path: Path) -> None:
    """Who waits for a page hangs in its zone's wait table; each wrong link there is found."""
    source = tmp_path / "waiting.c"
    source.write_text(WAITING)
    with Kernel.boot(BootOptions(ram=128 * MB)) as kernel:
        kernel.run(elf.read(cc.build([source], kernel.layout, "rel"), source.name), [source.name], 60)
        assert "Kernel panic - not syncing: now" in kernel.log.text()
        assert fsck(kernel.ram).damages == []
        link = kernel.layout["task_struct"].offset("wait.task_list")
        waiters = [task for task in kernel.tasks.each() if kernel.tasks.comm(task).startswith("waiter")]
        words = [(task + link - PAGE_OFFSET >> 2) + n for task in waiters for n in range(2)]
        head = kernel.ram.words[(waiters[0] + link + 4 - PAGE_OFFSET) >> 2]
        assert len(waiters) == 3
        for at in [*words, head - PAGE_OFFSET >> 2]:
            for value in (0, kernel.ram.words[at] ^ 8, waiters[1]):
                before, kernel.ram.words[at] = kernel.ram.words[at], value
                assert fsck(kernel.ram).damages
                kernel.ram.words[at] = before
