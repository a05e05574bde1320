"""The scheduler's queues: the tasks that can run, and the timers, which may lie anywhere in kernel memory."""

from __future__ import annotations

from mm.errors import KernelFault
from mm.fork import TASK_INTERRUPTIBLE
from mm.fsck.image import variable_damage
from mm.fsck.memory import Memory, View, shown
from mm.layout import PAGE_OFFSET
from mm.maccess import KernelMemory
from mm.pgtable import page_tables
from mm.sched import DEF_TIMESLICE, TASK_DEAD, TASK_RUNNING, TASK_UNINTERRUPTIBLE
from mm.slab_reap import REAPTIMEOUT_CPUC

_STATES = (TASK_RUNNING, TASK_INTERRUPTIBLE, TASK_UNINTERRUPTIBLE, TASK_DEAD)
_MOST_TIMERS = 1 << 16


def check_queues(memory: Memory, tasks: list[int]) -> None:
    """Check runqueues, timers, what CPUs and kthread_stop wait for; `tasks` are all but the idle ones."""
    queued: set[int] = set()
    for cpu in range(memory.layout.nr_cpus):
        queued |= _check_runqueue(memory, cpu, tasks)
    offset = memory.offset("task_struct", "run_list")
    for task in tasks:
        if task not in queued and (memory.word(task + offset) or memory.word(task + offset + 4)):
            memory.damage("struct task_struct", task, "run_list", "is linked, and the task is not on a runqueue")
    state = memory.offset("task_struct", "state")
    for task in tasks:
        value = memory.word(task + state)
        if value not in _STATES or value == TASK_RUNNING and task not in queued:
            where = "on" if task in queued else "not on"
            memory.damage("struct task_struct", task, "state", f"is {shown(value)}, the task is {where} a runqueue")
    pending = _check_timers(memory, "timers") | _check_timers(memory, "timers_due")
    _check_reap(memory, pending)
    timer = memory.offset("task_struct", "timer")
    for task in tasks:
        if task + timer not in pending and (memory.word(task + timer) or memory.word(task + timer + 4)):
            memory.damage("struct task_struct", task, "timer.entry", "is linked, and in no list of timers")
    _check_call(memory, tasks)
    for name in ("kthread_stop_k", "kthread_stop_waiter"):
        if (task := memory.variable(name)) and task not in tasks:
            variable_damage(memory, name, f"is {task:08x}, which is no task")


def _check_runqueue(memory: Memory, cpu: int, tasks: list[int]) -> set[int]:
    """The tasks that can run on a CPU. Of one that is not online only that its queue is empty and the rest zero."""
    size, title = memory.layout["rq"].size, f"runqueue of CPU {cpu}"
    rq = View(memory, "rq", memory.layout.va("runqueues") + cpu * size, title)
    offset, info = memory.offset("task_struct", "run_list"), memory.offset("task_struct", "thread_info")
    rq.list_head("queue", empty=cpu >= memory.cpus)
    if cpu >= memory.cpus:
        rq.rest_zero()
        return set()
    entries = memory.walk(
        rq.va, (title, rq.va, "queue"), lambda entry: entry - offset in tasks,
        lambda entry: ("struct task_struct", entry - offset, "run_list"),
    )  # fmt: skip
    queued = {entry - offset for entry in entries}
    for task in queued:
        stack = memory.word(task + info)
        at = stack + memory.offset("thread_info", "cpu")
        if memory.has(at) and memory.word(at) != cpu:
            memory.damage("struct thread_info", stack, "cpu", f"is {shown(memory.word(at))}, should be {cpu}")
    if rq["curr"] != rq["idle"] and rq["curr"] not in queued:
        rq.bad("curr", f"is {rq['curr']:08x}, which is no task of this CPU's")
    if not cpu:
        rq.want("idle", memory.layout.va("init_task"))
    rq.within("time_slice", 0, DEF_TIMESLICE)
    if (timer := rq["running_timer"]) and (timer & 3 or timer < PAGE_OFFSET):
        rq.bad("running_timer", f"is {timer:08x}, where no timer can be")
    rq.free("running_timer", "curr", "idle")  # the idle tasks: with the tasks
    rq.rest_zero()
    return queued


def idle_tasks(memory: Memory) -> list[int]:
    """The idle task of every CPU that is online."""
    rq, size = memory.layout.va("runqueues") + memory.offset("rq", "idle"), memory.layout["rq"].size
    return [memory.word(rq + cpu * size) for cpu in range(memory.cpus)]


def _check_call(memory: Memory, tasks: list[int]) -> None:
    """smp_call_function: who calls, and which CPUs have not run its function yet."""
    caller, cpus = memory.variable("call_caller"), memory.variable("call_cpus")
    if caller and caller not in tasks and caller not in idle_tasks(memory):
        variable_damage(memory, "call_caller", f"is {caller:08x}, which is no task")
    if cpus >> memory.cpus or cpus and not caller:
        variable_damage(memory, "call_cpus", f"is {cpus:#x}, with CPUs that nobody calls")
    for name in ("call_func", "call_info"):
        if memory.variable(name) and not caller:
            variable_damage(memory, name, f"is {memory.variable(name):08x}, and nobody calls")


def _check_reap(memory: Memory, pending: set[int]) -> None:
    """Each CPU that is online will call cache_reap, in REAPTIMEOUT_CPUC jiffies at the latest."""
    for cpu in range(memory.layout.nr_cpus):
        va = memory.layout.va("reap_work") + cpu * memory.layout["timer_list"].size
        timer = View(memory, "timer_list", va, _timer_title(memory, "", va))
        if cpu < memory.cpus:
            if va not in pending:
                timer.bad("entry", "is in no list of timers")
            timer.free("entry", words=2)
            left = timer["expires"] - memory.variable("jiffies") & 0xFFFFFFFF
            if not left >> 31 and left > REAPTIMEOUT_CPUC:
                timer.bad("expires", f"is {shown(timer['expires'])}, in {left} jiffies")
            timer.free("expires")
            timer.want("function", memory.layout.va("cache_reap"))
            timer.want("data", cpu)
        timer.rest_zero()


def _timer_title(memory: Memory, name: str, va: int) -> str:
    """What reports call a timer of the list `name`, or the list itself."""
    number, rest = divmod(va - memory.layout.va("reap_work"), memory.layout["timer_list"].size)
    return f"reap_work of CPU {number}" if not rest and 0 <= number < memory.layout.nr_cpus else name


def _check_timers(memory: Memory, name: str) -> set[int]:
    head = memory.layout.va(name)
    words = memory.ram.words[: memory.low_bytes >> 2]
    tables = page_tables(words, memory.layout)
    vm = KernelMemory(memory.ram.bytes, tables)
    seen: set[int] = set()

    def title(va: int) -> str:
        return _timer_title(memory, name, va)

    at, last = head, None
    try:
        while (following := vm.word(at)) != head:
            if following in seen or len(seen) > _MOST_TIMERS:
                memory.damage(title(at), at, "entry.next", f"is {following:08x}: the list runs in a circle")
                return seen
            seen.add(following)
            if vm.word(following + 4) != at:
                memory.damage(title(at), at, "entry.next", f"is {following:08x}, which does not point back")
                text = f"is {vm.word(following + 4):08x}, should be {at:08x}"
                memory.damage(title(following), following, "entry.prev", text)
            expires = vm.word(following + 8)
            if last is not None and (expires - last & 0xFFFFFFFF) >> 31:
                text = f"is {shown(expires)}, before the timer in front of it"
                memory.damage(title(following), following, "expires", text)
            at, last = following, expires
        if vm.word(head + 4) != at:
            memory.damage(name, head, "prev", f"is {vm.word(head + 4):08x}, should be {at:08x}")
    except (KernelFault, IndexError, ValueError):
        memory.damage(title(at), at, "entry.next", "leads out of memory")
    return seen

