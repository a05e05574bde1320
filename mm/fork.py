"""Tasks and their stacks (kernel/fork.c, arch/i386/kernel/init_task.c; 2.6.20).

A task has 8 KB of stack with its `struct thread_info` at the bottom; ESP names the current task.
"""

from __future__ import annotations

from collections.abc import Iterator

from mm.gfp import GFP_KERNEL
from mm.layout import TASK_COMM_LEN, THREAD_SIZE, Layout
from mm.list import Words, init_list_head, list_add_tail, list_for_each, list_unlink
from mm.slab import SLAB_PANIC, SlabAllocator

ARCH_MIN_TASKALIGN = 16
KERNEL_DS = 0xFFFFFFFF
TASK_INTERRUPTIBLE = 1


def init_task(w: Words, layout: Layout) -> None:
    """Fill the static task and thread_info of "swapper", pid 0, on whose stack the kernel boots."""
    task, stack = layout.va("init_task"), layout.va("init_thread_union")
    _fill(w, layout, task, stack, "swapper", 0)
    init_list_head(w, task + layout["task_struct"].offset("tasks"))


def _fill(w: Words, layout: Layout, task: int, stack: int, comm: str, pid: int) -> None:
    fields, info = layout["task_struct"], layout["thread_info"]
    t, i = (task ^ 0xC0000000) >> 2, (stack ^ 0xC0000000) >> 2
    w[t + fields.word("thread_info")] = stack
    w[t + fields.word("usage")] = 2
    w[t + fields.word("pid")] = w[t + fields.word("tgid")] = pid
    w[t + fields.word("parent")] = layout.va("init_task")
    w[t + fields.word("thread.esp0")] = stack + THREAD_SIZE
    name = comm.encode("utf-8", "replace")[: TASK_COMM_LEN - 1].ljust(TASK_COMM_LEN, b"\0")
    for n in range(0, TASK_COMM_LEN, 4):
        w[t + fields.word("comm") + n // 4] = int.from_bytes(name[n : n + 4], "little")
    w[i + info.word("task")] = task
    w[i + info.word("addr_limit")] = KERNEL_DS
    w[i + info.word("preempt_count")] = 0


class Tasks:
    """Making and ending tasks."""

    def __init__(self, w: Words, layout: Layout, slab: SlabAllocator) -> None:
        self._w = w
        self._layout = layout
        self._slab = slab
        self._cachep = (layout.va("task_struct_cachep") ^ 0xC0000000) >> 2
        self._last_pid = (layout.va("last_pid") ^ 0xC0000000) >> 2
        self._tasks = layout["task_struct"].offset("tasks")

    def fork_init(self) -> None:
        """Make the cache that tasks come from."""
        self._w[self._cachep] = self._slab.kmem_cache_create(
            self._layout.strings["task_struct"], self._layout["task_struct"].size, ARCH_MIN_TASKALIGN, SLAB_PANIC, 0, 0
        )

    def create(self, comm: str) -> int:
        """A new task with a stack of its own, asleep; its `struct task_struct`, or 0 without memory."""
        w, layout = self._w, self._layout
        task = self._slab.kmem_cache_zalloc(self._w[self._cachep], GFP_KERNEL)
        if not task:
            return 0
        stack = self._slab.kzalloc(THREAD_SIZE, GFP_KERNEL)
        if not stack:
            self._slab.kmem_cache_free(self._w[self._cachep], task)
            return 0
        w[self._last_pid] += 1
        _fill(w, layout, task, stack, comm, w[self._last_pid])
        w[((task ^ 0xC0000000) >> 2) + layout["task_struct"].word("state")] = TASK_INTERRUPTIBLE
        list_add_tail(w, task + self._tasks, layout.va("init_task") + self._tasks)
        return task

    def stack(self, task: int) -> int:
        """The bottom of a task's stack: its `struct thread_info`."""
        return self._w[((task ^ 0xC0000000) >> 2) + self._layout["task_struct"].word("thread_info")]

    def comm(self, task: int) -> str:
        """A task's name."""
        i = ((task ^ 0xC0000000) >> 2) + self._layout["task_struct"].word("comm")
        return self._w[i : i + TASK_COMM_LEN // 4].tobytes().split(b"\0")[0].decode("latin-1")

    def release(self, task: int) -> None:
        """Take a task out of the list and give it and its stack back."""
        list_unlink(self._w, task + self._tasks)
        self._slab.kfree(self.stack(task))
        self._slab.kmem_cache_free(self._w[self._cachep], task)

    def each(self) -> Iterator[int]:
        """All tasks but "swapper", oldest first."""
        head = self._layout.va("init_task") + self._tasks
        for entry in list_for_each(self._w, head):
            yield entry - self._tasks


