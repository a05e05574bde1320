"""What the monitor shows of PAE page tables."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from guest.kernel import Kernel
from hw.paging import CR4_SMAP, NX
from mm.setup import BootOptions
from tools.monitor import Monitor


@pytest.fixture(scope="module")
def monitor() -> Iterator[Monitor]:
    with Kernel.boot(BootOptions(ram=6 << 30, pae=True)) as kernel:
        yield Monitor(kernel)


def lines(monitor: Monitor, line: str) -> list[str]:
    return monitor.execute(line).text.splitlines()


def test_vtop_of_a_highmem_page(monitor: Monitor) -> None:
    kernel = monitor.session.kernel
    page = kernel.page_alloc.alloc_pages(0x02, 0)  # __GFP_HIGHMEM
    va = kernel.highmem.kmap_atomic(page, 0)
    result = monitor.execute(f"vtop {va + 0x123:x}").result
    assert result.physical is not None and result.physical >= 4 << 30 and result.physical & 0xFFF == 0x123
    assert result.page.page == page and result.page_size == 4096
    assert [level.level for level in result.levels] == ["PGD", "PMD", "PTE"]
    pointer, directory, table = result.levels
    assert pointer.flags == ["PRESENT"] and pointer.physical == monitor.session.cpu["cr3"] + 24
    assert "NX" in table.flags and table.entry & NX
    frame = result.physical & -4096
    assert lines(monitor, f"vtop {va + 0x123:x}")[:12] == [
        "VIRTUAL   PHYSICAL",
        f"{va + 0x123:08x}  {result.physical:x}",
        "",
        f"PAGE DIRECTORY: {pointer.virtual - 24:08x}",
        f"  PGD: {pointer.virtual:08x} => {pointer.entry:08x}  (PRESENT)",
        f"  PMD: {directory.virtual:08x} => {directory.entry:08x}  ({'|'.join(directory.flags)})",
        f"  PTE: {table.virtual:08x} => {table.entry:016x}  ({'|'.join(table.flags)})",
        f" PAGE: {frame:08x}",
        "",
        "      PTE         PHYSICAL   FLAGS",
        f"{table.entry:016x}  {frame:x}  ({'|'.join(table.flags)})",
        "",
    ]
    kernel.highmem.kunmap_atomic(va, 0)


def test_vtop_of_a_large_page(monitor: Monitor) -> None:
    result = monitor.execute("vtop c0812345").result
    assert (result.physical, result.page_size, len(result.levels)) == (0x81_2345, 2 << 20, 2)
    assert " PAGE: 00800000  (2MB)" in lines(monitor, "vtop c0812345")
    assert result.levels[1].flags[-1] == "NX" and "PSE" in result.levels[1].flags


def test_vtop_of_nothing(monitor: Monitor) -> None:
    result = monitor.execute("vtop 1000").result
    assert result.physical is None and result.reason == "PDE.P=0"


def test_info_mem_has_the_direct_map(monitor: Monitor) -> None:
    end = monitor.session.low_memory + 0xC000_0000
    assert lines(monitor, "info mem")[0] == f"c0000000-{end:08x} {end - 0xC000_0000:08x} -rw direct map"


def test_smap_hides_nothing_from_the_monitor(monitor: Monitor) -> None:
    cpu = monitor.session.cpu
    cr4 = cpu["cr4"]
    cpu["cr4"] = cr4 | CR4_SMAP
    try:
        assert monitor.session.walk(0xC000_0000).pa == 0
    finally:
        cpu["cr4"] = cr4


def test_page_of_a_page_table(monitor: Monitor) -> None:
    """A page table maps 2 MB, the page of pmds 1 GB; `explain` says the same."""
    tables = monitor.session.kernel.tables
    va = monitor.session.kernel.vmalloc.vmalloc(4096)
    for table, first, size in (
        (tables.pte_address(va), va & -(2 << 20), 2 << 20), (tables.pmd_address(0xC0000000), 0xC0000000, 1 << 30)
    ):  # fmt: skip
        words = f"{first:08x}-{first + size - 1:08x}"
        assert f"  what        page table of {words}" in lines(monitor, f"page {table:x}")
        assert f" of {words} of swapper_pg_dir" in lines(monitor, f"explain {table:x}")[1]
