"""Address spaces: who has which, and every page directory entry by entry."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from mm.fsck.caches import ALLOCATED, Objects
from mm.fsck.image import variable_damage
from mm.fsck.memory import MOST, Memory, View, shown
from mm.fsck.queues import idle_tasks
from mm.fsck.tables import Tables
from mm.layout import PAGE_OFFSET, PAGE_SHIFT, PAGE_SIZE
from mm.mmu_context import PF_BORROWED_MM
from mm.pgtable import USER_PGDS
from mm.slab_geometry import SLAB_POISON

_TASK, _MM, _PGD = "struct task_struct", "struct mm_struct", "page directory"
_INIT_USERS = 2
_MOST_USERS = 1 << 24


class Spaces:
    """The checks of `struct mm_struct` and of all that hangs on it. cr3s: of each CPU, where they are known."""

    def __init__(self, memory: Memory, objects: Objects, tables: Tables, cr3s: Sequence[int]) -> None:
        self._memory = memory
        self._objects = objects
        self._tables = tables
        self._cr3s = cr3s
        self._init_mm = memory.layout.va("init_mm")
        self._swapper = memory.layout.va("swapper_pg_dir")
        rq, size = memory.layout.va("runqueues") + memory.offset("rq", "curr"), memory.layout["rq"].size
        self._at_work = [memory.word(rq + cpu * size) for cpu in range(memory.cpus)]

    def check(self, tasks: list[int]) -> None:
        """Check every address space. tasks: all but the idle ones."""
        memory = self._memory
        mms = [self._init_mm, *self._objects.unused("mm_struct")]
        users, borrowers, masks = ({mm: 0 for mm in mms} for _ in range(3))
        for task in (*idle_tasks(memory), *tasks):
            if not memory.has(task, memory.layout["task_struct"].size):
                continue  # the runqueue's damage
            mm, active = self._field(task, "mm"), self._field(task, "active_mm")
            borrowed = self._field(task, "flags") & PF_BORROWED_MM
            cpus = [cpu for cpu, current in enumerate(self._at_work) if current == task]
            if mm and mm not in users:
                self._bad(task, "mm", f"is {mm:08x}, where no address space is")
            elif mm and not borrowed:
                users[mm] += 1
            if borrowed and not mm:
                self._bad(task, "flags", "has PF_BORROWED_MM, and mm is 0")
            if active != mm and (mm or not cpus):
                self._bad(task, "active_mm", f"is {active:08x}, should be {shown(mm)}")
            elif active and active not in users:
                self._bad(task, "active_mm", f"is {active:08x}, where no address space is")
            elif cpus and not active:
                self._bad(task, "active_mm", "is 0, and the task is at work")
            if active in users:
                borrowers[active] += bool(borrowed) if mm else len(cpus)
                masks[active] |= sum(1 << cpu for cpu in cpus)
        for mm in mms:
            self._check_mm(mm, users[mm], borrowers[mm], masks[mm])
        self._check_directories()
        self._check_cr3s(users)

    def _field(self, task: int, name: str) -> int:
        return self._memory.word(task + self._memory.offset("task_struct", name))

    def _bad(self, task: int, field: str, text: str) -> None:
        title = "init_task" if task == self._memory.layout.va("init_task") else _TASK
        for cpu, idle in enumerate(idle_tasks(self._memory)[1:], 1):
            title = f"idle task of CPU {cpu}" if task == idle else title
        self._memory.damage(title, task, field, text)

    def _check_mm(self, va: int, users: int, borrowers: int, mask: int) -> None:
        first = va == self._init_mm
        mm = View(self._memory, "mm_struct", va, "init_mm" if first else _MM)
        if first:
            mm.want("pgd", self._swapper)
            mm.want("mm_users", _INIT_USERS)
            mm.want("total_vm", 0)
        else:
            self._objects.use(va, "mm_struct", "an address space", _MM, va, "")
            self._objects.use(mm["pgd"], "pgd", f"the page directory of the mm at {va:08x}", _MM, va, "pgd")
            mm.free("pgd")
            mm.within("mm_users", users, _MOST_USERS, "tasks have it:")
            mm.within("total_vm", 0, self._memory.limits.max_pfn)
            if not mm["mm_users"] and not borrowers:
                mm.bad("mm_users", "is 0, and nobody borrows the address space")
        mm.want("mm_count", bool(users or mm["mm_users"]) + borrowers, "with those that borrow it it is")
        mm.want("cpu_vm_mask", mask)
        if self._memory.layout.smp:
            mm.want("mmap_sem.wait_lock", 1)
            mm.want("page_table_lock", 1)
        mm.list_head("mmap_sem.wait_list", empty=True)
        mm.list_head("mmlist", empty=True)
        mm.rest_zero()

    # page directories

    def _each_directory(self) -> Iterator[tuple[int, bool]]:
        """Every page directory that is constructed, and whether it is in use."""
        cache = self._objects.by_name.get("pgd")
        if cache is None:
            return
        for row, start in enumerate(cache.starts):
            for number in range(cache.shape.num if start >= 0 else 0):
                used = bool(cache.state[row, number] == ALLOCATED)
                if used or not cache.flags & SLAB_POISON:
                    yield cache.object(row, number), used

    def _check_directories(self) -> None:
        memory, pae = self._memory, self._memory.layout.pae
        found = list(self._each_directory())
        for pgd, used in found:
            if pae:
                self._check_pointers(pgd, used)
            else:
                self._check_directory(pgd)
        for name in ("pgd", "pmd"):
            for va in self._objects.unused(name)[:MOST]:
                memory.damage(_PGD if name == "pgd" else "page of pmds", va, "", "is allocated, and of no mm")
        if pae:
            if first := memory.variable("pgd_list"):
                variable_damage(memory, "pgd_list", f"is {first:08x}, with PAE there is no list")
        else:
            self._check_list({pgd - PAGE_OFFSET >> PAGE_SHIFT for pgd, _ in found})

    def _check_directory(self, pgd: int) -> None:
        """Nothing in user space, and what init_mm has; a page table of vmalloc space may be missing yet."""
        entries, right = (self._memory.block(va, PAGE_SIZE >> 2) for va in (pgd, self._swapper))
        first = self._tables.start >> 22
        behind = (self._tables.end - 1 >> 22) + 1
        wrong = entries != np.where(np.arange(len(right)) < PAGE_OFFSET >> 22, 0, right)
        wrong[first:behind] &= entries[first:behind] != 0
        for i in np.flatnonzero(wrong)[:MOST].tolist():
            reference = int(right[i]) if i >= PAGE_OFFSET >> 22 else 0
            self._bad_entry(pgd, i, f"is {int(entries[i]):08x}, should be {reference:08x}")

    def _check_pointers(self, pgd: int, used: bool) -> None:
        """The first level of PAE: three pages of pmds with nothing in them, and the kernel's."""
        memory = self._memory
        kernel = USER_PGDS
        low, high, *right = (
            memory.word(va + 8 * kernel + 4 * n) for va in (pgd, self._swapper) for n in range(2)
        )  # fmt: skip
        if [low, high] != right:
            self._bad_entry(pgd, kernel, f"is {high:08x}{low:08x}, should be {right[1]:08x}{right[0]:08x}")
        for i in range(USER_PGDS if used else 0):
            low, high = (memory.word(pgd + 8 * i + 4 * n) for n in range(2))
            user = f"the pmds of the page directory at {pgd:08x}"
            if high or low & PAGE_SIZE - 1 != 1:
                self._bad_entry(pgd, i, f"is {high:08x}{low:08x}, which leads to no page of pmds")
            pmds = PAGE_OFFSET + (low & -PAGE_SIZE)
            if self._objects.use(pmds, "pmd", user, _PGD, pgd, f"[{i}]"):
                for n in np.flatnonzero(memory.block(pmds, PAGE_SIZE >> 2))[:MOST].tolist():
                    memory.damage("page of pmds", pmds, f"[{n >> 1}]", "is not 0, and there is nothing in user space")

    def _bad_entry(self, pgd: int, i: int, text: str) -> None:
        self._memory.damage(_PGD, pgd, f"[{i}]", text)

    def _check_list(self, frames: set[int]) -> None:
        """pgd_list has the pages of all directories, each with the way back."""
        memory, layout = self._memory, self._memory.layout
        index, private = memory.offset("page", "index"), memory.column("private")
        at, before, seen = memory.variable("pgd_list"), layout.va("pgd_list"), set()
        while at:
            pfn = memory.pfn(at)
            if pfn is None or pfn not in frames or pfn in seen:
                self._bad_link(before, f"is {at:08x}, which is not the page of a page directory, or again")
                break
            seen.add(pfn)
            if private[pfn] != before:
                memory.page_damage(pfn, "private", f"is {int(private[pfn]):08x}, pgd_list leads here from {before:08x}")
            before = at + index
            at = memory.word(before)
        else:
            if frames - seen:
                pages = ", ".join(f"{memory.page(pfn):08x}" for pfn in sorted(frames - seen)[:MOST])
                self._bad_link(before, f"is 0, and not on pgd_list are the pages {pages}")

    def _bad_link(self, va: int, text: str) -> None:
        memory = self._memory
        pfn = memory.pfn(va - memory.offset("page", "index"))
        if pfn is None:
            variable_damage(memory, "pgd_list", text)
        else:
            memory.page_damage(pfn, "index", text)

    def _check_cr3s(self, mms: dict[int, int]) -> None:
        """Each CPU walks the page directory of the task at work there."""
        memory = self._memory
        for cpu, (cr3, task) in enumerate(zip(self._cr3s, self._at_work)):
            active = self._field(task, "active_mm") if memory.has(task, memory.layout["task_struct"].size) else 0
            if active in mms:
                right = memory.word(active + memory.offset("mm_struct", "pgd")) - PAGE_OFFSET
                if cr3 != right:
                    memory.damage(f"CPU {cpu}", cr3, "cr3", f"is {cr3:08x}, should be {right:08x}")
