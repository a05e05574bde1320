"""Machines that no shop sells: firmware maps with holes, hardly any memory, and vmalloc= at its limits."""

from __future__ import annotations

from typing import Any

import pytest

from guest.kernel import Kernel
from hw.e820 import E820Map
from hw.errors import MapError
from mm.errors import BootError
from mm.fsck import fsck
from mm.gfp import GFP_HIGHUSER
from mm.setup import BootOptions

MB, GB = 1 << 20, 1 << 30


def firmware(*ranges: tuple[int, int]) -> E820Map:
    """A map of these ranges of usable memory, in bytes."""
    return E820Map.parse("\n".join(f" BIOS-e820: {start:016x} - {end:016x} (usable)" for start, end in ranges))


LOW = (0, 0x9FC00)
MACHINES: dict[str, dict[str, Any]] = {
    "no Normal zone, but HighMem": {"ram": 64 * MB, "vmalloc": 1008 * MB},
    "no Normal zone, much HighMem": {"ram": GB, "vmalloc": 1008 * MB},
    "no Normal zone, PAE": {"ram": GB, "vmalloc": 1008 * MB, "pae": True},
    "15 MB of vmalloc": {"ram": GB, "vmalloc": 32 * MB},
    "19 MB of vmalloc, PAE": {"ram": 4 * GB, "vmalloc": 32 * MB, "pae": True},
    "a hole in lowmem": {"e820": firmware(LOW, (MB, 100 * MB), (130 * MB, 600 * MB))},
    "holes in HighMem": {"e820": firmware(LOW, (MB, 900 * MB), (GB, 1100 * MB), (1200 * MB, 1200 * MB + 8192))},
    "a hole where lowmem ends": {"e820": firmware(LOW, (MB, 890 * MB), (900 * MB, GB))},
    "a hole where lowmem ends, PAE": {"e820": firmware(LOW, (MB, 890 * MB), (900 * MB, GB)), "pae": True},
    "three pages above 4 GB": {"e820": firmware(LOW, (MB, 512 * MB), (4 * GB, 4 * GB + 12288)), "pae": True},
    "all that PAE sees is lowmem": {"e820": firmware(LOW, (MB, 880 * MB), (64 * GB, 65 * GB)), "pae": True},
    "one page of Normal": {"e820": firmware(LOW, (MB, 16 * MB + 4096))},
    "one page of HighMem": {"e820": firmware(LOW, (MB, 896 * MB + 4096))},
    "parts of pages": {"e820": firmware(LOW, (MB, 512 * MB + 123), (600 * MB + 5, 700 * MB + 9))},
    "nothing below 1 MB": {"e820": firmware((MB, 2 * GB)), "pae": True},
    "2 MB": {"ram": 16 * MB, "mem": 2 * MB},
    "32 CPUs, PAE": {"ram": GB, "nr_cpus": 32, "pae": True},
}


@pytest.mark.variants
@pytest.mark.parametrize("page_owner", [True, False], ids=["40 bytes", "32 bytes"])
@pytest.mark.parametrize("options", MACHINES.values(), ids=MACHINES)
def test_it_boots_and_works(options: dict[str, Any], page_owner: bool) -> None:
    with Kernel.boot(BootOptions(**options, page_owner=page_owner)) as kernel:
        pages = [kernel.page_alloc.alloc_pages(GFP_HIGHUSER, 0) for _ in range(6)]
        for page in pages:
            kernel.highmem.kmap(page)
        kernel.highmem.kmap_atomic(pages[0], 3)
        assert kernel.vmalloc.vmalloc(70000)
        assert [str(damage) for damage in fsck(kernel.ram).damages] == []


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no room for mem_map": (
        {"ram": 64 * GB, "pae": True, "vmalloc": 1008 * MB},
        r"no room for the 640 MB of mem_map \(40 bytes for each page of 65536 MB\): of 16 MB of lowmem the largest "
        r"free piece has 14 MB; use less RAM \(mem=\) or a smaller vmalloc=, or --page-owner off",
    ),
    "no room for 32 bytes a page": (
        {"ram": 64 * GB, "pae": True, "vmalloc": 512 * MB, "page_owner": False},
        r"no room for the 512 MB of mem_map \(32 bytes .* has 510 MB; use less RAM \(mem=\) or a smaller vmalloc=",
    ),
    "no room for who allocated": (
        {"ram": 4 * GB, "vmalloc": 976 * MB},
        r"no room for the 8 MB of the times of page owners \(8 bytes .* or --page-owner off",
    ),
    "no RAM at 1 MB": ({"e820": firmware(LOW, (2 * MB, GB))}, "needs RAM from 1 MB to .* the memory map"),
    "mem= in the kernel": ({"mem": MB + 8192}, "needs RAM from 1 MB to .* or what mem= leaves of it, does not have it"),
    "mem=0": ({"mem": 0}, "no usable RAM lies below 0x0, where mem= ends it"),
}  # fmt: skip


@pytest.mark.parametrize(("options", "says"), REFUSED.values(), ids=REFUSED)
def test_it_says_why_it_does_not_boot(options: dict[str, Any], says: str) -> None:
    with pytest.raises((BootError, MapError), match=says):
        Kernel.boot(BootOptions(**options))
