"""What slab objects are that other structures lead to: tasks and their stacks, descriptors, arrays, directories."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mm.fork import PARTS, Tasks
from mm.layout import MODULE_NAME_LEN, PAGE_OFFSET, PAGE_SIZE, Layout
from mm.list import Words, list_for_each
from mm.maccess import KernelMemory
from mm.pgtable import PAGE_PRESENT, USER_PGDS, PageTables
from mm.sched import Scheduler
from mm.slab import SlabAllocator
from mm.slab_geometry import CFLGS_OFF_SLAB
from mm.vmalloc import Vmalloc
from mm.vmstat import cache_name


@dataclass(frozen=True, slots=True)
class Known:
    """What an object is. kind: "task stack", "page table", "slab management", or "" for a plain object. name: whose.

    first, each: of a page table, the linear address of its first entry, and how much an entry maps.
    """

    address: int
    kind: str
    name: str
    what: str
    first: int = 0
    each: int = 0


class KnownObjects:
    """Collects them. tables: of any page directory; cpus: how many have an idle task."""

    def __init__(
        self, w: Words, layout: Layout, vm: KernelMemory, slab: SlabAllocator, vmalloc: Vmalloc, tables: PageTables,
        tasks: Tasks, sched: Scheduler, cpus: int,
    ) -> None:  # fmt: skip
        self._w = w
        self._layout = layout
        self._vm = vm
        self._slab = slab
        self._vmalloc = vmalloc
        self._tables = tables
        self._tasks = tasks
        self._sched = sched
        self._cpus = cpus

    def each(self) -> Iterator[Known]:
        """All of them, as of now."""
        yield from self._of_tasks()
        yield from self._of_programs()
        yield from self._of_areas()
        yield from self._of_caches()
        yield from self._of_inodes()

    def _field(self, struct: str, address: int, name: str) -> int:
        return self._w[((address ^ 0xC0000000) >> 2) + self._layout[struct].word(name)]

    def _of_tasks(self) -> Iterator[Known]:
        for cpu in range(self._cpus):
            task = self._sched.idle_task(cpu)
            yield from self._of_task(task, f"swapper (pid 0, CPU {cpu})")
        # Borrowers of an address space first: what comes later counts.
        for task in sorted(self._tasks.each(), key=self._tasks.is_program):
            yield from self._of_task(task, f"{self._tasks.comm(task)} (pid {self._field('task_struct', task, 'pid')})")

    def _of_task(self, task: int, name: str) -> Iterator[Known]:
        yield Known(task, "", name, f"the task_struct of {name}")
        yield Known(self._tasks.stack(task), "task stack", name, f"the stack of {name}")
        for part, _, _ in PARTS:
            if address := self._field("task_struct", task, part):
                yield Known(address, "", name, f"the {part} of {name}")
        if (mm := self._tasks.mm(task)) and mm != self._layout.va("init_mm"):
            yield Known(mm, "", name, f"the mm_struct of {name}")
            pgd = self._field("mm_struct", mm, "pgd")
            each = 1 << 30 if self._layout.pae else self._tables.pmd_size
            yield Known(pgd, "page table", name, f"the page directory of {name}", 0, each)
            for i in range(USER_PGDS if self._layout.pae else 0):
                entry = self._tables.read(pgd + 8 * i)
                if entry & PAGE_PRESENT:
                    pmds = PAGE_OFFSET + (entry & 0xFFFFF000)
                    what = f"the page directory of the GB at {i << 30:08x} of {name}"
                    yield Known(pmds, "page table", name, what, i << 30, self._tables.pmd_size)

    def _of_programs(self) -> Iterator[Known]:
        fields = self._layout["module"]
        for entry in list_for_each(self._w, self._layout.va("modules")):
            module = entry - fields.offset("list")
            name = self._vm.string(module + fields.offset("name"), MODULE_NAME_LEN).decode("latin-1")
            yield Known(module, "", name, f"the struct module of the program {name}")
            if args := self._field("module", module, "args"):
                yield Known(args, "", name, f"the arguments of the program {name}")

    def _of_areas(self) -> Iterator[Known]:
        for area in self._vmalloc.areas():
            name = f"the area at {self._field('vm_struct', area, 'addr'):08x}"
            yield Known(area, "", name, f"the vm_struct of {name}")
            if pages := self._field("vm_struct", area, "pages"):
                yield Known(pages, "", name, f"the array of pages of {name}")

    def _of_caches(self) -> Iterator[Known]:
        first = self._layout["kmem_cache"].offset("array")
        for cachep in self._slab.caches():
            name = cache_name(self._slab, cachep)
            yield Known(cachep, "", name, f"the kmem_cache of {name}")
            for cpu in range(self._layout.nr_cpus):
                if array := self._w[(cachep + first + 4 * cpu ^ 0xC0000000) >> 2]:
                    yield Known(array, "", name, f"the array of CPU {cpu} of {name}")
            l3 = self._field("kmem_cache", cachep, "nodelists")
            yield Known(l3, "", name, f"the kmem_list3 of {name}")
            if shared := self._field("kmem_list3", l3, "shared"):
                yield Known(shared, "", name, f"the shared array of {name}")
            if self._field("kmem_cache", cachep, "flags") & CFLGS_OFF_SLAB:
                for list_name in ("slabs_full", "slabs_partial", "slabs_free"):
                    for slab in list_for_each(self._w, l3 + self._layout["kmem_list3"].offset(list_name)):
                        s_mem = self._field("slab", slab, "s_mem")
                        what = f"the descriptor of the slab of {name} at {s_mem & -PAGE_SIZE:08x}"
                        yield Known(slab, "slab management", name, what)

    def _of_inodes(self) -> Iterator[Known]:
        fields = self._layout["inode"]
        for head in ("inode_in_use", "inode_unused"):
            for entry in list_for_each(self._w, self._layout.va(head)):
                inode = entry - fields.offset("i_list")
                name = f"inode {self._field('inode', inode, 'i_ino')}"
                yield Known(inode, "", name, name)
