"""Kernel threads (kernel/kthread.c, 2.6.20)."""

from __future__ import annotations

from mm.fork import PF_STARTING, TASK_INTERRUPTIBLE, Tasks
from mm.layout import THREAD_SIZE, Layout
from mm.list import Words
from mm.sched import Scheduler, TaskExit
from mm.traps import Traps

EINTR, ENOMEM = 4, 12
_EFLAGS = 0x202
CONTEXT = ("ebx", "esi", "edi", "ebp", "eflags")
"""Registers on the stack of a task that does not run, from its saved ESP up; the others a call may change."""


class Kthreads:
    """Making and stopping kernel threads.

    return_address: where a thread's function returns to. One kthread_stop is served at a time, as in 2.6.20:
    `kthread_stop_k` names its thread.
    """

    def __init__(
        self, w: Words, layout: Layout, traps: Traps, tasks: Tasks, sched: Scheduler, return_address: int
    ) -> None:
        self._w = w
        self._traps = traps
        self._tasks = tasks
        self._sched = sched
        self._return_address = return_address
        task = layout["task_struct"]
        self._state, self._flags = task.word("state"), task.word("flags")
        self._esp, self._eip = task.word("thread.esp"), task.word("thread.eip")
        self._exit_code = task.word("exit_code")
        for name in ("kthread_stop_k", "kthread_stop_err", "kthread_stop_waiter"):
            setattr(self, f"_{name}", (layout.va(name) ^ 0xC0000000) >> 2)

    _kthread_stop_k: int
    _kthread_stop_err: int
    _kthread_stop_waiter: int

    def start(self, task: int, function: int, arguments: tuple[int, ...]) -> None:
        """Make a task begin with `function(arguments)` when it runs next."""
        w = self._w
        esp = (self._tasks.stack(task) + THREAD_SIZE - 4 * len(arguments) & -16) - 4
        i = (esp ^ 0xC0000000) >> 2
        w[i] = self._return_address
        for n, argument in enumerate(arguments):
            w[i + 1 + n] = argument
        for n, name in enumerate(CONTEXT):
            w[i - len(CONTEXT) + n] = _EFLAGS if name == "eflags" else 0
        t = (task ^ 0xC0000000) >> 2
        w[t + self._esp], w[t + self._eip] = esp - 4 * len(CONTEXT), function

    def kthread_create(self, function: int, data: int, name: str) -> int:
        """A thread that will run function(data) once it is woken; its task, or ERR_PTR(-ENOMEM)."""
        task = self._tasks.create(name)
        if not task:
            return -ENOMEM & 0xFFFFFFFF
        self.start(task, function, (data,))
        t = (task ^ 0xC0000000) >> 2
        self._w[t + self._state] = TASK_INTERRUPTIBLE
        self._w[t + self._flags] |= PF_STARTING
        return task

    def kthread_should_stop(self) -> int:
        """Whether the thread at work has been told to stop."""
        return int(self._w[self._kthread_stop_k] == self._traps.current())

    def kthread_stop(self, task: int) -> int:
        """Tell a thread to stop and wait for its end; what its function returned, -EINTR where it never ran."""
        w, me = self._w, self._traps.current()
        waiter, stopping = w[self._kthread_stop_waiter], w[self._kthread_stop_k]
        if waiter == me and not stopping:
            w[self._kthread_stop_waiter] = 0
            return w[self._kthread_stop_err]
        if waiter and waiter != me:
            self._sched.try_later()  # another stop is under way
        if not waiter:
            w[self._kthread_stop_k], w[self._kthread_stop_waiter] = task, me
            self._sched.wake_up_process(task)
        self._sched.sleep()

    def never_ran(self, task: int) -> bool:
        """Whether a task that is to run now was stopped before it ever ran."""
        w, flags = self._w, ((task ^ 0xC0000000) >> 2) + self._flags
        starting = w[flags] & PF_STARTING
        w[flags] &= ~PF_STARTING
        return bool(starting) and w[self._kthread_stop_k] == task

    def ended(self, task: int, code: int) -> None:
        """A thread has ended with `code`: it is gone, and who waits for it goes on."""
        w = self._w
        w[((task ^ 0xC0000000) >> 2) + self._exit_code] = code
        self._sched.forget(task)
        if w[self._kthread_stop_k] == task:
            w[self._kthread_stop_k], w[self._kthread_stop_err] = 0, code
            self._sched.wake_up_process(w[self._kthread_stop_waiter])
        self._tasks.release(task)

    def do_exit(self, code: int) -> None:
        """End the task at work."""
        raise TaskExit(code)
