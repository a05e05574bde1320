"""Page directories and address spaces: where they come from, how they are linked and counted, and when they go."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from guest.kernel import Kernel
from mm.errors import KernelBug, Panic
from mm.fault import Reason, Verdict
from mm.fsck import fsck
from mm.layout import PAGE_OFFSET, PAGE_SIZE

MB = 1 << 20
Boot = Callable[..., Kernel]


def word(kernel: Kernel, va: int) -> int:
    return kernel.ram.words[va - PAGE_OFFSET >> 2]


def set_word(kernel: Kernel, va: int, value: int) -> None:
    kernel.ram.words[va - PAGE_OFFSET >> 2] = value


def field(kernel: Kernel, mm: int, name: str) -> int:
    return word(kernel, mm + kernel.layout["mm_struct"].offset(name))


def in_use(kernel: Kernel, name: str) -> int:
    """The allocated objects of a cache."""
    slabs = kernel.slabs(kernel.slab.find(name))
    return sum(obj.state == "allocated" for slab in slabs for obj in slab.objects)


def damages(kernel: Kernel) -> list[str]:
    return [str(d) for d in fsck(kernel.ram, kernel.text(), [cpu["cr3"] for cpu in kernel.machine.cpus]).damages]


def test_constructed_directory_has_the_kernels_half(boot: Boot) -> None:
    kernel = boot(ram=64 * MB)
    w, swapper = kernel.ram.words, kernel.layout.va("swapper_pg_dir") - PAGE_OFFSET >> 2
    kernel.vmalloc.vmalloc(5 * MB)
    mm = kernel.spaces.mm_alloc()
    pgd = field(kernel, mm, "pgd")
    at = pgd - PAGE_OFFSET >> 2
    assert pgd % PAGE_SIZE == 0 and not any(w[at : at + 768])
    assert w[at + 768 : at + 1024] == w[swapper + 768 : swapper + 1024]
    assert (field(kernel, mm, "mm_users"), field(kernel, mm, "mm_count")) == (1, 1)
    assert list(kernel.directories.each()) == [pgd]
    assert damages(kernel) == []


def test_pae_directory_shares_the_kernels_pmds(boot: Boot) -> None:
    kernel = boot(ram=64 * MB, pae=True)
    mms = [kernel.spaces.mm_alloc() for _ in range(3)]
    pgds = [kernel.tables.of(field(kernel, mm, "pgd")) for mm in mms]
    entries = [[tables.read(tables.pgd + 8 * n) for n in range(4)] for tables in pgds]
    swapper = kernel.tables.read(kernel.tables.pgd + 24)
    assert all(tables.pgd % 32 == 0 for tables in pgds) and {entry[3] for entry in entries} == {swapper}
    user = [entry for row in entries for entry in row[:3]]
    assert len(set(user)) == 9 and all(entry & 0xFFF == 1 for entry in user)
    assert not any(kernel.ram.read(entry - 1, PAGE_SIZE).strip(b"\0") for entry in user)
    area = kernel.vmalloc.vmalloc(5 * MB)
    assert all(tables.translate(area) == kernel.tables.translate(area) is not None for tables in pgds)
    assert word(kernel, kernel.layout.va("pgd_list")) == 0 and damages(kernel) == []
    for mm in mms:
        kernel.spaces.mmput(mm)
    assert [in_use(kernel, name) for name in ("mm_struct", "pgd", "pmd")] == [0, 0, 0]


def test_list_loses_the_directories_of_slabs_that_go(boot: Boot) -> None:
    kernel = boot(ram=64 * MB)
    mms = [kernel.spaces.mm_alloc() for _ in range(5)]
    pgds = [field(kernel, mm, "pgd") for mm in mms]
    assert list(kernel.directories.each()) == pgds[::-1]
    for n in (0, 4, 2):
        kernel.spaces.mmput(mms[n])
    assert list(kernel.directories.each()) == pgds[::-1]  # they rest in the cache
    kernel.slab.kmem_cache_shrink(kernel.slab.find("pgd"))
    assert list(kernel.directories.each()) == [pgds[3], pgds[1]] and damages(kernel) == []
    for n in (3, 1):
        kernel.spaces.mmput(mms[n])
    kernel.slab.kmem_cache_shrink(kernel.slab.find("pgd"))
    assert word(kernel, kernel.layout.va("pgd_list")) == 0 and damages(kernel) == []


def test_poisoned_directory_is_constructed_at_each_allocation(boot: Boot) -> None:
    kernel = boot(ram=64 * MB, slab_debug="P,pgd")
    mm = kernel.spaces.mm_alloc()
    pgd = field(kernel, mm, "pgd")
    kernel.spaces.mmput(mm)
    assert word(kernel, pgd) == 0x6B6B6B6B and list(kernel.directories.each()) == []
    area = kernel.vmalloc.vmalloc(5 * MB)
    mm = kernel.spaces.mm_alloc()
    assert field(kernel, mm, "pgd") == pgd and list(kernel.directories.each()) == [pgd]
    assert kernel.tables.of(pgd).translate(area + 4 * MB) is not None and damages(kernel) == []


def test_fault_syncs_the_directory_in_cr3(boot: Boot) -> None:
    kernel = boot(ram=64 * MB)
    cpu, tables = kernel.machine.cpus[0], kernel.tables
    first, second = (field(kernel, kernel.spaces.mm_alloc(), "pgd") for _ in range(2))
    area = kernel.vmalloc.vmalloc(9 * MB)
    events: list[tuple[int, int, int]] = []
    kernel.events.subscribe(["vmalloc_fault"], lambda event, fields: events.append(tuple(fields.values())))  # type: ignore[arg-type]

    cpu["cr3"] = first - PAGE_OFFSET
    touched = area + 5 * MB
    assert tables.of(first).translate(touched) is None
    for reason in (Reason.COPIED, Reason.THERE):  # the second time as another CPU that was slower
        assert kernel.faults.do_page_fault(touched, 0, 0xC0100000) == (reason, 0xC0100000)
    assert tables.of(first).translate(touched) == tables.translate(touched)
    assert tables.of(second).translate(touched) is None and tables.of(first).translate(area + 9 * MB - 1) is None
    assert events == [(touched, 0xC0100000, first)]
    # the page table of a guard page comes, too, and then it is an oops
    guard = area + 9 * MB
    assert kernel.faults.do_page_fault(guard, 0, 0)[0].verdict is Verdict.OOPS and len(events) == 2
    # what is no read or write of a page that is missing is no vmalloc fault
    cpu["cr3"] = second - PAGE_OFFSET
    assert kernel.faults.do_page_fault(touched, 3, 0)[0].verdict is Verdict.OOPS and len(events) == 2
    assert kernel.faults.do_page_fault(0xFF7FE000, 0, 0)[0].verdict is Verdict.OOPS  # init_mm has no page table there
    kernel.directories.vmalloc_sync_all()
    assert tables.of(second).translate(touched) == tables.translate(touched) and len(events) == 2
    cpu["cr3"] = tables.pgd - PAGE_OFFSET


def test_directory_with_another_page_table_is_a_bug(boot: Boot) -> None:
    kernel = boot(ram=64 * MB)
    pgd = field(kernel, kernel.spaces.mm_alloc(), "pgd")
    area = kernel.vmalloc.vmalloc(9 * MB) + 8 * MB
    kernel.machine.cpus[0]["cr3"] = pgd - PAGE_OFFSET
    set_word(kernel, kernel.tables.of(pgd).pmd_address(area), 0x1067)
    with pytest.raises(KernelBug):
        kernel.faults.do_page_fault(area, 0, 0)
    kernel.machine.cpus[0]["cr3"] = kernel.tables.pgd - PAGE_OFFSET
    assert any(text.startswith(f"page directory at {pgd:08x}: [") for text in damages(kernel))


@pytest.mark.parametrize("pae", (False, True))
def test_wild_cr3_is_a_triple_fault(boot: Boot, pae: bool) -> None:
    kernel = boot(ram=64 * MB, pae=pae)
    area = kernel.vmalloc.vmalloc(100)
    page = kernel.page_alloc.get_zeroed_page(0xD0) - PAGE_OFFSET
    for cr3 in (page, 0xFFFFF000, 0x12345678):
        kernel.machine.cpus[0]["cr3"] = cr3
        with pytest.raises(Panic, match=f"CR3 is {cr3:08x}, where no page directory is: triple fault"):
            kernel.faults.do_page_fault(area, 0, 0)
        assert len(damages(kernel)) == 1 and damages(kernel)[0].startswith("CPU 0")
    assert not any(kernel.ram.read(page, PAGE_SIZE))
    kernel.machine.cpus[0]["cr3"] = kernel.tables.pgd - PAGE_OFFSET


def test_idle_cpu_borrows_what_ran_before(boot: Boot) -> None:
    """context_switch by hand: a program, the idle task, a kernel thread; the last one to go frees it all."""
    kernel = boot(ram=64 * MB)
    spaces, cpu, init_mm = kernel.spaces, kernel.machine.cpus[0], kernel.layout.va("init_mm")
    idle, active = kernel.sched.idle_task(0), kernel.layout["task_struct"].offset("active_mm")
    program, thread = kernel.tasks.create_program("program", 1), kernel.tasks.create("thread")
    mm = kernel.tasks.mm(program)
    pgd = field(kernel, mm, "pgd")
    assert field(kernel, init_mm, "mm_count") == 2  # its own, and the idle task's
    spaces.context_switch(0, idle, program)
    assert cpu["cr3"] == pgd - PAGE_OFFSET and field(kernel, mm, "cpu_vm_mask") == 1
    assert field(kernel, init_mm, "mm_count") == 1 and word(kernel, idle + active) == 0
    spaces.context_switch(0, program, idle)
    assert cpu["cr3"] == pgd - PAGE_OFFSET and word(kernel, idle + active) == mm and field(kernel, mm, "mm_count") == 2
    spaces.context_switch(0, idle, thread)
    assert field(kernel, mm, "mm_count") == 2 and word(kernel, thread + active) == mm
    kernel.tasks.release(program)
    assert (field(kernel, mm, "mm_users"), field(kernel, mm, "mm_count")) == (0, 1)
    spaces.context_switch(0, thread, idle)
    assert damages(kernel) == []  # of nobody, but borrowed
    spaces.leave_mm(0, idle)
    assert cpu["cr3"] == kernel.tables.pgd - PAGE_OFFSET and field(kernel, init_mm, "mm_count") == 2
    assert in_use(kernel, "mm_struct") == in_use(kernel, "pgd") == 0
    assert damages(kernel) == []
