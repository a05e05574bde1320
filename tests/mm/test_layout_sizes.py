"""Where memory begins and ends on machines of 128 MB to 64 GB, with two-level tables and PAE.

The expected numbers are worked out here from the memory map, or are those of real machines: HighTotal and VmallocTotal
of data/meminfo-real.txt, the reserves of a machine with 12 GB (facts of 2007's /proc/zoneinfo).
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from guest.kernel import Kernel
from hw.e820 import E820Entry, E820Map
from hw.machine import Machine
from mm.errors import BootError
from mm.fsck import fsck
from mm.setup import BootOptions

MB, GB = 1 << 20, 1 << 30
LOWMEM = 896 * MB
HOLE = 0xE000_0000  # where the RAM of our PC stops below 4 GB


def regions(kernel: Kernel) -> dict[str, tuple[int, int]]:
    found = re.findall(r"^ +(\w+) *: 0x(\w+) - 0x(\w+) ", kernel.log.text(), re.MULTILINE)
    return {name: (int(start, 16), int(end, 16)) for name, start, end in found}


def map_with(ram: int) -> E820Map:
    """A firmware's map with `ram` bytes, as if none lay in the hole below 1 MB; the rest above 4 GB."""
    entries = [E820Entry(0, 0x9FC00, 1), E820Entry(0xF0000, 0x100000, 2), E820Entry(0x100000, min(ram, HOLE), 1)]
    return E820Map([*entries, E820Entry(4 * GB, 4 * GB + ram - HOLE, 1)] if ram > HOLE else entries)


SIZES = [(128 * MB, False), (512 * MB, False), (1 * GB, False), (3 * GB, False), (4 * GB, False),
         (1 * GB, True), (4 * GB, True), (8 * GB, True), (12 * GB, True), (16 * GB, True)]  # fmt: skip


@pytest.mark.variants
@pytest.mark.parametrize(("ram", "pae"), SIZES, ids=[f"{r >> 20}M{'-pae' * p}" for r, p in SIZES])
def test_sizes_follow_the_formulas(ram: int, pae: bool) -> None:
    with Kernel.boot(BootOptions(ram=ram, pae=pae, page_owner=False)) as kernel:
        table = 2 * MB if pae else 4 * MB
        low, found = min(ram, LOWMEM), regions(kernel)
        # pkmap: a page table of its own below the fixmap's (NR_CPUS 1); vmalloc between it and the direct map
        pkmap = 0x1_0000_0000 - 2 * table
        vmalloc = (0xC000_0000 + low + 16 * MB - 1) // (8 * MB) * (8 * MB)
        assert found["lowmem"] == (0xC000_0000, 0xC000_0000 + low)
        assert found["pkmap"] == (pkmap, pkmap + (512 if pae else 1024) * 4096)
        assert found["vmalloc"] == (vmalloc, pkmap - 8192)
        assert found["fixmap"] == (0xFFFF_F000 - 85 * 4096, 0xFFFF_F000)
        # RAM by the map: all of it with PAE, below 4 GB without
        below = min(ram, HOLE)
        above = ram - below if pae else 0
        end = (4 * GB + above if above else min(ram, 4 * GB) if ram <= HOLE else below) >> 12
        if not pae and ram > HOLE:
            end = 4 * GB >> 12  # the map has RAM above 4 GB, and so mem_map goes up to there
        info = kernel.meminfo()
        assert info["HighTotal"] == max(0, below + above - LOWMEM) >> 10
        assert info["VmallocTotal"] == (pkmap - 8192 - vmalloc) >> 10
        # of lowmem is reserved: what is no RAM, the BIOS's first page, page tables, the image, mem_map with wait tables
        zones = (min(low, 16 * MB), low - min(low, 16 * MB), (end << 12) - low)
        entries = [min(max(4, 1 << ((size >> 20) - 1).bit_length()), 4096) for size in zones if size]
        mem_map = -(-end // 1024) * 1024 * 32 + sum(8 * n for n in entries)
        image = kernel.layout.va("_end") - 0xC010_0000
        pages = (0x100 - 0x9F) + 1 + (3 if pae else 2) + -(-image // 4096) + -(-mem_map // 4096)
        assert info["LowTotal"] == (low >> 10) - 4 * pages
        assert info["MemTotal"] == info["HighTotal"] + info["LowTotal"]
        assert f"{low >> 20}MB LOWMEM available." in kernel.log.text()
        assert f"{(end << 12) - low >> 20}MB HIGHMEM available." in kernel.log.text()
        assert ("NX (Execute Disable) protection: active" in kernel.log.text()) is pae


@pytest.mark.parametrize(
    ("high_total", "vmalloc_total", "pae"),
    [(2228060, 114680, False), (7405504, 118776, True)],
    ids=["3 GB SMP of 2004", "8 GB PAE, 2.6.16-rc5"],
)
def test_real_meminfo(high_total: int, vmalloc_total: int, pae: bool) -> None:
    """A machine with as much RAM as those had has their HighTotal and VmallocTotal."""
    with Kernel.boot(BootOptions(e820=map_with(LOWMEM + (high_total << 10)), pae=pae)) as kernel:
        info = kernel.meminfo()
        assert (info["HighTotal"], info["VmallocTotal"]) == (high_total, vmalloc_total)


def test_reserves_of_a_real_machine_with_12_gb() -> None:
    with Kernel.boot(BootOptions(e820=map_with(12 * GB - 512 * MB), pae=True, page_owner=False)) as kernel:
        zones = {zone.zone: zone.protection for zone in kernel.zoneinfo()}
        assert zones["DMA"] == (0, 873, 12176) and zones["Normal"] == (0, 0, 90424)


def test_direct_map_is_of_large_pages_and_only_the_image_is_code() -> None:
    with Kernel.boot(BootOptions(pae=True)) as kernel:
        tables = kernel.tables
        for va in range(0xC000_0000, 0xF800_0000, 2 * MB):
            expected = va - 0xC000_0000 | 0x1E3 | (0 if va < 0xC020_0000 else 1 << 63)
            assert tables.read(tables.pmd_address(va)) == expected
        assert all(tables.translate(va) is None for va in (0, 0xBFFF_F000, 0xF800_0000, 0xFFC0_0000))


def test_ram_above_4_gb_is_used_with_pae_alone() -> None:
    for pae in (False, True):
        with Kernel.boot(BootOptions(ram=8 * GB, pae=pae)) as kernel:
            assert ("Warning only 4GB will be used.\nUse a PAE enabled kernel.\n" in kernel.log.text()) is not pae
            page = kernel.page_alloc.alloc_pages(0xD2, 0)
            pfn = kernel.page_alloc.page_to_pfn(page)
            assert (pfn >= 1 << 20) is pae
            va = kernel.highmem.kmap(page)
            kernel.vm.write(va, b"far above")
            assert kernel.ram.read(pfn << 12, 9) == b"far above"
            assert not fsck(kernel.ram, kernel.text()).damages


@pytest.mark.slow
def test_64_gb_take_no_more_host_memory_than_their_structures() -> None:
    program = (
        "import resource\n"
        "from guest.kernel import Kernel\n"
        "from mm.setup import BootOptions\n"
        "small = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "kernel = Kernel.boot(BootOptions(ram=64 << 30, pae=True))\n"
        "print(small, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, kernel.ram.resident())\n"
        "print(kernel.log.text())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    numbers, _, log = done.stdout.partition("\n")
    before, after, resident = map(int, numbers.split())
    mem_map = 640 * MB
    assert mem_map < resident < mem_map + 16 * MB
    assert after - before < (mem_map + 64 * MB) >> 10
    # 512 MB of the 64 GB lie in the hole, and come again above 64 GB
    assert "Warning only 64GB will be used" in log
    assert "64640MB HIGHMEM available." in log


def test_mem_map_that_does_not_fit_is_said_in_a_line() -> None:
    with pytest.raises(BootError) as caught:
        Kernel.boot(BootOptions(ram=64 * GB, pae=True, vmalloc=512 * MB))
    text = str(caught.value)
    assert "\n" not in text and "mem_map" in text and "640 MB" in text and "512 MB" in text


@pytest.mark.parametrize(("vmalloc", "lowmem", "start"), [
    (256 * MB, 768 * MB, 0xF080_0000), (64 * MB, 960 * MB, 0xFC80_0000), (512 * MB, 512 * MB, 0xE080_0000),
])  # fmt: skip
def test_vmalloc_option(vmalloc: int, lowmem: int, start: int, tmp_path: Path) -> None:
    with Kernel.boot(BootOptions(ram=GB, vmalloc=vmalloc)) as kernel:
        assert regions(kernel)["lowmem"] == (0xC000_0000, 0xC000_0000 + lowmem)
        assert regions(kernel)["vmalloc"] == (start, 0xFF7F_E000)
        assert f"vmalloc={vmalloc >> 10}K" in kernel.log.text()
        assert not fsck(kernel.ram, kernel.text()).damages
        kernel.machine.save(tmp_path / "image")
    with Kernel.attach(Machine.load(tmp_path / "image")) as again:
        assert again.limits.max_low_pfn == lowmem >> 12 and again.vmalloc.vmalloc(8192) == start


@pytest.mark.parametrize("vmalloc", [0, 16 * MB, GB, 100 * MB + 4096])
def test_vmalloc_option_out_of_range(vmalloc: int) -> None:
    with pytest.raises(BootError, match="vmalloc= is 32M to 1008M"):
        Kernel.boot(BootOptions(vmalloc=vmalloc))
