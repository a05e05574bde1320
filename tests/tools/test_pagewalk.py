"""vtop, gva2gpa, pte, aliases, pagewalk, ptdiff and pgcost: against the walker, and each other."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from guest.kernel import Kernel
from hw import paging
from mm.gfp import GFP_HIGHUSER, GFP_KERNEL
from mm.layout import PAGE_OFFSET, PAGE_SHIFT
from mm.setup import BootOptions
from tools.errors import CommandError
from tools.monitor import Monitor

SMALL = 4096
WINDOWS = 0xF800_0000  # behind the direct map


@pytest.fixture(scope="module", params=[False, True], ids=["two levels", "PAE"])
def monitor(request: pytest.FixtureRequest) -> Iterator[Monitor]:
    with Kernel.boot(BootOptions(ram=1 << 30, pae=request.param)) as kernel:
        pages = [kernel.page_alloc.alloc_pages(GFP_HIGHUSER, 0) for _ in range(20)]
        for page in pages[:15]:
            kernel.highmem.kmap(page)
        kernel.highmem.kmap_atomic(pages[5], 3)
        areas = [kernel.vmalloc.vmalloc(size) for size in (100_000, 5 << 20, 4096, 70_000)]
        kernel.vmalloc.vfree(areas[2])
        # flags of every kind, as a driver could set them
        for number, flags in enumerate((0x1, 0x5, 0x7, 0x19, 0x83, 0x43, 0x107)):
            va = areas[1] + number * SMALL
            pte = kernel.tables.get_pte(va)
            kernel.tables.set_pte(va, pte & ~0x1FF | flags)
        yield Monitor(kernel)


def rows(monitor: Monitor, first: int = 0) -> dict[int, tuple[int, int, int]]:
    """Every mapped 4 KB from `first` on: linear -> (physical, flags, page size)."""
    cpu, kernel = monitor.session.cpu, monitor.session.kernel
    found = {}
    for start, end, pa, flags, size in paging.walk_all(
        kernel.ram, cpu["cr3"], cpu["cr0"], cpu["cr4"], monitor.session.efer
    ).tolist():
        for linear in range(max(start, first), end, SMALL):
            found[linear] = (pa + linear - start, flags, size)
    return found


def pages(answer: list[Any]) -> dict[int, int]:
    """What pagewalk says, page by page: linear -> physical."""
    return {
        linear: r.physical + linear - r.start
        for r in answer if r.contiguous for linear in range(r.start, r.end, SMALL)
    }  # fmt: skip


def test_pagewalk_is_all_that_is_mapped(monitor: Monitor) -> None:
    expected = rows(monitor)
    for line in ("pagewalk", "pagewalk -flat"):
        answer = monitor.execute(line).result
        assert pages(answer) == {linear: pa for linear, (pa, _, _) in expected.items()}
    flat = monitor.execute("pagewalk -flat").result
    assert all(r.end - r.start == r.page_size and r.pages == 1 for r in flat)
    merged = monitor.execute("pagewalk -m").result
    assert {linear for r in merged for linear in range(r.start, r.end, SMALL)} == set(expected)
    for r in merged:
        frames = [expected[linear][0] for linear in range(r.start, r.end, SMALL)]
        assert r.contiguous == (frames == list(range(frames[0], frames[0] + SMALL * len(frames), SMALL)))
        assert r.physical == frames[0] and len({expected[linear][1:] for linear in range(r.start, r.end, SMALL)}) == 1


FILTERS = {
    "-filter w": lambda flags, size: flags & paging.RW,
    "-filter ro": lambda flags, size: not flags & paging.RW,
    "-filter u": lambda flags, size: flags & paging.US,
    "-filter s": lambda flags, size: not flags & paging.US,
    "-filter x": lambda flags, size: not flags & paging.ROW_NX,
    "-filter nx": lambda flags, size: flags & paging.ROW_NX,
    "-filter w,x": lambda flags, size: flags & paging.RW and not flags & paging.ROW_NX,
    "-attr global": lambda flags, size: flags & paging.G,
    "-attr !dirty": lambda flags, size: not flags & paging.D,
    "-attr pcd,pwt": lambda flags, size: flags & paging.PCD and flags & paging.PWT,
    "-attr a,!g": lambda flags, size: flags & paging.A and not flags & paging.G,
    "-attr pat": lambda flags, size: flags & paging.PAT,
    "-large": lambda flags, size: size > SMALL,
    "-small": lambda flags, size: size == SMALL,
}


@pytest.mark.variants
@pytest.mark.parametrize("words", FILTERS)
def test_filters(monitor: Monitor, words: str) -> None:
    expected = {at: pa for at, (pa, flags, size) in rows(monitor).items() if FILTERS[words](flags, size)}
    assert pages(monitor.execute(f"pagewalk {words}").result) == expected
    text = monitor.execute(f"pagewalk {words}").text
    assert text.startswith("LINEAR") if expected else text == "nothing of that kind is mapped\n"


def test_ranges(monitor: Monitor) -> None:
    expected = rows(monitor)
    low = max(linear for linear in expected if linear < 0xF800_0000) + SMALL
    inside = {at: pa for at, (pa, _, size) in expected.items() if low <= at < 0xFFC0_0000}
    assert pages(monitor.execute(f"pagewalk -range {low:x} ffc00000").result) == inside
    above = {at: pa for at, (pa, _, _) in expected.items() if at >= 0xFFC0_0000}
    assert pages(monitor.execute("pagewalk -range ffc00000 0").result) == above
    (whole,) = monitor.execute("pagewalk -has mem_map").result
    assert whole.start <= monitor.session.address("mem_map") < whole.end and whole.region == "direct map"
    assert monitor.execute("pagewalk -has 12345678").result == []
    for linear, (pa, _, _) in random.Random(3).sample(sorted(expected.items()), 20):
        found = pages(monitor.execute(f"pagewalk -phys {pa:x} {pa + 1:x}").result)
        assert found[linear] == pa, hex(linear)


def test_vtop_and_gva2gpa_and_aliases_agree(monitor: Monitor) -> None:
    expected = rows(monitor)
    chosen = random.Random(4).sample(sorted(expected), 60) + [at for at in expected if at > 0xF880_0000][:60]
    for linear in chosen:
        pa, flags, size = expected[linear]
        address = linear + 0x123
        vtop = monitor.execute(f"vtop {address:x}").result
        assert (vtop.physical, vtop.page_size, vtop.writable) == (pa + 0x123, size, bool(flags & paging.RW))
        assert monitor.execute(f"gva2gpa {address:x}").text == f"gpa: {pa + 0x123:#x}\n"
        (alias,) = [a for a in monitor.execute(f"aliases {pa >> PAGE_SHIFT:x}").result.aliases if a.linear == linear]
        assert alias.page_size == size and ("w" in alias.rights) == bool(flags & paging.RW)
        assert monitor.execute(f"aliases -v {address:x}").result.physical == pa
        # pte takes the last entry apart as vtop shows it
        last = vtop.levels[-1]
        level = "pte" if size == SMALL else "pmd"
        entry = monitor.execute(f"pte -l {level} {last.entry:x}").result
        assert (entry.physical, entry.page_size, entry.flags) == (pa & -size, size, last.flags)


def test_a_pte_that_is_not_present(monitor: Monitor) -> None:
    answer = monitor.execute("pte 1234500")
    assert answer.result.physical is None and "(not present)" in answer.text
    table = monitor.execute("pte -l pmd 1067")
    assert table.result.page_size == 0 and "(a page table)" in table.text
    assert "available bits 101" in monitor.execute("pte 1a67").text
    with pytest.raises(CommandError, match="does not fit"):
        monitor.execute("pte 1" + "0" * 16)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("pte", "an entry is missing"), ("pte xyz", "'xyz' is no hexadecimal number"), ("pte -l top 1", "no level"),
        ("aliases ffffffff", "is it an address"), ("aliases -v 12345678", "nothing is mapped"),
        ("aliases -p -v 0", "exclude"), ("pagewalk -filter q", "-filter knows"), ("pagewalk -attr q", "-attr knows"),
        ("pagewalk -flat -m", "exclude"), ("pagewalk kmalloc", "takes no arguments"), ("ptdiff", "what with what"),
        ("ptdiff save", "needs a name"), ("ptdiff save now", "can be called now"), ("ptdiff a b c", "two things"),
        ("ptdiff nothing", "no snapshot"), ("ptdiff drop nothing", "no snapshot"), ("ptdiff pid:x", "not a pid"),
        ("pgcost now", "takes no arguments"),
    ],
)  # fmt: skip
def test_mistakes(monitor: Monitor, line: str, words: str) -> None:
    with pytest.raises(CommandError, match=words):
        monitor.execute(line)


# ptdiff


def changed(before: dict[int, tuple[int, int, int]], after: dict[int, tuple[int, int, int]]) -> set[int]:
    mask = ~(paging.A | paging.D)

    def kept(page: tuple[int, int, int] | None) -> tuple[int, int, int] | None:
        return page and (page[0], page[1] & mask, page[2])

    return {at for at in before.keys() | after.keys() if kept(before.get(at)) != kept(after.get(at))}


def test_ptdiff_of_two_moments(monitor: Monitor) -> None:
    kernel, rng = monitor.session.kernel, random.Random(5)
    areas: list[int] = []
    for step in range(12):
        before = rows(monitor, WINDOWS)
        assert monitor.execute("ptdiff save before").text == "kept as before\n"
        match rng.randrange(4):
            case 0:
                areas.append(kernel.vmalloc.vmalloc(rng.randrange(1, 300_000)))
            case 1 if areas:
                kernel.vmalloc.vfree(areas.pop(rng.randrange(len(areas))))
            case 2:
                kernel.highmem.kmap(kernel.page_alloc.alloc_pages(GFP_HIGHUSER, 0))
            case _:
                areas.append(kernel.vmalloc.vmalloc(SMALL * 3))
                va = areas[-1] + SMALL
                kernel.tables.set_pte(va, kernel.tables.get_pte(va) & ~rng.choice([2, 0x60, 0x42]))
        after = rows(monitor, WINDOWS)
        difference = monitor.execute("ptdiff before").result
        got = {at for change in difference.changes for at in range(change.start, change.end, SMALL)}
        assert got == changed(before, after), step
        for change in difference.changes:
            for at in range(change.start, change.end, SMALL):
                for side, page in ((before, change.before), (after, change.after)):
                    assert (page is None) == (at not in side)
                    if page:
                        assert side[at][0] == page.physical + at - change.start
            kinds = {"mapped": change.before is None, "unmapped": change.after is None}
            assert kinds.get(change.kind, True)
    assert monitor.execute("ptdiff now now").text.endswith("everything is mapped alike\n")
    assert "before  cr3" in monitor.execute("ptdiff list").text
    monitor.execute("ptdiff drop before")
    assert monitor.execute("ptdiff list").text == "no snapshot was taken\n"


def test_ptdiff_of_accessed_bits(monitor: Monitor) -> None:
    kernel = monitor.session.kernel
    va = kernel.vmalloc.vmalloc(SMALL)
    monitor.execute("ptdiff save clean")
    kernel.tables.set_pte(va, kernel.tables.get_pte(va) & ~paging.D)
    assert monitor.execute("ptdiff clean").result.changes == []
    (change,) = monitor.execute("ptdiff clean -a").result.changes
    assert (change.start, change.kind) == (va, "rights")
    kernel.tables.set_pte(va, kernel.tables.get_pte(va) & ~paging.RW)
    (change,) = monitor.execute("ptdiff clean").result.changes
    assert (change.kind, change.before.flags & paging.RW, change.after.flags & paging.RW) == ("rights", paging.RW, 0)


def test_ptdiff_of_two_address_spaces() -> None:
    with Kernel.boot(BootOptions(ram=256 << 20)) as kernel:
        monitor = Monitor(kernel)
        task = kernel.tasks.create_program("shell", 1)
        init, shell = kernel.address_spaces()
        assert monitor.execute(f"ptdiff {init.cr3:x} pid:{shell.pids[0]}").result.changes == []
        area = kernel.vmalloc.vmalloc(5 << 20)  # needs page tables that only init_mm gets
        changes = monitor.execute(f"ptdiff {shell.cr3:x} {init.cr3:x}").result.changes
        assert changes and all(change.kind == "mapped" and change.before is None for change in changes)
        new = {at for change in changes for at in range(change.start, change.end, SMALL)}
        assert min(new) >= area and {area, area + (5 << 20) - SMALL} <= new
        # what mm.fault repairs at the first touch
        kernel.directories.vmalloc_sync_all()
        assert monitor.execute(f"ptdiff {init.cr3:x} pid:{shell.pids[0]}").result.changes == []
        kernel.tasks.release(task)


# pgcost


def test_pgcost_counts_the_page_tables(monitor: Monitor) -> None:
    kernel = monitor.session.kernel
    cost = monitor.execute("pgcost -v").result
    frames = kernel.frame_map()
    theirs = {pfn for pfn in range(kernel.limits.max_pfn) if frames.kind(pfn) == "page table"}
    ours = {table.physical >> PAGE_SHIFT for table in cost.tables if table.level != "pgd"}
    assert ours == theirs
    used = sum(table.used for table in cost.tables if table.level == "pte")
    assert used == sum(size == SMALL for _, _, size in rows(monitor).values())
    assert cost.size == sum(table.size for table in cost.tables)
    (space,) = cost.spaces
    assert (space.own, space.shared, space.tables) == (cost.size, 0, len(cost.tables))
    text = monitor.execute("pgcost -v").text
    assert "init_mm" in text and "vmalloc" in text and "the kernel itself" in text


def test_pgcost_of_programs(monitor: Monitor) -> None:
    kernel = monitor.session.kernel
    before = monitor.execute("pgcost").result.size
    task = kernel.tasks.create_program("shell", 1)
    cost = monitor.execute("pgcost").result
    for space in cost.spaces:
        alone = monitor.execute(f"pgcost --cr3 {space.space.cr3:x}").result
        assert alone.spaces == [space] and alone.size == space.own + space.shared
    with pytest.raises(CommandError, match="no address space has its page directory"):
        monitor.execute("pgcost --cr3 5000")
    own = 32 + 3 * SMALL if kernel.layout.pae else SMALL
    assert cost.size == before + own and [space.own for space in cost.spaces][1] == own
    assert cost.spaces[1].shared == cost.spaces[0].shared > 0
    kernel.tasks.release(task)


# forms


def test_json(monitor: Monitor) -> None:
    out, err = io.StringIO(), io.StringIO()
    lines = ["vtop kmalloc", "gva2gpa 0", "pte 1067", "aliases 100", "pagewalk -m", "ptdiff now now", "pgcost -v"]
    assert monitor.answer_all(lines, out, err, as_json=True) and not err.getvalue()
    answers = [json.loads(line)["result"] for line in out.getvalue().splitlines()]
    assert answers[0]["physical"] == 0x101000 and answers[1] is None and answers[2]["physical"] == 0x1000
    assert answers[3]["aliases"][0]["linear"] == 0xC0100000 and answers[4][0]["start"] == PAGE_OFFSET
    assert answers[5]["changes"] == [] and answers[6]["tables"][0]["level"] == "pgd"


def test_nothing_is_touched(monitor: Monitor) -> None:
    kernel = monitor.session.kernel
    array = kernel.slab.kmalloc(64, GFP_KERNEL)
    before = bytes(kernel.ram.bytes[: 64 << 20])
    for line in ("vtop kmalloc", "pagewalk -flat", "pgcost -v", "aliases 100", "ptdiff now now", f"rd {array:x}"):
        monitor.execute(line)
    assert bytes(kernel.ram.bytes[: 64 << 20]) == before
