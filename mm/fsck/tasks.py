"""Tasks with their stacks, and the programs that are loaded."""

from __future__ import annotations

from mm.fork import KERNEL_DS
from mm.fsck.areas import Areas
from mm.fsck.caches import Objects
from mm.fsck.image import variable_damage
from mm.fsck.memory import Memory, View, shown
from mm.fsck.queues import check_queues
from mm.kthread import PF_STARTING
from mm.layout import MODULE_NAME_LEN, PAGE_OFFSET, PAGE_SIZE, TASK_COMM_LEN, THREAD_SIZE
from mm.sched import TIF_NEED_RESCHED

_TITLE = "struct task_struct"
_MOST_PREEMPT = 255  # what 8 bits of preempt_count hold


class Tasks:
    """The checks of the task list and of the list of modules."""

    def __init__(self, memory: Memory, objects: Objects, areas: Areas) -> None:
        self._memory = memory
        self._objects = objects
        self._areas = areas
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
        if (last := memory.variable("last_pid")) < max(pids) or last >> 31:
            variable_damage(memory, "last_pid", f"is {shown(last)}, there is a pid {max(pids)}")
        check_queues(memory, tasks)

    def _pid(self, task: int) -> int:
        return self._memory.word(task + self._memory.offset("task_struct", "pid"))

    def _check_task(self, va: int, title: str, stack: int, pids: set[int]) -> None:
        """stack: where it must be; 0: it is an object of its own."""
        task = View(self._memory, "task_struct", va, title)
        pid = task["pid"]
        if pid in pids or pid >> 31:
            task.bad("pid", f"is {shown(pid)}, which {'is negative' if pid >> 31 else 'another task has'}")
        pids.add(pid)
        task.free("pid", "thread.esp", "thread.eip", "thread.cr2")
        task.want("tgid", pid)
        task.want("usage", 2)
        task.want("parent", self._init)
        task.free("tasks", words=2)
        if va != self._init:
            task.free("state")  # this and the next: with the queues
            task.free("run_list", words=2)
            task.free("timer", words=3)
            if task["timer.function"] not in (0, self._memory.layout.va("process_timeout")):
                task.bad("timer.function", f"is {task['timer.function']:08x}, which is no timer of a task's")
            if task["timer.data"] not in (0, va):
                task.bad("timer.data", f"is {task['timer.data']:08x}, should be the task")
            task.free("timer.function", "timer.data")
            if task["flags"] & ~PF_STARTING:
                task.bad("flags", f"is {task['flags']:#x}, with bits that no task has")
            task.free("flags")
        comm = self._memory.ram.read(task.address("comm") - PAGE_OFFSET, TASK_COMM_LEN)
        self._check_name(task, "comm", comm)
        task.free("comm", words=TASK_COMM_LEN >> 2)
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
        task.rest_zero()
        info = View(self._memory, "thread_info", stack, "struct thread_info")
        info.want("task", va)
        info.want("addr_limit", KERNEL_DS)
        info.within("preempt_count", 0, _MOST_PREEMPT)
        if info["flags"] & ~TIF_NEED_RESCHED:
            info.bad("flags", f"is {info['flags']:#x}, with bits that no task has")
        info.free("flags")
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
