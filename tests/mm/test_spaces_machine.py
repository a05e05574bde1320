"""vmalloc, vmap, ioremap, kmap, kmap_atomic and two more address spaces in any order: fsck finds nothing after each
step, and an access through any page directory faults at most once for each page table.

A rule is a step; `Spaces` has the machine and what a step needs. Add rules freely: what they make goes into a list of
the model, and what undoes it takes it from there.
"""

from __future__ import annotations

import gc
from array import array

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from guest.kernel import Kernel
from hw.paging import Access, walk
from mm.fault import Reason, Verdict
from mm.fork import TASK_INTERRUPTIBLE
from mm.fsck import fsck
from mm.gfp import GFP_HIGHUSER, GFP_KERNEL
from mm.layout import KM_TYPE_NR, PAGE_OFFSET, PAGE_SHIFT, PAGE_SIZE, THREAD_SIZE
from mm.pgtable import PAGE_KERNEL
from mm.setup import BootOptions
from mm.vmalloc import VM_MAP

MB = 1 << 20
NUMBERS = st.integers(0, 999)


class Spaces(RuleBasedStateMachine):
    """A machine with HighMem; a program and two kernel threads, of which each may be at work or none."""

    pae = False

    def __init__(self) -> None:
        super().__init__()
        self.kernel = kernel = Kernel.boot(BootOptions(ram=96 * MB, vmalloc=960 * MB, pae=self.pae))
        self.w = kernel.ram.words
        for task in kernel.tasks.each():  # kswapd: nobody else is to run
            kernel.sched._dequeue(task)
            self.w[(task - PAGE_OFFSET >> 2) + kernel.layout["task_struct"].word("state")] = TASK_INTERRUPTIBLE
        self.mms = [kernel.spaces.mm_alloc() for _ in range(2)]
        self.tasks = [kernel.tasks.create("one"), kernel.tasks.create("two"), kernel.tasks.create_program("program", 1)]
        self.at_work = 0
        self.areas: dict[int, int] = {}  # address -> pages
        self.vmaps: dict[int, list[int]] = {}  # address -> frames
        self.windows: dict[int, int] = {}  # address that ioremap gave -> physical one
        self.kmapped: list[int] = []
        self.atomic: dict[int, tuple[int, int]] = {}  # type -> page, address
        self.faulted: set[tuple[int, int]] = set()  # page directory, page table

    def teardown(self) -> None:
        try:
            self.kernel.close()
        except BufferError:  # the traceback of a failure holds views of the memory
            gc.collect()

    # the machine

    def field(self, task: int, name: str) -> int:
        """A word of a task_struct."""
        return self.w[(task - PAGE_OFFSET >> 2) + self.kernel.layout["task_struct"].word(name)]

    def stand_on(self, task: int) -> None:
        """Put a task to work, 0 for none. The one before gives back its windows: nobody sleeps with one."""
        for km_type in list(self.atomic):
            self.kernel.highmem.kunmap_atomic(self.atomic.pop(km_type)[1], km_type)
        sched, state = self.kernel.sched, self.kernel.layout["task_struct"].word("state")
        if self.at_work:
            sched._dequeue(self.at_work)
            self.w[(self.at_work - PAGE_OFFSET >> 2) + state] = TASK_INTERRUPTIBLE
            sched.leave(0)
        if task:
            self.w[(task - PAGE_OFFSET >> 2) + state] = TASK_INTERRUPTIBLE
            sched.wake_up_process(task)
            assert sched.pick_next(0) == task
        self.at_work = task
        stack = self.kernel.tasks.stack(task or sched.idle_task(0))
        self.kernel.traps.esp = stack + THREAD_SIZE - 64

    def translate(self, address: int) -> int | None:
        """The physical address by the page tables under CR3, as the CPU walks them."""
        cpu, efer = self.kernel.machine.cpus[0], self.kernel.machine.cpus[0].read_msr(0xC0000080)
        return walk(
            self.w, cpu["cr3"], address, cr0=cpu["cr0"], cr4=cpu["cr4"], access=Access.READ, efer=efer
        ).pa  # fmt: skip

    def access(self, address: int) -> int:
        """What a load does: fault where there is nothing, and run again."""
        found = self.translate(address)
        if found is None:
            cr3 = self.kernel.machine.cpus[0]["cr3"]
            place = cr3, address // self.kernel.tables.pmd_size
            assert place not in self.faulted and not self.pae
            assert self.kernel.faults.do_page_fault(address, 0, 0) == (Reason.COPIED, 0)
            self.faulted.add(place)
            found = self.translate(address)
        assert found is not None
        return found

    # steps

    @rule(number=NUMBERS)
    def switch(self, number: int) -> None:
        self.stand_on([0, *self.tasks][number % 4])

    @precondition(lambda self: self.at_work and not self.field(self.at_work, "mm"))
    @rule(number=NUMBERS)
    def use_mm(self, number: int) -> None:
        self.kernel.spaces.use_mm(self.mms[number % 2])

    @precondition(lambda self: self.at_work in self.tasks[:2] and self.field(self.at_work, "mm"))
    @rule()
    def unuse_mm(self) -> None:
        self.kernel.spaces.unuse_mm(self.field(self.at_work, "mm"))

    @rule(number=NUMBERS)
    def new_space(self, number: int) -> None:
        """One of the two is given up by its user, and a new one is there instead."""
        self.kernel.spaces.mmput(self.mms[number % 2])
        self.mms[number % 2] = self.kernel.spaces.mm_alloc()
        pgds = {self.pgd(mm) - PAGE_OFFSET for mm in self.mms}  # an old page directory may be used again
        self.faulted = {place for place in self.faulted if place[0] not in pgds}

    def pgd(self, mm: int) -> int:
        """Address of the page directory of an address space."""
        return self.w[(mm - PAGE_OFFSET >> 2) + self.kernel.layout["mm_struct"].word("pgd")]

    @precondition(lambda self: sum(self.areas.values()) < 8000)
    @rule(pages=st.sampled_from((1, 3, 700, 1100, 2300)))
    def vmalloc(self, pages: int) -> None:
        address = self.kernel.vmalloc.vmalloc(pages << PAGE_SHIFT)
        assert address
        self.areas[address] = pages

    @precondition(lambda self: self.areas)
    @rule(number=NUMBERS)
    def vfree(self, number: int) -> None:
        address = sorted(self.areas)[number % len(self.areas)]
        self.kernel.vmalloc.vfree(address)
        del self.areas[address]

    @precondition(lambda self: self.areas)
    @rule(number=NUMBERS, page=st.integers(0, 5000))
    def touch(self, number: int, page: int) -> None:
        """A page of an area is the same through every page directory; behind the last one is nothing."""
        address = sorted(self.areas)[number % len(self.areas)]
        pages = self.areas[address]
        va = address + (page % pages << PAGE_SHIFT)
        assert self.access(va) >> PAGE_SHIFT == self.kernel.vmalloc.vmalloc_to_pfn(va)
        guard = address + pages * PAGE_SIZE
        assert self.kernel.faults.do_page_fault(guard, 0, 0)[0].verdict is Verdict.OOPS
        assert self.translate(guard) is None

    @rule(number=NUMBERS, count=st.sampled_from((1, 4, 1200)))
    def vmap(self, number: int, count: int) -> None:
        """Pages that kmap shows, over and over, shown by an area too."""
        if not self.kmapped:
            self.kmap()
        kernel = self.kernel
        pages = [self.kmapped[(number + n) % len(self.kmapped)] for n in range(count)]
        array_of_them = kernel.slab.kmalloc(4 * count, GFP_KERNEL)
        kernel.vm.write(array_of_them, array("I", pages).tobytes())
        address = kernel.vmalloc.vmap(array_of_them, count, VM_MAP, PAGE_KERNEL)
        kernel.slab.kfree(array_of_them)
        self.vmaps[address] = [kernel.page_alloc.page_to_pfn(page) for page in pages]
        assert self.access(address) >> PAGE_SHIFT == self.vmaps[address][0]

    @precondition(lambda self: self.vmaps)
    @rule(number=NUMBERS)
    def vunmap(self, number: int) -> None:
        address = sorted(self.vmaps)[number % len(self.vmaps)]
        frames = self.vmaps.pop(address)
        assert self.access(address + (len(frames) - 1 << PAGE_SHIFT)) >> PAGE_SHIFT == frames[-1]
        self.kernel.vmalloc.vunmap(address)
        assert self.translate(address) is None

    @rule(number=NUMBERS, size=st.sampled_from((1, 5000, 5 << 20)))
    def ioremap(self, number: int, size: int) -> None:
        pa = 0xFD00_0000 + 0x1010 * number
        address = self.kernel.ioremap.ioremap(pa, size)
        assert address & 0xFFF == pa & 0xFFF and self.access(address) == pa
        self.windows[address] = pa

    @precondition(lambda self: self.windows)
    @rule(number=NUMBERS)
    def iounmap(self, number: int) -> None:
        address = sorted(self.windows)[number % len(self.windows)]
        del self.windows[address]
        self.kernel.ioremap.iounmap(address)
        assert self.translate(address) is None

    @precondition(lambda self: self.kmapped)
    @rule(number=NUMBERS, km_type=st.integers(0, KM_TYPE_NR - 1))
    def kmap_atomic(self, number: int, km_type: int) -> None:
        """Map a page, or give back what this type maps."""
        highmem = self.kernel.highmem
        if km_type in self.atomic:
            highmem.kunmap_atomic(self.atomic.pop(km_type)[1], km_type)
            return
        page = self.kmapped[number % len(self.kmapped)]
        address = highmem.kmap_atomic(page, km_type)
        self.atomic[km_type] = page, address
        assert self.access(address) >> PAGE_SHIFT == self.kernel.page_alloc.page_to_pfn(page)
        assert highmem.kmap_atomic_to_page(address) == page

    @rule()
    def sync_all(self) -> None:
        self.kernel.directories.vmalloc_sync_all()
        before = len(self.faulted)
        for address in (*self.areas, *self.vmaps, *self.windows):
            self.access(address)
        assert len(self.faulted) == before

    @rule()
    def kmap(self) -> None:
        page = self.kernel.page_alloc.alloc_pages(GFP_HIGHUSER, 0)
        address = self.kernel.highmem.kmap(page)
        assert self.access(address) >> PAGE_SHIFT == self.kernel.page_alloc.page_to_pfn(page)
        self.kmapped.append(page)

    @precondition(lambda self: self.kmapped and not self.vmaps and not self.atomic)
    @rule(number=NUMBERS)
    def kunmap(self, number: int) -> None:
        page = self.kmapped.pop(number % len(self.kmapped))
        self.kernel.highmem.kunmap(page)
        self.kernel.page_alloc._free_pages(page, 0)

    @invariant()
    def nothing_is_damaged(self) -> None:
        kernel = self.kernel
        report = fsck(kernel.ram, kernel.text(), [cpu["cr3"] for cpu in kernel.machine.cpus])
        assert [str(damage) for damage in report.damages] == []


class PaeSpaces(Spaces):
    """The same with PAE, where nothing ever faults."""

    pae = True


@pytest.mark.parametrize("machine", (Spaces, pytest.param(PaeSpaces, marks=pytest.mark.slow)))
def test_any_order(machine: type[Spaces]) -> None:
    run_state_machine_as_test(machine, settings=settings(max_examples=3, stateful_step_count=25))


@pytest.mark.slow
@pytest.mark.parametrize("machine", (Spaces, PaeSpaces))
def test_any_order_for_long(machine: type[Spaces]) -> None:
    run_state_machine_as_test(machine, settings=settings(max_examples=40, stateful_step_count=50))
