"""Tasks with their stacks, and the programs that are loaded."""

from __future__ import annotations

from mm.fork import CAP_FULL_SET, DEFAULT_PRIO, KERNEL_DS, PF_KSWAPD, PF_STARTING, cpu_mask_all
from mm.fsck.areas import Areas
from mm.fsck.caches import Objects
from mm.fsck.image import variable_damage
from mm.fsck.memory import Memory, View, shown
from mm.fsck.queues import check_queues, idle_tasks
from mm.fsck.spaces import Spaces
from mm.fsck.task_parts import check_no_strays, check_parts
from mm.fsck.waits import KILLED, check_shrinkers, check_waits
from mm.layout import MODULE_NAME_LEN, PAGE_OFFSET, PAGE_SIZE, TASK_COMM_LEN, THREAD_SIZE
from mm.mmu_context import PF_BORROWED_MM
from mm.sched import TIF_NEED_RESCHED
from mm.traps import PF_MEMALLOC
from mm.vmscan import PF_SWAPWRITE

_TITLE = "struct task_struct"
_KSWAPD_FLAGS = PF_MEMALLOC | PF_SWAPWRITE | PF_KSWAPD
_MOST_PREEMPT = 0xFFF  # 255 preempt_disable()s and spinlocks, 15 local_bh_disable()s


class Tasks:
    """The checks of the task list and of the list of modules."""

    def __init__(self, memory: Memory, objects: Objects, areas: Areas, waiting: set[int], spaces: Spaces) -> None:
        """waiting: the tasks that wait for pages."""
        self._memory = memory
        self._objects = objects
        self._areas = areas
        self._waiting = waiting
        self._spaces = spaces
        self._init = memory.layout.va("init_task")

    def check(self) -> None:
        """Check all tasks, then all modules."""
        self._check_tasks()
        self._check_modules()

    def _check_tasks(self) -> None:
        memory, layout = self._memory, self._memory.layout
        offset, size = memory.offset("task_struct", "tasks"), layout["task_struct"].size
        entries = memory.walk(
            self._init + offset, ("init_task", self._init, "tasks"), lambda entry: memory.has(entry - offset, size),
            lambda entry: (_TITLE, entry - offset, "tasks"),
        )  # fmt: skip
        pids: set[int] = set()
        self._check_task(self._init, "init_task", layout.va("init_thread_union"), pids)
        if self._pid(self._init):
            memory.damage("init_task", self._init, "pid", f"is {shown(self._pid(self._init))}, should be 0")
        tasks = []
        for entry in entries:
            task = entry - offset
            tasks.append(task)
            if self._objects.use(task, "task_struct", f"the task of pid {self._pid(task)}", _TITLE, task, ""):
                self._check_task(task, _TITLE, 0, pids)
        for cpu, task in enumerate(idle_tasks(memory)[1:], 1):
            title = f"idle task of CPU {cpu}"
            if self._objects.use(task, "task_struct", f"the {title}", f"runqueue of CPU {cpu}", task, "idle"):
                self._check_task(task, title, 0, set(), cpu)
        if (last := memory.variable("last_pid")) < max(pids) or last >> 31:
            variable_damage(memory, "last_pid", f"is {shown(last)}, there is a pid {max(pids)}")
        check_no_strays(memory, self._objects)
        check_queues(memory, tasks)
        check_waits(memory, tasks, self._waiting)
        check_shrinkers(memory, self._objects, self._areas)
        self._check_family(tasks)
        self._spaces.check(tasks)

    def _check_family(self, tasks: list[int]) -> None:
        """All tasks are children of the first one."""
        memory = self._memory
        sibling = memory.offset("task_struct", "sibling")
        children = memory.walk(
            self._init + memory.offset("task_struct", "children"), ("init_task", self._init, "children"),
            lambda entry: entry - sibling in tasks, lambda entry: (_TITLE, entry - sibling, "sibling"),
        )  # fmt: skip
        for task in sorted(set(tasks) - {entry - sibling for entry in children}):
            memory.damage(_TITLE, task, "sibling", "is not among the children of its parent")

    def _pid(self, task: int) -> int:
        return self._memory.word(task + self._memory.offset("task_struct", "pid"))

    def _check_task(self, va: int, title: str, stack: int, pids: set[int], idles_on: int = 0) -> None:
        """stack: where it must be; 0: it is an object. idles_on: for an idle task its CPU, the first aside."""
        memory, idle = self._memory, idles_on or va == self._init
        task = View(self._memory, "task_struct", va, title)
        pid = task["pid"]
        if pid in pids or pid >> 31:
            task.bad("pid", f"is {shown(pid)}, which {'is negative' if pid >> 31 else 'another task has'}")
        pids.add(pid)
        task.free("pid", "thread.esp", "thread.eip", "thread.cr2", "kunit_test")
        task.want("tgid", pid)
        task.want("usage", 2)
        task.want("parent", self._init)
        task.want("prio", DEFAULT_PRIO)
        task.want("static_prio", DEFAULT_PRIO)
        task.want("cap_effective", CAP_FULL_SET)
        task.within("pauses", *((0, 0) if idle else (0, 0xFFFFFFFF)))
        task.free("stime", "mm", "active_mm")  # the last two: with the address spaces
        if not -17 <= _signed(task["oomkilladj"]) <= 15:
            task.bad("oomkilladj", f"is {_signed(task['oomkilladj'])}, should be in -17..15")
        task.free("oomkilladj")
        for name in ("tasks", "children", "sibling"):
            task.list_head(name, empty=idles_on > 0 or (name == "sibling") == idle and name != "tasks")
        if idles_on:
            task.want("pid", 0)
        if not idle:
            task.free("state")  # this and the next: with the queues
            task.free("run_list", words=2)
            task.free("timer", words=3)
            task.free("wait", words=5)
            task.free("start_time", words=2)
            own = self._memory.layout.va("process_timeout"), self._memory.layout.va("autoremove_wake_function")
            if task["timer.function"] not in (0, *own):
                task.bad("timer.function", f"is {task['timer.function']:08x}, which is no timer of a task's")
            if task["timer.data"] not in (0, va):
                task.bad("timer.data", f"is {task['timer.data']:08x}, should be the task")
            task.free("timer.function", "timer.data")
            if task["flags"] & ~(PF_STARTING | PF_MEMALLOC | PF_BORROWED_MM) and task["flags"] != _KSWAPD_FLAGS:
                task.bad("flags", f"is {task['flags']:#x}, with bits that no task has")
            task.free("flags")
        comm = self._memory.ram.read(task.address("comm") - PAGE_OFFSET, TASK_COMM_LEN)
        self._check_name(task, "comm", comm)
        task.free("comm", words=TASK_COMM_LEN >> 2)
        program = task["mm"] != 0 and not task["flags"] & PF_BORROWED_MM
        check_parts(memory, self._objects, task, whole=idles_on > 0 or program)
        if stack:
            task.want("thread_info", stack)
        else:
            stack = task["thread_info"]
            task.free("thread_info")
            name = self._objects.general(THREAD_SIZE)
            if not self._objects.use(stack, name, f"the stack of pid {shown(pid)}", title, va, "thread_info"):
                task.free("thread.esp0")
                task.rest_zero()
                return
        task.want("thread.esp0", stack + THREAD_SIZE)
        if memory.layout.smp:
            every = cpu_mask_all(memory.layout.nr_cpus)
            if idle:
                task.want("cpus_allowed", 1 << idles_on)
            elif not 0 < task["cpus_allowed"] <= every:
                task.bad("cpus_allowed", f"is {task['cpus_allowed']:#x}, there can be {memory.layout.nr_cpus} CPUs")
            task.free("cpus_allowed")
        task.rest_zero()
        info = View(self._memory, "thread_info", stack, "struct thread_info")
        info.want("task", va)
        info.want("addr_limit", KERNEL_DS)
        info.within("preempt_count", 0, _MOST_PREEMPT)
        if info["flags"] & ~TIF_NEED_RESCHED and info["flags"] not in KILLED:
            info.bad("flags", f"is {info['flags']:#x}, with bits that no task has")
        info.free("flags")
        if idle:
            info.want("cpu", idles_on)
        info.within("cpu", 0, memory.layout.nr_cpus - 1)  # of one that can run more is known: with the queues
        info.rest_zero()

    def _check_name(self, view: View, field: str, name: bytes) -> None:
        text, end, rest = name.partition(b"\0")
        if not end or not text or rest.strip(b"\0"):
            view.bad(field, f"is {name!r}, which is no terminated name")

    # modules

    def _check_modules(self) -> None:
        memory, layout = self._memory, self._memory.layout
        head, module = layout.va("modules"), layout["module"]
        offset = module.offset("list")
        entries = memory.walk(
            head, ("modules", head, "list"), lambda entry: memory.has(entry - offset, module.size),
            lambda entry: ("struct module", entry - offset, "list"),
        )  # fmt: skip
        for entry in entries:
            va = entry - offset
            if self._objects.use(va, self._objects.general(module.size), "a module", "struct module", va, ""):
                self._check_module(View(memory, "module", va, "struct module"))

    def _check_module(self, module: View) -> None:
        start = module.address("name") - PAGE_OFFSET
        self._check_name(module, "name", self._memory.ram.read(start, MODULE_NAME_LEN))
        module.free("name", words=MODULE_NAME_LEN >> 2)
        module.free("list", words=2)
        core, size = module["module_core"], module["core_size"]
        area = self._areas.find(core)
        if area is None:
            module.bad("module_core", f"is {core:08x}, where no area begins")
        elif not 0 < size <= area.size - PAGE_SIZE or area.size - PAGE_SIZE - size >= PAGE_SIZE:
            module.bad("core_size", f"is {shown(size)}, the area has {shown(area.size - PAGE_SIZE)} bytes")
        module.within("text_size", 0, size)
        for name, count, length in (("extable", "num_exentries", 8), ("bug_table", "num_bugs", 12)):
            table, entries = module[name], module[count]
            if entries and not core <= table <= table + entries * length <= core + size:
                module.bad(name, f"is {table:08x} with {shown(entries)} entries, outside of the module")
            elif not entries and table and not core <= table <= core + size:
                module.bad(name, f"is {table:08x}, outside of the module")
        if not core <= module["init"] < core + size:
            module.bad("init", f"is {module['init']:08x}, outside of the module")
        if module["exit"] and not core <= module["exit"] < core + size:
            module.bad("exit", f"is {module['exit']:08x}, outside of the module")
        if args := module["args"]:
            found = self._objects.find(args)
            name = found[0].name if found is not None and found[0].name.startswith("size-") else "a general cache"
            self._objects.use(args, name, "the arguments of a module", module.title, module.va, "args")
        module.free("module_core", "core_size", "init", "exit", "args")
        module.free("extable", "num_exentries", "bug_table", "num_bugs")
        module.rest_zero()


def _signed(word: int) -> int:
    return word - (1 << 32) if word >> 31 else word
