"""The accounting of sound machines, and of some damages that guest programs really do."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from guest.kernel import Kernel
from hw.e820 import E820Map
from mm.fsck import KINDS, fsck
from mm.gfp import GFP_COMP, GFP_HIGHUSER, GFP_KERNEL
from mm.layout import PAGE_OFFSET

Boot = Callable[..., Kernel]
MB = 1 << 20

# ~1 GB with ACPI tables at its end, as boards of the time print it.
ACPI_TAIL = """\
 BIOS-e820: 0000000000000000 - 000000000009f000 (usable)
 BIOS-e820: 000000000009f000 - 00000000000a0000 (reserved)
 BIOS-e820: 00000000000f0000 - 0000000000100000 (reserved)
 BIOS-e820: 0000000000100000 - 000000003fff0000 (usable)
 BIOS-e820: 000000003fff0000 - 000000003fff3000 (ACPI NVS)
 BIOS-e820: 000000003fff3000 - 0000000040000000 (ACPI data)
 BIOS-e820: 00000000fec00000 - 0000000100000000 (reserved)
"""

# 512 MB with a hole of ACPI tables in lowmem, RAM behind it and no whole page before it.
HOLES = """\
 BIOS-e820: 0000000000000000 - 000000000009f800 (usable)
 BIOS-e820: 000000000009f800 - 00000000000a0000 (reserved)
 BIOS-e820: 00000000000e8000 - 0000000000100000 (reserved)
 BIOS-e820: 0000000000100000 - 000000001ffd0a00 (usable)
 BIOS-e820: 000000001ffd0a00 - 000000001ffdf000 (ACPI data)
 BIOS-e820: 000000001ffdf000 - 0000000020000000 (ACPI NVS)
 BIOS-e820: 0000000020000000 - 0000000020345000 (usable)
"""

MACHINES = {
    "16M": {"ram": 16 * MB},
    "64M": {"ram": 64 * MB},
    "odd": {"ram": 97 * MB + 0x3000},
    "512M": {"ram": 512 * MB},
    "896M": {"ram": 896 * MB},
    "897M": {"ram": 897 * MB},
    "1G": {"ram": 1024 * MB},
    "4G": {"ram": 4096 * MB},
    "no page owner": {"page_owner": False},
    "two CPUs": {"nr_cpus": 2},
    "two CPUs, no page owner": {"nr_cpus": 2, "page_owner": False},
    "32 CPUs": {"nr_cpus": 32, "l1": 128},
    "l1 32": {"l1": 32},
    "l1 128": {"l1": 128},
    "mem=": {"mem": 200 * MB},
    "mem= in HighMem": {"mem": 1000 * MB + 0x5000},
    "loglevel": {"loglevel": 3},
    "ACPI tail": {"e820": E820Map.parse(ACPI_TAIL)},
    "ACPI tail, no page owner": {"e820": E820Map.parse(ACPI_TAIL), "page_owner": False},
    "holes": {"e820": E820Map.parse(HOLES)},
}


@pytest.mark.variants
@pytest.mark.parametrize("options", MACHINES.values(), ids=MACHINES)
def test_booted_machine_is_clean(boot: Boot, make_busy: Callable[[Kernel], None], options: dict[str, object]) -> None:
    kernel = boot(**options)
    for work in (None, make_busy):
        if work is not None and kernel.limits.max_pfn > 4096:
            work(kernel)
        report = fsck(kernel.ram, kernel.ram.read(0x100000, 0x5000))
        assert report.damages == []
        assert sum(report.frames.values()) == kernel.limits.max_pfn == len(report.kinds)
        assert set(report.frames) <= set(KINDS[1:])
        free = sum(count << int(name.split()[1]) >> int(name.split()[1]) for name, count in report.frames.items()
                   if name.startswith("buddy"))  # fmt: skip
        assert free == kernel.page_alloc.nr_free_pages()


def test_speed_and_memory(boot: Boot) -> None:
    kernel = boot(ram=1024 * MB)
    resident = kernel.ram.resident()
    fsck(kernel.ram)
    start = time.perf_counter()
    fsck(kernel.ram)
    assert time.perf_counter() - start < 0.5
    times = 8 * kernel.limits.max_pfn  # of page owners: the boot leaves them alone
    assert kernel.ram.resident() - resident < times + (64 << 10)


def test_numpy_is_loaded_late() -> None:
    code = "import mm.fsck, sys; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_no_kernel(boot: Boot) -> None:
    kernel = boot(ram=16 * MB)
    kernel.ram.bytes[: 4 * MB] = bytes(4 * MB)
    report = fsck(kernel.ram)
    assert [d.structure for d in report.damages] == ["boot_params", "boot_params"]
    assert report.frames == {"unclaimed": 4096}


def test_double_kfree_is_named(boot: Boot) -> None:
    kernel = boot(ram=64 * MB)
    obj = kernel.slab.kmalloc(64, GFP_KERNEL)
    kernel.slab.kfree(obj)
    kernel.slab.kfree(obj)
    found = [str(damage) for damage in fsck(kernel.ram).damages]
    assert len(found) == 1
    assert found[0].startswith("array_cache of size-64, CPU 0 at ")
    assert f"double free of object {obj:08x}" in found[0]


def test_double_kfree_that_reached_the_slab_is_named(boot: Boot) -> None:
    kernel = boot(ram=64 * MB)
    objects = [kernel.slab.kmalloc(2000, GFP_KERNEL) for _ in range(60)]
    for obj in objects[:20]:
        kernel.slab.kfree(obj)
    kernel.slab.kfree(objects[3])
    for obj in objects[20:]:
        kernel.slab.kfree(obj)
    assert any("double free of object" in damage.text for damage in fsck(kernel.ram).damages)


def test_overrun_into_the_next_slab_is_named(boot: Boot) -> None:
    kernel = boot(ram=64 * MB)
    objects = [kernel.slab.kmalloc(64, GFP_KERNEL) for _ in range(100)]
    kernel.ram.write((objects[50] & -4096) - PAGE_OFFSET, b"A" * 64)
    assert any(damage.structure == "struct slab of size-64" for damage in fsck(kernel.ram).damages)


def test_stack_overflow_is_named(boot: Boot) -> None:
    kernel = boot(ram=64 * MB)
    stack = kernel.tasks.stack(kernel.tasks.create("deep"))
    kernel.ram.write(stack - PAGE_OFFSET, b"\xcc" * 64)
    assert {damage.structure for damage in fsck(kernel.ram).damages} == {"struct thread_info"}


def test_use_after_free_of_a_page_is_named(boot: Boot) -> None:
    kernel = boot(ram=64 * MB)
    page = kernel.page_alloc.alloc_pages(GFP_KERNEL, 3)
    kernel.page_alloc._free_pages(page, 3)
    index = page - PAGE_OFFSET >> 2
    kernel.ram.words[index + 1] = 1
    assert [d.field for d in fsck(kernel.ram).damages] == ["_count"]


def test_block_freed_with_a_smaller_order_is_named(boot: Boot) -> None:
    kernel = boot(ram=64 * MB)
    page = kernel.page_alloc.alloc_pages(GFP_KERNEL, 2)
    kernel.page_alloc._free_pages(page, 1)
    found = fsck(kernel.ram).damages
    pfn = kernel.page_alloc.page_to_pfn(page)
    assert [d.structure for d in found] == [f"struct page of frame {pfn + n:#x}" for n in (2, 3)]
    assert "no one claims" in found[0].text


def test_owner_may_mark_and_hold_pages(boot: Boot) -> None:
    """Dirty, referenced, private, reserved bits, more references, a mapping: an owner's right."""
    kernel = boot(ram=1024 * MB)
    for gfp, order in ((GFP_KERNEL, 0), (GFP_HIGHUSER, 2), (GFP_KERNEL | GFP_COMP, 1)):
        index = kernel.page_alloc.alloc_pages(gfp, order) - PAGE_OFFSET >> 2
        kernel.ram.words[index] |= 1 << 4 | 1 << 2 | 1 << 11 | 1 << 10
        kernel.ram.words[index + 1] += 3
        kernel.ram.words[index + 4] = 0xC1234568
    assert fsck(kernel.ram).damages == []


def test_spinlocks_in_used_memory(boot: Boot) -> None:
    """What kmalloc gives is dirty: nothing may rely on zeros in it."""
    kernel = boot(ram=64 * MB, nr_cpus=2)
    objects = [kernel.slab.kmalloc(size, GFP_KERNEL) for size in (32, 64, 128, 256, 512, 1024, 2048, 4096) * 100]
    for obj in objects:
        kernel.ram.write(obj - PAGE_OFFSET, b"\xa5" * kernel.slab.ksize(obj))
    for obj in objects:
        kernel.slab.kfree(obj)
    for name in ("task_struct", "DMA"):  # any two strings of the kernel's
        kernel.slab.kmem_cache_create(kernel.layout.strings[name] + 1, 40, 0, 0, 0, 0)
    kernel.vmalloc.vmalloc(10000)
    kernel.tasks.create("dirty")
    assert fsck(kernel.ram).damages == []


def test_nothing_is_mapped_below_three_gb(boot: Callable[..., Kernel]) -> None:
    kernel = boot(ram=64 << 20)
    directory = (kernel.layout.va("swapper_pg_dir") - PAGE_OFFSET) >> 2
    kernel.ram.words[directory + 32] = 0x00400000 | 0x1E3
    damages = fsck(kernel.ram).damages
    assert [(d.structure, d.field) for d in damages] == [("swapper_pg_dir", "[32]")]
