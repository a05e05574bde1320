"""Where a frame can be seen: against every page of every page directory."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from guest.kernel import Kernel
from hw import paging
from mm.aliases import mapped_at
from mm.gfp import GFP_HIGHUSER, GFP_KERNEL
from mm.layout import PAGE_OFFSET, PAGE_SHIFT
from mm.pgtable import PAGE_KERNEL
from mm.setup import BootOptions

SHAPES = {"two levels": {}, "PAE": {"pae": True}, "SMP": {"cpus": 2}}


@pytest.fixture(scope="module", params=SHAPES)
def kernel(request: pytest.FixtureRequest) -> Iterator[Kernel]:
    with Kernel.boot(BootOptions(ram=1 << 30, **SHAPES[request.param])) as kernel:  # type: ignore[arg-type]
        yield kernel


def frames_of(kernel: Kernel, cr3: int) -> dict[int, list[int]]:
    """Every frame, and its linear addresses, page by page."""
    cpu, found = kernel.machine.cpus[0], dict[int, list[int]]()
    for row in paging.walk_all(kernel.ram, cr3, cpu["cr0"], cpu["cr4"], paging.EFER_NXE * kernel.layout.pae):
        start, end, pa = int(row["start"]), int(row["end"]), int(row["pa"])
        for linear in range(max(start, start), end, 4096):
            found.setdefault(pa + linear - start >> PAGE_SHIFT, []).append(linear)
    return found


@pytest.mark.variants
def test_every_frame(kernel: Kernel) -> None:
    pages = [kernel.page_alloc.alloc_pages(GFP_HIGHUSER, 0) for _ in range(40)]
    for page in pages[:30]:
        kernel.highmem.kmap(page)
    for page in pages[:10]:
        kernel.highmem.kunmap(page)
    kernel.highmem.kmap_atomic(pages[7], 3)
    kernel.highmem.kmap_atomic(pages[39], 5)
    for size in (100_000, 4096):
        kernel.vmalloc.vmalloc(size)
    expected = frames_of(kernel, kernel.machine.cpus[0]["cr3"])
    random.seed(7)
    ours = [kernel.page_alloc.page_to_pfn(page) for page in pages]
    for pfn in [*ours, *random.sample(sorted(expected), 200), 0, (kernel.ram.size >> PAGE_SHIFT) - 1]:
        assert [alias.linear for alias in kernel.aliases(pfn)] == sorted(expected.get(pfn, [])), hex(pfn)


def test_windows(kernel: Kernel) -> None:
    page = kernel.page_alloc.alloc_pages(GFP_HIGHUSER, 0)
    pfn = kernel.page_alloc.page_to_pfn(page)
    assert kernel.aliases(pfn) == []
    address = kernel.highmem.kmap(page)
    kernel.highmem.kmap_atomic(page, 0)
    array = kernel.slab.kmalloc(64, GFP_KERNEL)
    kernel.vm.set_word(array, page)
    area = kernel.vmalloc.vmap(array, 1, 4, PAGE_KERNEL)
    slot = address - kernel.highmem.pkmap_base >> PAGE_SHIFT
    found = {(a.linear, a.window, a.slot) for a in kernel.aliases(pfn)}
    assert {(address, "kmap", f"slot {slot}"), (area, "vmalloc", "")} <= found
    assert {(window, name) for _, window, name in found} >= {("kmap_atomic", "KM_BOUNCE_READ of CPU 0")}
    low = kernel.aliases(0x200)
    assert [(a.linear, a.window, a.slot) for a in low] == [(PAGE_OFFSET + 0x200000, "direct map", "")]
    assert low[0].page_size == (2 << 20 if kernel.layout.pae else 4 << 20)
    kernel.fixmap.set_fixmap(2, 0x200000, PAGE_KERNEL & 0xFFF)
    assert ("fixmap", "FIX_APIC_BASE") in {(a.window, a.slot) for a in kernel.aliases(0x200)}
    kernel.fixmap.set_fixmap(2, 0, 0)


def test_address_spaces(kernel: Kernel) -> None:
    (init,) = kernel.address_spaces()
    assert (init.cr3, init.comm, init.pids) == (kernel.layout.va("swapper_pg_dir") - PAGE_OFFSET, "swapper", ())
    task = kernel.tasks.create_program("shell", 1)
    try:
        init, shell = kernel.address_spaces()
        assert shell.comm == "shell" and shell.pids == (kernel.pids()[-1],) and shell.mm == kernel.tasks.mm(task)
        assert kernel.page_structs([shell.cr3 >> PAGE_SHIFT])[0].flag_names == ["slab"]
        frame = kernel.aliases(0x300)
        assert [alias.spaces for alias in frame] == [(init.cr3, shell.cr3)]
        assert [alias.spaces for alias in kernel.aliases(0x300, [shell.cr3])] == [(shell.cr3,)]
    finally:
        kernel.tasks.release(task)


def test_without_paging(kernel: Kernel) -> None:
    (one,) = mapped_at(kernel.ram, 0x123, [0], 0, 0)
    assert (one.linear, one.spaces) == (0x123000, (0,))
