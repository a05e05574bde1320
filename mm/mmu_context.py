"""Address spaces and who has which (mm_alloc and mmput of kernel/fork.c, context_switch of kernel/sched.c, switch_mm of
include/asm-i386/mmu_context.h, use_mm of fs/aio.c; 2.6.20).

A `struct mm_struct` has two counts. `mm_users`: the tasks whose `mm` it is, and who has called get_task_mm. `mm_count`:
one for all of those together, and one for each task that borrows it: a kernel thread or an idle task, which goes on
under the page directory of whoever ran before (`active_mm`, until it gives way), and a thread that called use_mm.
"""

from __future__ import annotations

from collections.abc import Callable

from mm.gfp import GFP_KERNEL
from mm.layout import Layout
from mm.list import Words, init_list_head
from mm.pgalloc import PageDirectories
from mm.slab import SlabAllocator
from mm.traps import Traps

PF_BORROWED_MM = 0x00400000


def fill_mm(w: Words, layout: Layout, mm: int, pgd: int, users: int) -> None:
    """mm_init, with a page directory."""
    fields, m = layout["mm_struct"], (mm ^ 0xC0000000) >> 2
    w[m + fields.word("pgd")] = pgd
    w[m + fields.word("mm_users")], w[m + fields.word("mm_count")] = users, 1
    if layout.smp:
        w[m + fields.word("mmap_sem.wait_lock")] = w[m + fields.word("page_table_lock")] = 1  # unlocked
    init_list_head(w, mm + fields.offset("mmap_sem.wait_list"))
    init_list_head(w, mm + fields.offset("mmlist"))


class AddressSpaces:
    """Making, sharing, switching and ending address spaces. load_cr3(cpu, pgd) makes a page directory a CPU's own.

    can_switch(): whether CR3 stays as it is set: not in a function that the kernel has called.
    """

    def __init__(
        self, w: Words, layout: Layout, traps: Traps, slab: SlabAllocator, directories: PageDirectories,
        load_cr3: Callable[[int, int], None], can_switch: Callable[[], bool],
    ) -> None:  # fmt: skip
        self._w = w
        self._layout = layout
        self._traps = traps
        self._slab = slab
        self._directories = directories
        self._load_cr3 = load_cr3
        self._can_switch = can_switch
        self._cachep = (layout.va("mm_cachep") ^ 0xC0000000) >> 2
        self._init_mm = layout.va("init_mm")
        task, mm = layout["task_struct"], layout["mm_struct"]
        self._mm, self._active_mm, self._flags = task.word("mm"), task.word("active_mm"), task.word("flags")
        self._pgd, self._users, self._count = mm.word("pgd"), mm.word("mm_users"), mm.word("mm_count")
        self._cpu_vm_mask = mm.word("cpu_vm_mask")

    # address spaces

    def mm_alloc(self) -> int:
        """A new address space with nothing in it and one user, the caller; 0 without memory."""
        w = self._w
        mm = self._slab.kmem_cache_zalloc(w[self._cachep], GFP_KERNEL)
        if not mm:
            return 0
        pgd = 0
        try:
            pgd = self._directories.pgd_alloc()
        finally:
            if not pgd:
                self._slab.kmem_cache_free(w[self._cachep], mm)
        if not pgd:
            return 0
        fill_mm(w, self._layout, mm, pgd, 1)
        return mm

    def get_task_mm(self, task: int) -> int:
        """A task's address space, with one user more; 0 where the task has none of its own."""
        w, t = self._w, (task ^ 0xC0000000) >> 2
        mm = w[t + self._mm]
        if mm and not w[t + self._flags] & PF_BORROWED_MM:
            w[((mm ^ 0xC0000000) >> 2) + self._users] += 1
            return mm
        return 0

    def mmput(self, mm: int) -> None:
        """Give up an address space as one of its users; with the last one go all that is in it."""
        i = ((mm ^ 0xC0000000) >> 2) + self._users
        self._w[i] = self._w[i] - 1 & 0xFFFFFFFF
        if not self._w[i]:
            self.mmdrop(mm)

    def exit_mm(self, task: int) -> None:
        """A task ends that is at work nowhere: it gives up its address space, or the one that it uses."""
        t = (task ^ 0xC0000000) >> 2
        mm = self._w[t + self._mm]
        if self._w[t + self._flags] & PF_BORROWED_MM:
            self.mmdrop(mm)
        else:
            self.mmput(mm)

    def mmdrop(self, mm: int) -> None:
        """Give up a borrowed address space; the last one frees it with its page directory."""
        w, m = self._w, (mm ^ 0xC0000000) >> 2
        w[m + self._count] = w[m + self._count] - 1 & 0xFFFFFFFF
        if not w[m + self._count]:
            if mm == self._init_mm:
                self._traps.bug()
            self._directories.pgd_free(w[m + self._pgd])
            self._slab.kmem_cache_free(w[self._cachep], mm)

    # who has which

    def cpu_init(self, cpu: int, idle: int) -> None:
        """A CPU comes up with `swapper_pg_dir` in CR3, and its idle task borrows init_mm."""
        w, m = self._w, (self._init_mm ^ 0xC0000000) >> 2
        w[((idle ^ 0xC0000000) >> 2) + self._active_mm] = self._init_mm
        w[m + self._count] += 1
        w[m + self._cpu_vm_mask] |= 1 << cpu

    def context_switch(self, cpu: int, before: int, following: int) -> None:
        """The part of a CPU's switch from task to task that concerns memory."""
        w, b, f = self._w, (before ^ 0xC0000000) >> 2, (following ^ 0xC0000000) >> 2
        old, mm = w[b + self._active_mm], w[f + self._mm]
        if not mm:
            w[f + self._active_mm] = old
            w[((old ^ 0xC0000000) >> 2) + self._count] += 1
        elif mm != old:
            self._switch_mm(cpu, old, mm)
        if not w[b + self._mm]:
            w[b + self._active_mm] = 0
            self.mmdrop(old)

    def _switch_mm(self, cpu: int, old: int, mm: int) -> None:
        w, m = self._w, (mm ^ 0xC0000000) >> 2
        w[((old ^ 0xC0000000) >> 2) + self._cpu_vm_mask] &= ~(1 << cpu)
        w[m + self._cpu_vm_mask] |= 1 << cpu
        self._load_cr3(cpu, w[m + self._pgd])

    def leave_mm(self, cpu: int, idle: int) -> None:
        """Have a CPU that is idle borrow init_mm, and nothing else.

        In 2.6.20 it keeps what it has until a task with an mm comes: behind a program's end the shell that has waited.
        """
        i = (idle ^ 0xC0000000) >> 2
        old = self._w[i + self._active_mm]
        if old != self._init_mm:
            self._w[i + self._active_mm] = self._init_mm
            self._w[((self._init_mm ^ 0xC0000000) >> 2) + self._count] += 1
            self._switch_mm(cpu, old, self._init_mm)
            self.mmdrop(old)

    def reload_cr3(self, cpu: int, task: int) -> None:
        """Load CR3 for the task on a CPU anew, whatever a program has made of it."""
        mm = self._w[((task ^ 0xC0000000) >> 2) + self._active_mm]
        self._load_cr3(cpu, self._w[((mm ^ 0xC0000000) >> 2) + self._pgd])

    def use_mm(self, mm: int) -> None:
        """Let the kernel thread at work go on in an address space, which somebody must have as its user.

        BUG in a task that has one already: 2.6.20 would give that up under its feet.
        """
        w, task = self._w, self._traps.current()
        t = (task ^ 0xC0000000) >> 2
        if w[t + self._mm] or not self._can_switch():
            self._traps.bug()
        old = w[t + self._active_mm]
        w[((mm ^ 0xC0000000) >> 2) + self._count] += 1
        w[t + self._flags] |= PF_BORROWED_MM
        w[t + self._mm] = w[t + self._active_mm] = mm
        if mm != old:
            self._switch_mm(self._traps.cpu, old, mm)
        self.mmdrop(old)

    def unuse_mm(self, mm: int) -> None:
        """End use_mm. The thread goes on under the same page directory, until it gives way. BUG without a use_mm."""
        w, t = self._w, (self._traps.current() ^ 0xC0000000) >> 2
        if w[t + self._mm] != mm or not w[t + self._flags] & PF_BORROWED_MM:
            self._traps.bug()
        w[t + self._flags] &= ~PF_BORROWED_MM
        w[t + self._mm] = 0
