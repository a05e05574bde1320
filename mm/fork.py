"""Tasks, their stacks and their address spaces (kernel/fork.c, arch/i386/kernel/init_task.c; 2.6.20).

A task has 8 KB of stack with its `struct thread_info` at the bottom; ESP names the current task. The task of a program
has an address space (`mm.mmu_context`), as insmod has one; kernel threads have none. Of what else a task has in 2.6.20
(open files, directories, signals) there are the objects, with their counts of users, and nothing is in them.
"""

from __future__ import annotations

from collections.abc import Iterator

from mm.errors import BootError
from mm.gfp import GFP_KERNEL
from mm.layout import TASK_COMM_LEN, THREAD_SIZE, Layout
from mm.list import Words, init_list_head, list_add_tail, list_for_each, list_unlink
from mm.mmu_context import PF_BORROWED_MM, AddressSpaces, fill_mm
from mm.slab import SlabAllocator
from mm.time import Clock

KERNEL_DS = 0xFFFFFFFF
TASK_INTERRUPTIBLE = 1
PF_STARTING = 0x00000002
PF_KSWAPD = 0x00040000
CLONE_FS = 0x00000200
CLONE_FILES = 0x00000400
KTHREAD_FLAGS = CLONE_FS | CLONE_FILES  # what create_kthread shares with init
DEFAULT_PRIO = 120
CAP_FULL_SET = 0xFFFFFFFF


#: What copy_process gives a task besides its address space: the pointer in task_struct, the variable of the cache, and
#: the flag with which the parent's is shared. The first task has none of its own.
PARTS = (
    ("files", "files_cachep", CLONE_FILES), ("fs", "fs_cachep", CLONE_FS),
    ("sighand", "sighand_cachep", 0), ("signal", "signal_cachep", 0),
)  # fmt: skip


def init_task(w: Words, layout: Layout) -> None:
    """Fill the static task and thread_info of "swapper", pid 0, on whose stack the kernel boots."""
    task, stack = layout.va("init_task"), layout.va("init_thread_union")
    _fill(w, layout, task, stack, "swapper", 0)
    for name in ("tasks", "children", "sibling"):
        init_list_head(w, task + layout["task_struct"].offset(name))
    fill_mm(w, layout, layout.va("init_mm"), layout.va("swapper_pg_dir"), 2)
    w[(layout.va("init_mm_pointer") ^ 0xC0000000) >> 2] = layout.va("init_mm")


def _fill(w: Words, layout: Layout, task: int, stack: int, comm: str, pid: int) -> None:
    fields, info = layout["task_struct"], layout["thread_info"]
    t, i = (task ^ 0xC0000000) >> 2, (stack ^ 0xC0000000) >> 2
    w[t + fields.word("thread_info")] = stack
    w[t + fields.word("usage")] = 2
    w[t + fields.word("pid")] = w[t + fields.word("tgid")] = pid
    w[t + fields.word("parent")] = layout.va("init_task")
    w[t + fields.word("prio")] = w[t + fields.word("static_prio")] = DEFAULT_PRIO
    w[t + fields.word("cap_effective")] = CAP_FULL_SET
    w[t + fields.word("thread.esp0")] = stack + THREAD_SIZE
    name = comm.encode("utf-8", "replace")[: TASK_COMM_LEN - 1].ljust(TASK_COMM_LEN, b"\0")
    for n in range(0, TASK_COMM_LEN, 4):
        w[t + fields.word("comm") + n // 4] = int.from_bytes(name[n : n + 4], "little")
    w[i + info.word("task")] = task
    w[i + info.word("addr_limit")] = KERNEL_DS
    w[i + info.word("preempt_count")] = 0
    if layout.smp:
        w[t + fields.word("cpus_allowed")] = cpu_mask_all(layout.nr_cpus)


def cpu_mask_all(nr_cpus: int) -> int:
    """CPU_MASK_ALL: a bit for every CPU that the kernel is built for."""
    return (1 << nr_cpus) - 1


class Tasks:
    """Making and ending tasks."""

    def __init__(
        self, w: Words, layout: Layout, slab: SlabAllocator, clock: Clock, spaces: AddressSpaces
    ) -> None:
        self._w = w
        self._layout = layout
        self._slab = slab
        self._clock = clock
        self._spaces = spaces
        self._cachep = (layout.va("task_struct_cachep") ^ 0xC0000000) >> 2
        self._thread_info = layout["task_struct"].word("thread_info")
        self._parts = [
            (layout["task_struct"].word(name), (layout.va(cachep) ^ 0xC0000000) >> 2, flag)
            for name, cachep, flag in PARTS
        ]
        self._last_pid = (layout.va("last_pid") ^ 0xC0000000) >> 2
        self._tasks = layout["task_struct"].offset("tasks")

    def fork_idle(self, cpu: int) -> int:
        """The idle task of a CPU that comes up: it is in no list. BootError without memory."""
        w, fields = self._w, self._layout["task_struct"]
        task, stack = self._allocate(0)
        if not task:
            raise BootError(f"the kernel has no memory for the idle task of CPU {cpu}")
        _fill(w, self._layout, task, stack, "swapper", 0)
        for name in ("tasks", "children", "sibling"):
            init_list_head(w, task + fields.offset(name))
        w[((stack ^ 0xC0000000) >> 2) + self._layout["thread_info"].word("cpu")] = cpu
        return task

    def _allocate(self, clone_flags: int) -> tuple[int, int]:
        """Memory for a task, its stack and what it does not share, zeroed; 0 and 0 where there is none."""
        task = self._slab.kmem_cache_zalloc(self._w[self._cachep], GFP_KERNEL)
        if not task:
            return 0, 0
        well = False
        try:
            well = self._copy(task, clone_flags)
        finally:
            if not well:
                self._free(task)
        return (task, self.stack(task)) if well else (0, 0)

    def _copy(self, task: int, clone_flags: int) -> bool:
        w, t = self._w, (task ^ 0xC0000000) >> 2
        w[t + self._thread_info] = self._slab.kzalloc(THREAD_SIZE, GFP_KERNEL)
        if not w[t + self._thread_info]:
            return False
        for pointer, cachep, flag in self._parts:
            if not clone_flags & flag:
                part = self._slab.kmem_cache_zalloc(w[cachep], GFP_KERNEL)
                if not part:
                    return False
                w[(part ^ 0xC0000000) >> 2] = 1  # its count
                w[t + pointer] = part
        return True

    def _free(self, task: int) -> None:
        """Give back what a task has of its own, so far as it has it."""
        w, t = self._w, (task ^ 0xC0000000) >> 2
        for pointer, cachep, _ in self._parts:
            if part := w[t + pointer]:
                self._slab.kmem_cache_free(w[cachep], part)
        if stack := w[t + self._thread_info]:
            self._slab.kfree(stack)
        self._slab.kmem_cache_free(w[self._cachep], task)

    def create(self, comm: str, clone_flags: int = KTHREAD_FLAGS) -> int:
        """A new task with a stack of its own, asleep; its `struct task_struct`, or 0 without memory.

        clone_flags: what it shares with the first task; by default what a kernel thread does.
        """
        w, layout, fields = self._w, self._layout, self._layout["task_struct"]
        task, stack = self._allocate(clone_flags)
        if not task:
            return 0
        w[self._last_pid] += 1
        _fill(w, layout, task, stack, comm, w[self._last_pid])
        w[((task ^ 0xC0000000) >> 2) + layout["task_struct"].word("state")] = TASK_INTERRUPTIBLE
        start = ((task ^ 0xC0000000) >> 2) + fields.word("start_time")
        now = self._clock()
        w[start], w[start + 1] = now & 0xFFFFFFFF, now >> 32
        list_add_tail(w, task + self._tasks, layout.va("init_task") + self._tasks)
        init_list_head(w, task + fields.offset("children"))
        list_add_tail(w, task + fields.offset("sibling"), layout.va("init_task") + fields.offset("children"))
        return task

    def create_program(self, comm: str, pages: int) -> int:
        """The task of a program, with an address space of `pages` pages: those of its image, as insmod reads it."""
        w, layout = self._w, self._layout
        task = self.create(comm, 0)
        if not task:
            return 0
        mm = 0
        try:
            mm = self._spaces.mm_alloc()
        finally:
            if not mm:
                self.release(task)
        if not mm:
            return 0
        w[((mm ^ 0xC0000000) >> 2) + layout["mm_struct"].word("total_vm")] = pages
        t = (task ^ 0xC0000000) >> 2
        w[t + layout["task_struct"].word("mm")] = w[t + layout["task_struct"].word("active_mm")] = mm
        return task

    def mm(self, task: int) -> int:
        """A task's `struct mm_struct`, 0 for a kernel thread."""
        return self._w[((task ^ 0xC0000000) >> 2) + self._layout["task_struct"].word("mm")]

    def is_program(self, task: int) -> bool:
        """Whether a task has an address space of its own."""
        flags = self._w[((task ^ 0xC0000000) >> 2) + self._layout["task_struct"].word("flags")]
        return self.mm(task) != 0 and not flags & PF_BORROWED_MM

    def of_programs(self) -> list[int]:
        """The tasks of programs, with their threads: not those of the kernel's own."""
        flags = self._layout["task_struct"].word("flags")
        return [task for task in self.each() if not self._w[((task ^ 0xC0000000) >> 2) + flags] & PF_KSWAPD]

    def stack(self, task: int) -> int:
        """The bottom of a task's stack: its `struct thread_info`."""
        return self._w[((task ^ 0xC0000000) >> 2) + self._layout["task_struct"].word("thread_info")]

    def comm(self, task: int) -> str:
        """A task's name."""
        i = ((task ^ 0xC0000000) >> 2) + self._layout["task_struct"].word("comm")
        return self._w[i : i + TASK_COMM_LEN // 4].tobytes().split(b"\0")[0].decode("latin-1")

    def release(self, task: int) -> None:
        """Take a task out of the lists and give back all that it has, itself too."""
        list_unlink(self._w, task + self._tasks)
        list_unlink(self._w, task + self._layout["task_struct"].offset("sibling"))
        if self.mm(task):
            self._spaces.exit_mm(task)
        self._free(task)

    def each(self) -> Iterator[int]:
        """All tasks but "swapper", oldest first."""
        head = self._layout.va("init_task") + self._tasks
        for entry in list_for_each(self._w, head):
            yield entry - self._tasks


