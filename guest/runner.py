"""The CPU under the scheduler: running tasks, saving and loading their registers, one after the other.

What a task needs to go on is in guest RAM: its registers on its own stack, its stack pointer and EIP in its struct.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hw.cpu import CPU
from hw.errors import HighmemError
from mm.errors import KernelBug, Panic
from mm.fork import TASK_INTERRUPTIBLE, Tasks
from mm.kthread import CONTEXT, EINTR, Kthreads
from mm.layout import THREAD_SIZE, Layout
from mm.list import Words
from mm.sched import Deadlock, Scheduler, Switch, TaskExit
from mm.traps import Traps

_STORE_SIZE = 6  # bytes of the instruction that makes a hypercall
MOST_NESTED = 32  # constructors that allocate, and so on; a kernel stack holds no more
EFLAGS, EFLAGS_IRQS_OFF = 0x202, 0x002


class Halted(HighmemError):
    """The watchdog ended the run."""


class Runner:
    """Runs tasks on one CPU. name(va) gives the words for an address in the report of a deadlock."""

    def __init__(
        self, cpu: CPU, w: Words, layout: Layout, traps: Traps, tasks: Tasks, sched: Scheduler, kthreads: Kthreads,
        return_address: int, name: Callable[[int], str],
    ) -> None:  # fmt: skip
        self._cpu = cpu
        self._w = w
        self._traps = traps
        self._tasks = tasks
        self._sched = sched
        self._kthreads = kthreads
        self._return_address = return_address
        self._name = name
        self._idle_esp = layout.va("init_thread_union") + THREAD_SIZE - 4
        task = layout["task_struct"]
        self._esp, self._eip = task.word("thread.esp"), task.word("thread.eip")
        self._state, self._pid = task.word("state"), task.word("pid")

    def run(self, task: int, function: int, arguments: tuple[int, ...] = ()) -> int:
        """Run `function(arguments)` as `task`, and every other task in its turn, until it returns; its result.

        Raises Panic at a deadlock, Halted where the watchdog ends it, and what callbacks raise.
        """
        self._kthreads.start(task, function, arguments)
        self._w[((task ^ 0xC0000000) >> 2) + self._state] = TASK_INTERRUPTIBLE
        self._sched.wake_up_process(task)
        return self._loop(task, halted=0)

    def resume(self, task: int) -> int:
        """Go on where a run was halted, perhaps in another process, until `task` ends; its result."""
        self._traps.esp = self._cpu["esp"]
        return self._loop(task, halted=self._traps.current())

    def _loop(self, task: int, halted: int) -> int:
        """halted: the task whose registers are still in the CPU, 0 where none is."""
        while True:
            if halted:
                current = halted
            else:
                self._traps.esp = self._idle_esp
                try:
                    current = self._sched.pick_next()
                except Deadlock:
                    raise Panic(self._deadlock()) from None
            try:
                if halted:
                    halted = 0
                    result = self._call(self._cpu["eip"])
                elif self._kthreads.never_ran(current):
                    result = -EINTR & 0xFFFFFFFF
                else:
                    result = self._continue(current)
            except Switch as switch:
                self._save(current, switch.again)
                continue
            except TaskExit as end:
                result = end.code & 0xFFFFFFFF
            if current == task:
                self._sched.forget(task)
                return result
            self._kthreads.ended(current, result)

    def _continue(self, task: int) -> int:
        """Load a task's registers and run it; EAX when its function returns."""
        w, t = self._w, (task ^ 0xC0000000) >> 2
        esp, eip = w[t + self._esp], w[t + self._eip]
        i = (esp ^ 0xC0000000) >> 2
        registers = {name: w[i + n] for n, name in enumerate(CONTEXT)}
        return self._call(eip, esp=esp + 4 * len(CONTEXT), **registers)

    def _call(self, eip: int, **registers: int) -> int:
        result = self._cpu.call(eip, until=self._return_address, **registers)
        if result is None:
            raise Halted("the run was halted")
        return result

    def _save(self, task: int, again: bool) -> None:
        """Save the registers of a task that stopped at a hypercall's store, to go on with it or behind it."""
        w, cpu, t = self._w, self._cpu, (task ^ 0xC0000000) >> 2
        esp = cpu["esp"]
        i = (esp ^ 0xC0000000) >> 2
        for n, name in enumerate(CONTEXT):
            w[i - len(CONTEXT) + n] = cpu[name]
        w[t + self._esp] = esp - 4 * len(CONTEXT)
        w[t + self._eip] = cpu["eip"] + (0 if again else _STORE_SIZE)

    def call_guest(self, function: int, *arguments: int, irqs: bool = True) -> int:
        """Call a guest function from a call of the guest's, on its stack: a constructor, a timer, a handler."""
        traps = self._traps
        if self._cpu.depth > MOST_NESTED:
            raise KernelBug(f"guest functions called by the kernel, {MOST_NESTED} within each other")
        esp, caller = traps.esp, traps.caller
        try:
            return self._enter(function, (esp & -16) - 64, arguments, EFLAGS if irqs else EFLAGS_IRQS_OFF)
        finally:
            traps.esp, traps.caller = esp, caller

    def _enter(self, function: int, esp: int, arguments: Sequence[int], eflags: int) -> int:
        esp = (esp - 4 * len(arguments) & -16) - 4
        i = (esp ^ 0xC0000000) >> 2
        self._w[i] = self._return_address
        for n, argument in enumerate(arguments):
            self._w[i + 1 + n] = argument
        return self._call(function, esp=esp, ebp=self._cpu["ebp"], eflags=eflags)  # so that a trace goes on

    def _deadlock(self) -> str:
        """Who waits where, a task a line."""
        w, lines = self._w, ["deadlock: every task sleeps, and no timer is set"]
        for task in self._tasks.each():
            t = (task ^ 0xC0000000) >> 2
            slot = (w[t + self._esp] + 4 * len(CONTEXT) ^ 0xC0000000) >> 2
            state = {1: "S", 2: "D"}.get(w[t + self._state], "R")
            lines.append(
                f"  {self._tasks.comm(task)} (pid {w[t + self._pid]}) {state} in {self._name(w[t + self._eip])}, "
                f"called from {self._name(w[slot + 1])}"
            )
        return "\n".join(lines)
