"""kmap, fixmap and kernel_page_tables: their text, their data, their mistakes; the page tables against the walker."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from guest.kernel import Kernel
from hw import Machine, paging
from mm.gfp import GFP_HIGHUSER, GFP_KERNEL
from mm.layout import PAGE_OFFSET
from mm.ptdump import REGIONS
from mm.setup import BootOptions
from tools.errors import CommandError
from tools.monitor import Monitor

SHOWN = 0x1F  # P, RW, US, PWT, PCD
LINE = re.compile(
    r"0x([0-9a-f]{8})-0x([0-9a-f]{8}) {3}( *\d+)([KMG]) "
    r"( {26}|(?:USR |    )(?:RW |ro )(?:PWT |    )(?:PCD |    )(?:PSE |pat |    )(?:GLB |    )(?:NX |x  ))"
    r"(pgd|pmd|pte)"
)


def make(pae: bool, page_owner: bool = True) -> Kernel:
    kernel = Kernel.boot(BootOptions(ram=1 << 30, pae=pae, page_owner=page_owner))
    pages = [kernel.page_alloc.alloc_pages(GFP_HIGHUSER, 0) for _ in range(6)]
    for page in pages[:4]:
        kernel.highmem.kmap(page)
    kernel.highmem.kmap(pages[2])
    kernel.highmem.kunmap(pages[0])
    kernel.highmem.kmap_atomic(pages[5], 3)
    kernel.fixmap.set_fixmap(2, 0xFEE00000, 0x173)
    for size in (100000, 5 << 20, 4096):
        kernel.vmalloc.vmalloc(size)
    return kernel


@pytest.fixture(scope="module", params=[False, True], ids=["two levels", "PAE"])
def kernel(request: pytest.FixtureRequest) -> Iterator[Kernel]:
    with make(request.param) as kernel:
        yield kernel


@pytest.fixture
def monitor(kernel: Kernel) -> Monitor:
    return Monitor(kernel)


# kmap


def test_kmap(monitor: Monitor, kernel: Kernel) -> None:
    slots, base = kernel.layout.last_pkmap, kernel.highmem.pkmap_base
    lines = monitor.execute("kmap").text.splitlines()
    assert lines[:4] == [
        f"{slots} kmap slots from {base:08x} on: 3 in use, 1 unused but mapped, {slots - 4} free",
        f"last_pkmap_nr 4, {slots - 5} free slots until the search wraps",
        " SLOTS  IN USE, MAPPED LAST BY",
        "     3  swapper (pid 0), the kernel itself",
    ]
    first = kernel.kmap_state().slots[3]
    assert first.page is not None and first.pfn is not None
    where = f"     3  {base + 0x3000:08x}      3  in use  {first.pfn:7x}  {first.page:08x}"
    assert lines[6] == f"{where}  swapper (pid 0), the kernel itself"
    assert [line.split()[0] for line in lines[5:8]] == ["2", "3", "4"]
    assert re.fullmatch(r"     0  fffb9000  [0-9a-f]+ +KM_USER0", lines[9]) and len(lines) == 10


def test_every_slot_of_kmap(monitor: Monitor, kernel: Kernel) -> None:
    answer = monitor.execute("kmap -a")
    rows = answer.text.splitlines()[5:]
    assert [row.split()[3] for row in rows[:5]] == ["free", "unused", "in", "in", "in"]
    assert rows[0] == f"     0  {kernel.highmem.pkmap_base:08x}      0  free          -         -"
    assert len(answer.result.slots) == kernel.layout.last_pkmap
    assert answer.data["slots"][3] | {"pfn": 0, "page": 0} == {
        "nr": 3, "address": kernel.highmem.pkmap_base + 0x3000, "count": 3, "users": 2, "state": "in use", "pfn": 0,
        "page": 0, "holder": {"pid": 0, "comm": "swapper", "caller": None},
    }  # fmt: skip
    assert answer.data["atomic"][0]["km_type"] == "KM_USER0" and answer.data["waiting"] == []


def test_kmap_without_page_owner() -> None:
    with make(False, page_owner=False) as kernel:
        answer = Monitor(kernel).execute("kmap")
        assert "     3  unknown: --page-owner off\n" in answer.text
        assert not answer.data["owners_known"] and answer.data["holders"] == [{"slots": 3, "holder": None}]


def test_views_of_a_saved_machine(monitor: Monitor, kernel: Kernel, tmp_path: Path) -> None:
    lines = ["kmap", "kmap -a", "fixmap", "kernel_page_tables"]
    kernel.machine.save(tmp_path / "image")
    with Kernel.attach(Machine.load(tmp_path / "image")) as again:
        other = Monitor(again)
        assert [other.execute(line).text for line in lines] == [monitor.execute(line).text for line in lines]


# fixmap


def test_fixmap(monitor: Monitor, kernel: Kernel) -> None:
    lines = monitor.execute("fixmap").text.splitlines()
    digits = 16 if kernel.layout.pae else 8
    nx = "8" if kernel.layout.pae else ""
    assert lines[:3] == [
        "3 of 102 fixmap slots in use",
        f"INDEX  ADDRESS   {'PTE':<{digits}}  NAME",
        f"    2  ffffd000  {0xFEE00173:0{digits}x}  FIX_APIC_BASE  no RAM, PRESENT|RW|PCD|ACCESSED|DIRTY|GLOBAL",
    ]
    assert re.match(rf"   66  fffbd000  {nx}0*febff173  FIX_HYPERCALL  hypercall window, PRESENT\|RW\|PCD", lines[3])
    assert re.match(rf"   70  fffb9000  {nx}0*[0-9a-f]+163  FIX_KMAP KM_USER0 CPU 0  HighMem, PRESENT\|RW", lines[4])
    every = monitor.execute("fixmap -a")
    assert len(every.result.slots) == 102
    assert f"\n  101  fff9a000  {'-' * digits}  FIX_WP_TEST\n" in every.text
    assert every.data["slots"][2]["maps"] == "no RAM" and every.data["slots"][1]["pfn"] is None


# kernel_page_tables


def test_kernel_page_tables_has_debugfs_form(monitor: Monitor, kernel: Kernel) -> None:
    text = monitor.execute("kernel_page_tables").text
    lines = text.splitlines()
    assert [line for line in lines if line.startswith("---")] == [f"---[ {region} ]---" for region in REGIONS]
    end = 0
    for line in lines:
        if not line.startswith("---"):
            match = LINE.fullmatch(line)
            assert match and len(match[3]) == 9, line
            start, stop = int(match[1], 16), int(match[2], 16) or 1 << 32
            assert start == end and stop - start == int(match[3]) << {"K": 10, "M": 20, "G": 30}[match[4]]
            end = stop
    assert end == 1 << 32
    expected = [
        "---[ User Space ]---",
        "0x00000000-0xc0000000           3G                           pgd",
        "---[ Kernel Mapping ]---",
        "0xc0000000-0xf8000000         896M     RW         PSE GLB x  pgd",
        "0xf8000000-0xf8800000           8M                           pgd",
        "---[ vmalloc() Area ]---",
        "0xf8800000-0xf8819000         100K     RW             GLB x  pte",
    ]
    if kernel.layout.pae:
        expected = [
            "---[ User Space ]---",
            "0x00000000-0xc0000000           3G                           pmd",
            "---[ Kernel Mapping ]---",
            "0xc0000000-0xc0200000           2M     RW         PSE GLB x  pmd",
            "0xc0200000-0xf8000000         894M     RW         PSE GLB NX pmd",
            "0xf8000000-0xf8800000           8M                           pmd",
            "---[ vmalloc() Area ]---",
            "0xf8800000-0xf8819000         100K     RW             GLB NX pte",
        ]
    assert lines[: len(expected)] == expected
    assert "\n0xffffd000-0xffffe000           4K     RW     PCD     GLB x  pte\n" in text


def test_kernel_page_tables_agrees_with_the_walker(kernel: Kernel) -> None:
    """Every page that the walker finds is in a run of its attributes, and nothing else is."""
    cpu = kernel.machine.cpus[0]
    nx = 1 << 63 if kernel.layout.pae else 0
    walked: dict[int, tuple[int, bool]] = {}
    for row in paging.walk_all(kernel.ram, cpu["cr3"], cpu["cr0"], cpu["cr4"], cpu.read_msr(0xC0000080)):
        for va in range(int(row["start"]), int(row["end"]), 4096):
            flags = int(row["flags"])
            walked[va] = flags & SHOWN | flags & 0x100, bool(flags & paging.ROW_NX)
    dumped = {
        va: (run.flags & SHOWN | run.flags & 0x100, bool(run.flags & nx))
        for run in kernel.kernel_page_tables()
        if run.flags
        for va in range(run.start, run.end, 4096)
    }
    assert dumped == walked


def test_page_tables_of_another_directory(monitor: Monitor, kernel: Kernel) -> None:
    own = monitor.execute("kernel_page_tables").text
    assert monitor.execute("kernel_page_tables --cr3 $cr3").text == own
    pgd = kernel.page_alloc.get_zeroed_page(GFP_KERNEL)
    table = kernel.page_alloc.get_zeroed_page(GFP_KERNEL)
    tables = kernel.tables.of(pgd)
    if kernel.layout.pae:
        tables.write(pgd, table - PAGE_OFFSET | 1)
        tables.write(table, 0x40000E7)  # a large page
    else:
        tables.write(pgd, table - PAGE_OFFSET | 0x67)
        tables.write(table + 4 * 5, 0x1234067)
        tables.write(table + 4 * 6, 0x0000000000A0)  # PROT_NONE
        tables.write(table + 4 * 7, 0x1234025)
    text = monitor.execute(f"kernel_page_tables --cr3 {pgd - PAGE_OFFSET:x}").text
    if kernel.layout.pae:
        assert text.splitlines()[1:4] == [
            "0x00000000-0x00200000           2M USR RW         PSE     x  pmd",
            "0x00200000-0x40000000        1022M                           pmd",
            "0x40000000-0xc0000000           2G                           pgd",
        ]
    else:
        assert text.splitlines()[1:7] == [
            "0x00000000-0x00005000          20K                           pte",
            "0x00005000-0x00006000           4K USR RW                 x  pte",
            "0x00006000-0x00007000           4K     ro         pat     x  pte",
            "0x00007000-0x00008000           4K USR ro                 x  pte",
            "0x00008000-0x00400000        4064K                           pte",
            "0x00400000-0xc0000000        3068M                           pgd",
        ]
    kernel.page_alloc.free_pages(table, 0)
    kernel.page_alloc.free_pages(pgd, 0)


def test_a_directory_that_is_damaged_is_shown(kernel: Kernel) -> None:
    """Entries that lead out of RAM: holes, no error."""
    pgd = kernel.page_alloc.get_zeroed_page(GFP_KERNEL)
    kernel.tables.write(pgd, 0xFFFFF067)
    assert [run.flags for run in kernel.kernel_page_tables(pgd - PAGE_OFFSET)] != []
    kernel.page_alloc.free_pages(pgd, 0)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("kmap -x", "'-x' is no option"), ("fixmap 3", "'3' is no option"),
        ("kernel_page_tables -x", "'-x' is no option"), ("kernel_page_tables --cr3", "--cr3 needs a value"),
        ("kernel_page_tables --cr3 ffffff000", "no page directory can be at physical 0xffffff000"),
    ],
)  # fmt: skip
def test_mistakes(monitor: Monitor, line: str, says: str) -> None:
    with pytest.raises(CommandError, match=re.escape(says)):
        monitor.execute(line)


@pytest.mark.parametrize("line", ["kmap", "kmap -a", "fixmap -a", "kernel_page_tables"])
def test_json(monitor: Monitor, line: str) -> None:
    out = io.StringIO()
    assert monitor.answer_all([line], out, io.StringIO(), as_json=True)
    assert json.loads(out.getvalue())["result"]
