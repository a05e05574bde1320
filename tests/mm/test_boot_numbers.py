"""The numbers that a boot prints and sets up, against logs of real machines and the kernel's formulas."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from guest.kernel import Kernel
from hw.e820 import E820Entry, E820Map
from mm.fixmap import pkmap_base, vmalloc_end, vmalloc_start
from mm.setup import BootOptions

DATA = Path(__file__).parent / "data"
MB = 1 << 20


def boot_log(**options: object) -> tuple[Kernel, str]:
    kernel = Kernel.boot(BootOptions(**options))  # type: ignore[arg-type]
    return kernel, kernel.log.text()


def map_up_to(end: int) -> E820Map:
    """A PC's map with RAM up to `end`."""
    return E820Map([E820Entry(0, 0x9FC00, 1), E820Entry(0xF0000, 0x100000, 2), E820Entry(0x100000, end, 1)])


def region(log: str, name: str) -> tuple[int, int, str]:
    found = re.search(rf"^ +{re.escape(name)} *: 0x(\w+) - 0x(\w+)   \( *(\d+ \wB)\)$", log, re.MULTILINE)
    assert found, name
    return int(found[1], 16), int(found[2], 16), found[3]


# end of lowmem (exclusive) of real machines -> vmalloc start and size as their logs have them
REAL_LAYOUTS = [
    (0xCFFFD000, 0xD0800000, "751 MB"),
    (0xDFFD0000, 0xE0800000, "495 MB"),
    (0xDFFEC000, 0xE0800000, "495 MB"),
    (0xEFFD0000, 0xF0800000, "239 MB"),
    (0xF8000000, 0xF8800000, "111 MB"),
]


@pytest.mark.parametrize(("lowmem_end", "start", "size"), REAL_LAYOUTS)
def test_layout_of_real_machines(lowmem_end: int, start: int, size: str) -> None:
    _, log = boot_log(e820=map_up_to(lowmem_end - 0xC0000000))
    assert region(log, "vmalloc") == (start, 0xFF7FE000, size)
    assert region(log, "pkmap") == (0xFF800000, 0xFFC00000, "4096 kB")
    assert region(log, "lowmem")[:2] == (0xC0000000, lowmem_end)


def test_fixmap_of_a_real_two_cpu_kernel() -> None:
    """Log 5 of the data: a kernel for few CPUs has a fixmap of 392 kB, which is NR_CPUS 2."""
    text = (DATA / "memory-layout-1gb-i386.txt").read_text()
    assert "fixmap  : 0xfff9d000 - 0xfffff000   ( 392 kB)" in text
    _, log = boot_log(ram=2048 * MB, nr_cpus=2)
    assert "fixmap  : 0xfff9d000 - 0xfffff000   ( 392 kB)" in log


@pytest.mark.parametrize("ram", [64, 512, 1024, 4096])
def test_layout_follows_the_formulas(ram: int) -> None:
    kernel, log = boot_log(ram=ram * MB)
    high_memory = 0xC0000000 + min(ram, 896) * MB
    assert vmalloc_start(high_memory) == (high_memory + 2 * 8 * MB - 1) // (8 * MB) * (8 * MB)
    assert region(log, "vmalloc")[:2] == (vmalloc_start(high_memory), 0xFF7FE000)
    assert vmalloc_end(kernel.layout) == pkmap_base(kernel.layout) - 0x2000 == 0xFF7FE000
    fixmap = region(log, "fixmap")
    assert fixmap[:2] == (0xFFFFF000 - (67 + 13 + 5) * 4096, 0xFFFFF000)
    assert f"{max(0, min(ram, 4096) - 896)}MB HIGHMEM available." in log
    assert f"{min(ram, 896)}MB LOWMEM available." in log
    # what the page tables say is what the log says
    tables = kernel.tables
    assert tables.translate(0xC0000000) == 0
    assert tables.translate(high_memory - 1) == high_memory - 1 - 0xC0000000
    assert tables.translate(region(log, "vmalloc")[0]) is None
    assert tables.pte_address(0xFF800000) and tables.pte_address(fixmap[0])


def test_four_gb_says_what_it_leaves_out() -> None:
    _, log = boot_log(ram=4096 * MB)
    assert "Warning only 4GB will be used.\nUse a PAE enabled kernel.\n" in log
    assert "Built 1 zonelists.  Total pages: 1038336" in log


REAL_ZONES = [  # end of HighMem -> (memmap pages, present pages, LIFO batch) of HighMem
    (262128, 255, 32497, 7),
    (259712, 237, 30099, 7),
    (391135, 1263, 160496, 31),
    (245744, 127, 16241, 3),
    (262058, 255, 32427, 7),
]


@pytest.mark.parametrize(("end", "memmap", "present", "batch"), REAL_ZONES)
def test_zones_of_real_machines(end: int, memmap: int, present: int, batch: int) -> None:
    """data/zone-pfn-ranges-1gb.txt: with the 32-byte struct page every zone line is the real one."""
    _, log = boot_log(e820=map_up_to(end << 12), page_owner=False)
    for line in (
        f"Entering add_active_range(0, 0, {end}) 0 entries of 256 used",
        "Zone PFN ranges:",
        "  DMA             0 ->     4096",
        "  Normal       4096 ->   229376",
        f"  HighMem    229376 ->   {end}",
        f"    0:        0 ->   {end}",
        f"On node 0 totalpages: {end}",
        "  DMA zone: 32 pages used for memmap",
        "  DMA zone: 0 pages reserved",
        "  DMA zone: 4064 pages, LIFO batch:0",
        "  Normal zone: 1760 pages used for memmap",
        "  Normal zone: 223520 pages, LIFO batch:31",
        f"  HighMem zone: {memmap} pages used for memmap",
        f"  HighMem zone: {present} pages, LIFO batch:{batch}",
    ):
        assert line in log.splitlines()


def test_real_log_a_line_by_line() -> None:
    """The first real log, in its own order, as far as 2.6.20 prints it."""
    real = (DATA / "zone-pfn-ranges-1gb.txt").read_text().split("# (b)")[0].splitlines()
    wanted = [line for line in real if line and not re.match(r"#|found SMP|DMI", line)]
    _, log = boot_log(e820=map_up_to(262128 << 12), page_owner=False)
    ours = [line for line in log.splitlines() if line in wanted]
    assert ours == wanted


def test_watermarks_of_a_real_machine() -> None:
    """min, low, high and present of data/zoneinfo-1gb-2.6.24.txt, from a map with the same frames."""
    kernel, _ = boot_log(e820=map_up_to((229376 + 32766) << 12), page_owner=False)
    zone, w = kernel.layout["zone"], kernel.ram.words
    blocks = (DATA / "zoneinfo-1gb-2.6.24.txt").read_text().split("Node 0, zone")[1:]
    for va, block in zip(kernel.page_alloc.zones, blocks):
        z = (va - 0xC0000000) >> 2
        for word, name in (
            ("min", "pages_min"), ("low", "pages_low"), ("high", "pages_high"), ("spanned", "spanned_pages"),
            ("present", "present_pages"),
        ):  # fmt: skip
            found = re.search(rf"{word} +(\d+)", block)
            assert found and w[z + zone.word(name)] == int(found[1]), (name, block)
        protection = re.search(r"protection: \((\d+), (\d+), (\d+)", block)
        assert protection  # 2.6.24 has a fourth zone; its first three reserves are 2.6.20's
        reserve = w[z + zone.word("lowmem_reserve") : z + zone.word("lowmem_reserve") + 3].tolist()
        assert reserve == [int(n) for n in protection.groups()]
    assert w[(kernel.layout.va("min_free_kbytes") - 0xC0000000) >> 2] == 3816


def test_memory_line_counts_the_free_pages() -> None:
    kernel, log = boot_log(ram=512 * MB)
    found = re.search(r"Memory: (\d+)k/(\d+)k available \(.* (\d+)k reserved, .* (\d+)k highmem\)", log)
    assert found
    available, physical, reserved, high = map(int, found.groups())
    assert physical == 512 << 10 and high == 0
    holes = (0x100000 - 0x9F000) >> 10  # the page of the EBDA and the hole below 1 MB are no RAM
    assert available == physical - reserved - holes
    assert kernel.page_alloc.nr_free_pages() < available >> 2


def test_memory_limit_is_the_users() -> None:
    kernel, log = boot_log(ram=512 * MB, mem=128 * MB)
    assert "user-defined physical RAM map:\n user: 0000000000000000 - 000000000009fc00 (usable)" in log
    assert kernel.limits.max_pfn == 128 * MB >> 12


def test_wp_is_honoured() -> None:
    _, log = boot_log(ram=64 * MB)
    assert "Checking if this processor honours the WP bit even in supervisor mode... Ok.\n" in log
