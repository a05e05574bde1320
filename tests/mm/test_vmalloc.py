"""vmalloc, vmap and ioremap: their corners, and what fsck says of areas that are wrong."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from guest.kernel import Kernel
from mm.fsck import fsck
from mm.gfp import GFP_ATOMIC, GFP_HIGHMEM, GFP_HIGHUSER, GFP_KERNEL
from mm.pgtable import PAGE_KERNEL_RO
from mm.vmalloc import VM_IOREMAP, VM_MAP

Boot = Callable[..., Kernel]
Vmap = Callable[..., int]
MB = 1 << 20


@pytest.fixture(params=[False, True], ids=["two-level", "PAE"])
def kernel(boot: Boot, request: pytest.FixtureRequest) -> Kernel:
    return boot(ram=64 * MB, vmalloc=992 * MB, pae=request.param)  # 32 MB of lowmem


def damages(kernel: Kernel) -> list[str]:
    return [str(damage) for damage in fsck(kernel.ram, kernel.text()).damages]


def test_out_of_vmalloc_space(kernel: Kernel) -> None:
    space = kernel.vmalloc.end - kernel.vmalloc.start
    for size in (space, space - 4096 + 1, 0xFFFFF000, 0xFFFFF001):
        assert kernel.vmalloc.get_vm_area(size, VM_MAP) == 0
    assert "allocation failed: out of vmalloc space - use vmalloc=<size> to increase size.\n" in kernel.log.text()
    area = kernel.vmalloc.get_vm_area(space - 4096, VM_MAP)
    assert kernel.vm.word(area + 4) == kernel.vmalloc.start
    assert kernel.vmalloc.vmalloc(1) == 0 and damages(kernel) == []


@pytest.mark.parametrize(
    ("size", "align"), [(1, 4096), (4095, 4096), (4096, 8192), (100 << 10, 128 << 10), (9 * MB, 512 << 10)]
)
def test_ioremap_areas_are_aligned(kernel: Kernel, size: int, align: int) -> None:
    kernel.vmalloc.vmalloc(1)
    area = kernel.vmalloc.get_vm_area(size, VM_IOREMAP)
    addr = kernel.vm.word(area + 4)
    assert addr == -(-(kernel.vmalloc.start + 8192) // align) * align
    assert kernel.vmalloc.get_vm_area(1, VM_MAP) and damages(kernel) == []


def test_vmalloc_to_page_takes_a_large_page_for_a_table(kernel: Kernel) -> None:
    """What 2.6.20 makes of an address in the direct map: a word of its large page, as if it were a PTE."""
    object_va = kernel.slab.kmalloc(100, GFP_KERNEL)
    large = object_va & -kernel.tables.pmd_size
    index = (object_va >> 12) % (4096 // kernel.tables.pte_size)
    entry = kernel.tables.read(large + index * kernel.tables.pte_size)
    expected = kernel.page_alloc.pfn_to_page(kernel.tables.pte_pfn(entry)) if entry & 0x81 else 0
    assert kernel.vmalloc.vmalloc_to_page(object_va) == expected


def test_vmalloc_with_a_protection(kernel: Kernel) -> None:
    area = kernel.vmalloc._vmalloc(3 * 4096, GFP_ATOMIC | GFP_HIGHMEM, PAGE_KERNEL_RO)
    assert kernel.tables.get_pte(area) & 0x002 == 0 and damages(kernel) == []
    kernel.vmalloc.vfree(area)


def test_vunmap_of_a_vmalloc_area_loses_its_pages(kernel: Kernel) -> None:
    area = kernel.vmalloc.vmalloc(3 * 4096)
    used = fsck(kernel.ram).frames.get("in use", 0)
    kernel.vmalloc.vunmap(area)
    assert damages(kernel) == [] and fsck(kernel.ram).frames["in use"] == used + 3


def test_vread_leaves_device_memory_alone(kernel: Kernel) -> None:
    first = kernel.vmalloc.vmalloc(4096)
    kernel.vm.write(first, b"x" * 4096)
    device = kernel.ioremap.ioremap(0xFEE00000, 4096)
    buf = kernel.slab.kmalloc(16384, GFP_KERNEL)
    size = device + 4096 - first
    kernel.vm.write(buf, b"y" * size)
    assert kernel.vmalloc.vread(buf, first, size + 100) == size
    assert kernel.vm.read(buf, size) == b"x" * 4096 + bytes(size - 4096)
    assert kernel.vmalloc.vwrite(buf, device, 100) == 100


def test_a_freed_page_that_is_still_shown(kernel: Kernel, vmap: Vmap) -> None:
    pages = [kernel.page_alloc.alloc_pages(GFP_HIGHUSER, 0) for _ in range(3)]
    area = vmap(kernel, pages)
    kernel.page_alloc._free_pages(pages[1], 0)
    [damage] = damages(kernel)
    pfn = kernel.page_alloc.page_to_pfn(pages[1])
    assert f"shows at {area + 4096:08x} frame {pfn:#x}, which is " in damage
    assert damage.endswith(("per-cpu", "buddy 0"))
    kernel.vmalloc.vunmap(area)
    assert damages(kernel) == []


def test_a_page_that_somebody_unmapped(kernel: Kernel, vmap: Vmap) -> None:
    area = vmap(kernel, [kernel.page_alloc.alloc_pages(GFP_HIGHUSER, 0) for _ in range(3)])
    kernel.tables.set_pte(area + 4096, 0)
    [damage] = damages(kernel)
    assert f"and {area + 4096:08x} is not mapped, as others of its pages are" in damage


def test_device_memory_that_is_lowmem(kernel: Kernel) -> None:
    area = kernel.ioremap.ioremap(0xFEE00000, 4096)
    vm_struct = kernel.vmalloc.find_vm_area(area)
    page = kernel.page_alloc.page_to_pfn(kernel.page_alloc.alloc_pages(GFP_KERNEL, 0)) << 12
    kernel.vm.set_word(vm_struct + kernel.layout["vm_struct"].offset("phys_addr"), page)
    kernel.tables.set_pte(area, page | 0x063)
    [damage] = damages(kernel)
    assert f"phys_addr is {page:#x}, and frame {page >> 12:#x} is lowmem in use" in damage


def test_kmemleak_follows_what_an_area_shows(kernel: Kernel, vmap: Vmap) -> None:
    page = kernel.page_alloc.alloc_pages(GFP_HIGHUSER, 0)
    area = vmap(kernel, [page])
    root, pfn = kernel.layout.va("call_info"), kernel.page_alloc.page_to_pfn(page)
    kernel.vm.set_word(root, area)
    assert len(kernel.unreferenced()) == 0
    kernel.vm.set_word(root, 0)
    found = kernel.unreferenced()
    assert len(found.areas) == 1 and found.blocks[0].tolist() == [pfn]
    kernel._kmemleak().free(found)
    assert len(kernel.unreferenced()) == 0 and damages(kernel) == []
