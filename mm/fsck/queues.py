"""The scheduler's queues: the tasks that can run, and the timers, which may lie anywhere in kernel memory."""

from __future__ import annotations

from mm.errors import KernelFault
from mm.fork import TASK_INTERRUPTIBLE
from mm.fsck.image import variable_damage
from mm.fsck.memory import Memory, shown
from mm.maccess import KernelMemory
from mm.pgtable import KernelPageTable
from mm.sched import DEF_TIMESLICE, TASK_DEAD, TASK_RUNNING, TASK_UNINTERRUPTIBLE

_STATES = (TASK_RUNNING, TASK_INTERRUPTIBLE, TASK_UNINTERRUPTIBLE, TASK_DEAD)
_MOST_TIMERS = 1 << 16


def check_queues(memory: Memory, tasks: list[int]) -> None:
    """Check runqueue, timers and what kthread_stop waits for; `tasks` are all but the first."""
    queued = _check_runqueue(memory, tasks)
    state = memory.offset("task_struct", "state")
    for task in tasks:
        value = memory.word(task + state)
        if value not in _STATES or value == TASK_RUNNING and task not in queued:
            where = "on" if task in queued else "not on"
            memory.damage("struct task_struct", task, "state", f"is {shown(value)}, the task is {where} the runqueue")
    pending = _check_timers(memory, "timers") | _check_timers(memory, "timers_due")
    timer = memory.offset("task_struct", "timer")
    for task in tasks:
        if task + timer not in pending and (memory.word(task + timer) or memory.word(task + timer + 4)):
            memory.damage("struct task_struct", task, "timer.entry", "is linked, and in no list of timers")
    if (left := memory.variable("time_slice")) > DEF_TIMESLICE:
        variable_damage(memory, "time_slice", f"is {shown(left)}, should be at most {DEF_TIMESLICE}")
    for name in ("kthread_stop_k", "kthread_stop_waiter"):
        if (task := memory.variable(name)) and task not in tasks:
            variable_damage(memory, name, f"is {task:08x}, which is no task")


def _check_runqueue(memory: Memory, tasks: list[int]) -> set[int]:
    head, offset = memory.layout.va("runqueue"), memory.offset("task_struct", "run_list")
    entries = memory.walk(
        head, ("runqueue", head, "list"), lambda entry: entry - offset in tasks,
        lambda entry: ("struct task_struct", entry - offset, "run_list"),
    )  # fmt: skip
    queued = {entry - offset for entry in entries}
    for task in tasks:
        if task not in queued and (memory.word(task + offset) or memory.word(task + offset + 4)):
            memory.damage("struct task_struct", task, "run_list", "is linked, and the task is not on the runqueue")
    return queued


def _check_timers(memory: Memory, name: str) -> set[int]:
    head = memory.layout.va(name)
    words = memory.ram.words[: memory.low_bytes >> 2]
    tables = KernelPageTable(words, memory.layout.va("swapper_pg_dir"))
    vm = KernelMemory(memory.ram.bytes, tables)
    seen: set[int] = set()
    at, last = head, None
    try:
        while (following := vm.word(at)) != head:
            if following in seen or len(seen) > _MOST_TIMERS:
                memory.damage(name, at, "entry.next", f"is {following:08x}: the list runs in a circle")
                return seen
            seen.add(following)
            if vm.word(following + 4) != at:
                memory.damage(name, at, "entry.next", f"is {following:08x}, which does not point back")
                memory.damage(name, following, "entry.prev", f"is {vm.word(following + 4):08x}, should be {at:08x}")
            expires = vm.word(following + 8)
            if last is not None and (expires - last & 0xFFFFFFFF) >> 31:
                memory.damage(name, following, "expires", f"is {shown(expires)}, before the timer in front of it")
            at, last = following, expires
        if vm.word(head + 4) != at:
            memory.damage(name, head, "prev", f"is {vm.word(head + 4):08x}, should be {at:08x}")
    except (KernelFault, IndexError, ValueError):
        memory.damage(name, at, "entry.next", "leads out of memory")
    return seen

