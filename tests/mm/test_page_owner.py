"""Who owns a page: the records against what a program did, and against a model."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guest import cc, elf
from guest.kernel import Kernel
from mm.errors import DamagedMemory
from mm.fsck import fsck
from mm.gfp import GFP_COMP, GFP_HIGHUSER, GFP_KERNEL, GFP_ZERO
from mm.layout import PAGE_OFFSET, PAGE_OWNER_DEPTH, PAGE_OWNER_RECORDS, THREAD_SIZE
from mm.page_owner import OwnedBlock
from mm.setup import BootOptions

ROOT = Path(__file__).resolve().parents[2]
PLACES = PAGE_OWNER_RECORDS - 1
Boot = Callable[..., Kernel]
SOURCE = """\
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/sched.h>

static noinline struct page *leaf(gfp_t gfp, int order)
{
	struct page *page = alloc_pages(gfp, order);                /* line 8 */
	printk("%lu %d\\n", page_to_pfn(page), current->pid);
	return page;
}

static noinline struct page *middle(int order)
{
	struct page *page = leaf(GFP_KERNEL | __GFP_ZERO, order);   /* line 15 */
	return page;
}

static noinline int deep(int n)
{
	return n ? deep(n - 1) + 1 : leaf(GFP_HIGHUSER, 0) != NULL; /* line 21 */
}

static int thread(void *data)
{
	struct page *page = middle(1);                              /* line 26 */
	while (!kthread_should_stop())
		schedule_timeout_uninterruptible(1);
	return page != NULL;
}

int main(void)
{
	struct page *first, *freed;
	struct task_struct *task;

	first = middle(3);                                          /* line 37 */
	freed = middle(0);
	leaf(GFP_KERNEL | __GFP_COMP, 2);                           /* line 39 */
	deep(30);
	task = kthread_run(thread, NULL, "thread");
	schedule_timeout_uninterruptible(2);
	kthread_stop(task);
	__free_page(freed);
	return first == freed;
}
"""


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Kernel, list[tuple[int, int]]]]:
    """A machine in which the program has run, and the frames and pids that it told of."""
    source = tmp_path_factory.mktemp("owner") / "owner.c"
    source.write_text(SOURCE)
    with Kernel.boot(BootOptions(ram=1 << 30)) as kernel:
        start = len(kernel.log.text())
        assert kernel.run(elf.read(cc.build([source], kernel.layout), "owner.c"), ["owner"]) == 0
        told = re.findall(r"^(\d+) (\d+)$", kernel.log.text()[start:], re.MULTILINE)
        yield kernel, [(int(pfn), int(pid)) for pfn, pid in told]


def owner_of(kernel: Kernel, pfn: int) -> OwnedBlock:
    block = kernel.page_owner(pfn)
    assert block is not None and block.owner is not None
    return block


def functions(kernel: Kernel, block: OwnedBlock) -> list[tuple[str, int]]:
    """(function, line) of each call in a backtrace."""
    assert block.owner
    names = []
    for address in block.owner.trace:
        symbol, line = kernel.symbol_at(address), kernel.symbols.line(address - 1)
        assert symbol and line and line[0].endswith("owner.c")
        names.append((symbol[0], line[1]))
    return names


def test_records_say_what_the_program_did(done: tuple[Kernel, list[tuple[int, int]]]) -> None:
    kernel, told = done
    (big, pid), (freed, _), (compound, _), (high, _), (threads, other) = told
    expected = [
        (big, 3, GFP_KERNEL | GFP_ZERO, pid, [("leaf", 8), ("middle", 15), ("main", 37)]),
        (compound, 2, GFP_KERNEL | GFP_COMP, pid, [("leaf", 8), ("main", 39)]),
        (high, 0, GFP_HIGHUSER, pid, [("leaf", 8)] + [("deep", 21)] * (PAGE_OWNER_DEPTH - 1)),
        (threads, 1, GFP_KERNEL | GFP_ZERO, other, [("leaf", 8), ("middle", 15), ("thread", 26)]),
    ]
    assert other != pid and freed not in {block.pfn for block in kernel.page_owners()}
    times = []
    for pfn, order, gfp_mask, who, trace in expected:
        block = owner_of(kernel, pfn)
        assert block.owner and block.pfn == pfn
        assert (block.owner.order, block.owner.gfp_mask, block.owner.pid) == (order, gfp_mask, who)
        assert functions(kernel, block) == trace
        assert block.owner.users == 1
        times.append(block.nsec)
        for tail in range(pfn, pfn + (1 << order)):
            assert kernel.page_owner(tail) == block
    assert times == sorted(set(times)) and 0 < times[0] and times[-1] < kernel.clock()
    assert owner_of(kernel, high).zone == "HighMem"
    assert fsck(kernel.ram).damages == []


def test_a_new_process_sees_the_same(done: tuple[Kernel, list[tuple[int, int]]], tmp_path: Path) -> None:
    kernel, _ = done
    kernel.machine.save(tmp_path / "image")
    script = (
        "import sys; from guest.kernel import Kernel; from hw import Machine\n"
        "print(Kernel.attach(Machine.load(sys.argv[1])).page_owners())"
    )
    result = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "image")], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert result.stderr == "" and result.stdout == f"{kernel.page_owners()}\n"


def test_the_kernels_own_pages(boot: Boot) -> None:
    kernel = boot(ram=64 << 20)
    blocks = kernel.page_owners()
    assert blocks and all(block.owner and block.owner.trace == () and block.owner.pid == 0 for block in blocks)
    page = kernel.page_alloc.alloc_pages(GFP_KERNEL, 4)
    block = owner_of(kernel, kernel.page_alloc.page_to_pfn(page) + 15)
    assert block.owner and (block.owner.order, block.owner.gfp_mask) == (4, GFP_KERNEL)
    kernel.page_alloc._free_pages(page, 4)
    assert kernel.page_owner(block.pfn) is None and kernel.page_owners() == blocks
    assert kernel.page_owner(0x100) is None  # the kernel image


def test_without_owner_words(boot: Boot) -> None:
    kernel = boot(ram=64 << 20, page_owner=False)
    kernel.page_alloc.alloc_pages(GFP_KERNEL, 0)
    assert kernel.page_owners() == [] and kernel.page_owner(0x1000) is None
    assert not [name for name in kernel.layout.symbols if "owner" in name]
    assert "page_owner" not in kernel.layout.structs


# frame pointers


ESP = THREAD_SIZE - 0x400  # offsets in the stack
CALL, UP = 0xF8801111, [0xF8802000 + n for n in range(20)]


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        # offset -> (saved frame pointer, return address); the first is what EBP holds
        ([(ESP + 64, 0, 0)], []),  # the outermost function
        ([(ESP + 64, ESP + 128, UP[0]), (ESP + 128, 0, UP[1])], UP[:1]),
        ([(ESP + 8 * n + 64, ESP + 8 * n + 72, UP[n]) for n in range(20)], UP[: PAGE_OWNER_DEPTH - 1]),
        ([(ESP + 64, ESP + 64, UP[0])], UP[:1]),  # leads to itself
        ([(ESP + 64, ESP + 32, UP[0]), (ESP + 32, 0, UP[1])], UP[:1]),  # leads down
        ([(ESP + 64, THREAD_SIZE + 64, UP[0]), (THREAD_SIZE + 64, 0, UP[1])], UP[:1]),  # on another stack
        ([(ESP + 65, 0x1234, UP[0])], []),
        ([(ESP - 64, ESP + 64, UP[0])], []),
        ([(THREAD_SIZE - 8, 4, UP[0])], UP[:1]),  # the last place of a frame
        ([(THREAD_SIZE - 4, 4, UP[0])], []),
    ],
)
def test_backtrace(boot: Boot, frames: list[tuple[int, int, int]], expected: list[int]) -> None:
    """Along the frame pointers, upwards, on one stack."""
    kernel = boot(ram=64 << 20)
    stack = kernel.page_alloc._get_free_pages(GFP_KERNEL, 2)
    w = kernel.ram.words
    for offset, saved, address in frames:
        i = stack + offset - PAGE_OFFSET >> 2
        w[i], w[i + 1] = stack + saved if saved else 0, address
    w[(stack + ESP - PAGE_OFFSET >> 2) + 1] = stack + frames[0][0]
    before = kernel.traps.esp
    kernel.traps.esp, kernel.traps.caller = stack + ESP, CALL
    page = kernel.page_alloc.alloc_pages(GFP_KERNEL & ~0x10, 0)
    kernel.traps.esp, kernel.traps.caller = before, 0
    block = owner_of(kernel, kernel.page_alloc.page_to_pfn(page))
    assert block.owner and block.owner.trace == (CALL, *expected)
    assert fsck(kernel.ram).damages == []


def test_esp_outside_of_lowmem(boot: Boot) -> None:
    kernel = boot(ram=64 << 20)
    kernel.traps.esp, kernel.traps.caller = 0x1000, CALL
    page = kernel.page_alloc.alloc_pages(0, 0)
    assert page and owner_of(kernel, kernel.page_alloc.page_to_pfn(page)).owner is not None


# the table of records


def allocate(kernel: Kernel, caller: int, order: int = 0, gfp_mask: int = GFP_KERNEL) -> int:
    """Allocate as if a program had from `caller`; the frame."""
    kernel.traps.caller = caller
    page = kernel.page_alloc.alloc_pages(gfp_mask & ~0x10, order)
    kernel.traps.caller = 0
    return kernel.page_alloc.page_to_pfn(page)


def free(kernel: Kernel, pfn: int, order: int = 0) -> None:
    kernel.page_alloc._free_pages(kernel.page_alloc.pfn_to_page(pfn), order)


def callers(kernel: Kernel) -> dict[int, int | None]:
    """Frame -> call site, 0 for the kernel itself, None where there is no record."""
    blocks = kernel.page_owners()
    return {b.pfn: (b.owner.trace[0] if b.owner.trace else 0) if b.owner else None for b in blocks}


def test_a_full_table(boot: Boot) -> None:
    """What finds no place has no record; one that is named no more makes room."""
    kernel = boot(ram=64 << 20)
    own = len({block.owner.address for block in kernel.page_owners() if block.owner})
    held = {allocate(kernel, 1000 + n): 1000 + n for n in range(PLACES)}
    found = callers(kernel)
    assert sum(1 for caller in found.values() if caller is None) == own
    assert all(found[pfn] in (caller, None) for pfn, caller in held.items())
    assert fsck(kernel.ram).damages == []
    again = allocate(kernel, 1000)  # equal to one that has a record
    assert callers(kernel)[again] == 1000
    chance = random.Random(5)
    frames = list(held)
    for _ in range(40):
        for pfn in chance.sample(frames, 3):
            frames.remove(pfn)
            free(kernel, pfn)
        for _ in range(4):
            frames.append(allocate(kernel, chance.randrange(1 << 32)))
    assert fsck(kernel.ram).damages == []
    for pfn in frames:
        free(kernel, pfn)
    assert callers(kernel) == {again: 1000} | {pfn: 0 for pfn in found if found[pfn] == 0}
    fresh = {allocate(kernel, 90000 + n): 90000 + n for n in range(300)}
    assert {pfn: caller for pfn, caller in callers(kernel).items() if pfn in fresh} == fresh
    assert fsck(kernel.ram).damages == []


STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.integers(1, 6), st.integers(0, 4), st.sampled_from([GFP_KERNEL, GFP_HIGHUSER, GFP_KERNEL | GFP_COMP])
        ),
        st.integers(0, 100),
    ),
    max_size=60,
)


@pytest.fixture(scope="module")
def modelled() -> Iterator[Kernel]:
    with Kernel.boot(BootOptions(ram=900 << 20)) as kernel:
        yield kernel


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(steps=STEPS)
def test_against_a_model(modelled: Kernel, steps: list[tuple[int, int, int] | int]) -> None:
    """Random allocations and frees: every block has its record, each record its number of users."""
    kernel, model = modelled, dict[int, tuple[int, int, int, int]]()
    before = {block.pfn for block in kernel.page_owners()}
    for step in steps:
        kernel.clock.advance()
        if isinstance(step, tuple):
            caller, order, gfp_mask = step
            if order == 0:
                gfp_mask &= ~GFP_COMP
            model[allocate(kernel, caller, order, gfp_mask)] = (caller, order, gfp_mask & ~0x10, kernel.clock())
        elif model:
            pfn = list(model)[step % len(model)]
            free(kernel, pfn, model.pop(pfn)[1])
    blocks = [block for block in kernel.page_owners() if block.pfn not in before]
    assert {
        b.pfn: (b.owner.trace[0], b.owner.order, b.owner.gfp_mask, b.nsec) for b in blocks if b.owner
    } == model
    users = Counter(block.owner.address for block in blocks if block.owner)
    assert all(block.owner and block.owner.users == users[block.owner.address] for block in blocks)
    assert len(users) == len({key[:3] for key in model.values()})
    assert fsck(kernel.ram).damages == []
    for pfn, (_, order, _, _) in model.items():
        free(kernel, pfn, order)
    assert {block.pfn for block in kernel.page_owners()} == before


# damage


def test_damage_is_told(boot: Boot) -> None:
    kernel = boot(ram=64 << 20)
    pfn = allocate(kernel, CALL)
    page = kernel.page_alloc.pfn_to_page(pfn)
    at = page + kernel.layout["page"].offset("owner") - PAGE_OFFSET >> 2
    w = kernel.ram.words
    record = w[at]
    for wrong in (1, record + 4, kernel.layout.va("page_owners") - 64, 0xFFFFFFC0):
        w[at] = wrong
        with pytest.raises(DamagedMemory, match=f"frame {pfn:#x}"):
            kernel.page_owners()
        assert [(d.structure, d.field) for d in fsck(kernel.ram).damages[-1:]] == [
            (f"struct page of frame {pfn:#x}", "owner")
        ]
    w[at] = record
    w[(record - PAGE_OFFSET >> 2) + kernel.layout["page_owner"].word("nr_entries")] = 99
    with pytest.raises(DamagedMemory, match="record"):
        kernel.page_owners()
    assert not fsck(kernel.ram).clean


def test_blocks_freed_as_one_lose_all_their_records(boot: Boot) -> None:
    """A wrong order at the free: the second page is bad, but nothing is left behind."""
    kernel = boot(ram=64 << 20)
    one = allocate(kernel, CALL)
    while one & 1 or allocate(kernel, CALL + 4) != one + 1:
        one = allocate(kernel, CALL)
    free(kernel, one, 1)
    assert "Bad page state" in kernel.log.text()
    assert one not in callers(kernel) and one + 1 not in callers(kernel)
    assert not [damage for damage in fsck(kernel.ram).damages if "owner" in f"{damage.structure}{damage.field}"]
