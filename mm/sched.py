"""Switching between tasks, sleeping and timers (kernel/sched.c and timer.c, 2.6.20).

The runqueue is a list of the tasks that can run, the one at work among them; all have one priority, and switching
happens only where a task gives way. No Python frame survives a switch: a call that must switch raises `Switch`, whoever
runs the CPU saves the registers on the task's stack, and what the task waits for is in its struct and its stack alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from mm.errors import KernelBug
from mm.fork import TASK_INTERRUPTIBLE
from mm.layout import Layout
from mm.list import Words, init_list_head, list_add_tail, list_empty, list_unlink
from mm.maccess import KernelMemory
from mm.time import Clock
from mm.traps import Traps

TASK_RUNNING = 0
TASK_UNINTERRUPTIBLE = 2
TASK_DEAD = 128

TIF_NEED_RESCHED = 1 << 3
DEF_TIMESLICE = 25  # ticks: 100 ms
MAX_SCHEDULE_TIMEOUT = 0x7FFFFFFF

SOFTIRQ_OFFSET = 1 << 8
HARDIRQ_OFFSET = 1 << 16
_NO_SOFTIRQS = 0x0FFFFF00  # in one, in an interrupt, or local_bh_disable()

# Words of struct timer_list.
_T_NEXT, _T_PREV, _T_EXPIRES, _T_FUNCTION, _T_DATA = range(5)


class Switch(Exception):  # no error: the call ends by giving way
    """The task at work gives way. again: its call runs once more when it comes back; else it is done."""

    def __init__(self, again: bool = False) -> None:
        super().__init__()
        self.again = again


class TaskExit(Exception):
    """The task at work ends with `code` (do_exit)."""

    def __init__(self, code: int) -> None:
        super().__init__()
        self.code = code


class Deadlock(Exception):
    """Every task sleeps and no timer is set."""


class Scheduler:
    """Who runs next. call_guest(function, *arguments, irqs) runs a timer's function on the stack at work.

    can_switch() is false inside a guest function that the kernel has called.
    """

    def __init__(
        self, w: Words, layout: Layout, traps: Traps, clock: Clock, vm: KernelMemory,
        call_guest: Callable[..., int], can_switch: Callable[[], bool], irqs_disabled: Callable[[], bool],
    ) -> None:  # fmt: skip
        self._w = w
        self._traps = traps
        self._clock = clock
        self._vm = vm
        self._call_guest = call_guest
        self._can_switch = can_switch
        self._irqs_disabled = irqs_disabled
        task, info = layout["task_struct"], layout["thread_info"]
        self._state = task.word("state")
        self._run_list = task.offset("run_list")
        self._timer = task.offset("timer")
        self._info_flags = info.word("flags")
        self._preempt_count = info.word("preempt_count")
        self._pid = task.word("pid")
        self.runqueue = layout.va("runqueue")
        self.timers = layout.va("timers")
        self.timers_due = layout.va("timers_due")
        self._jiffies = (layout.va("jiffies") ^ 0xC0000000) >> 2
        self._slice = (layout.va("time_slice") ^ 0xC0000000) >> 2
        self._process_timeout = layout.va("process_timeout")

    def sched_init(self) -> None:
        """Empty queues."""
        init_list_head(self._w, self.runqueue)
        init_list_head(self._w, self.timers)
        init_list_head(self._w, self.timers_due)
        self._w[self._slice] = DEF_TIMESLICE

    # the runqueue

    def _index(self, task: int) -> int:
        return (task ^ 0xC0000000) >> 2

    def _queued(self, task: int) -> bool:
        return self._w[(task + self._run_list ^ 0xC0000000) >> 2] != 0

    def _enqueue(self, task: int) -> None:
        list_add_tail(self._w, task + self._run_list, self.runqueue)

    def _dequeue(self, task: int) -> None:
        list_unlink(self._w, task + self._run_list)
        i = (task + self._run_list ^ 0xC0000000) >> 2
        self._w[i] = self._w[i + 1] = 0

    def wake_up_process(self, task: int) -> int:
        """Make a sleeping task runnable; 1 where it slept, else 0."""
        t = self._index(task) + self._state
        if self._w[t] not in (TASK_INTERRUPTIBLE, TASK_UNINTERRUPTIBLE):
            return 0
        self._w[t] = TASK_RUNNING
        if not self._queued(task):
            self._enqueue(task)
        return 1

    def alive(self, task: int) -> bool:
        """Whether a task has not ended yet."""
        return self._w[self._index(task) + self._state] != TASK_DEAD

    def forget(self, task: int) -> None:
        """A task ends: it leaves the runqueue, and its timer is off."""
        w = self._w
        w[self._index(task) + self._state] = TASK_DEAD
        if self._queued(task):
            self._dequeue(task)
        self._detach(task + self._timer)

    def pick_next(self) -> int:
        """The task to run: the first of the runqueue. With none, time jumps to the next timer; Deadlock without one."""
        w = self._w
        while list_empty(w, self.runqueue):
            first = w[(self.timers ^ 0xC0000000) >> 2]
            if first == self.timers:
                raise Deadlock
            expires, now = self._vm.word(first + 4 * _T_EXPIRES), w[self._jiffies]
            past = (expires - now - 1 & 0xFFFFFFFF) >> 31  # it goes off at the next tick
            self._clock.jump_to(now + 1 & 0xFFFFFFFF if past else expires)
            self.run_timers()
        w[self._slice] = DEF_TIMESLICE
        return w[(self.runqueue ^ 0xC0000000) >> 2] - self._run_list

    # giving way

    def sleep(self) -> NoReturn:
        """Take the task at work off the runqueue until it is woken; its call then runs again."""
        self._check_atomic()
        task = self._traps.current()
        self._w[self._index(task) + self._state] = TASK_UNINTERRUPTIBLE
        self._dequeue(task)
        self._switch(again=True)

    def try_later(self) -> NoReturn:
        """Let the others run, then run the call again."""
        self._rotate(self._traps.current())
        self._switch(again=True)

    def _switch(self, again: bool = False) -> NoReturn:
        if not self._can_switch():
            raise KernelBug("a guest function that the kernel called (a constructor, a handler) sleeps")
        i = self._index(self._traps.current_thread_info())
        self._w[i + self._info_flags] &= ~TIF_NEED_RESCHED
        raise Switch(again)

    def _rotate(self, task: int) -> bool:
        """Put the task at work behind the others; whether there are any."""
        self._dequeue(task)
        alone = list_empty(self._w, self.runqueue)
        self._enqueue(task)
        return not alone

    def schedule(self) -> None:
        """Give way: for a while, or where the task's state is not TASK_RUNNING, until it is woken."""
        self._check_atomic()
        w, task = self._w, self._traps.current()
        if w[self._index(task) + self._state] != TASK_RUNNING:
            self._dequeue(task)
            self._switch()
        elif self._rotate(task):
            self._switch()

    def _check_atomic(self) -> None:
        """Complain where the task at work must not give way."""
        w, traps = self._w, self._traps
        count = w[self._index(traps.current_thread_info()) + self._preempt_count]
        if count:
            pid = w[self._index(traps.current()) + self._pid]
            traps.printk(f"<3>BUG: scheduling while atomic: {traps.comm()}/0x{count:08x}/{pid}\n")
            traps.dump_stack()

    def _result(self, value: int) -> None:
        """What the call gives back, for one that ends by a switch."""
        self._w[self._index(self._traps.esp)] = value

    def sched_yield(self) -> None:
        """yield(): let the others run first."""
        self._w[self._index(self._traps.current()) + self._state] = TASK_RUNNING
        self.schedule()

    def cond_resched(self) -> int:
        """Give way if the time slice is over; 1 where it was."""
        i = self._index(self._traps.current_thread_info())
        if not self._w[i + self._info_flags] & TIF_NEED_RESCHED or self._w[i + self._preempt_count]:
            return 0
        self._w[i + self._info_flags] &= ~TIF_NEED_RESCHED
        self._result(1)
        if self._rotate(self._traps.current()):  # whatever its state: it is preempted, not asleep
            self._switch()
        return 1

    def schedule_timeout(self, timeout: int) -> int:
        """schedule() for at most `timeout` jiffies; those that are left, 0 when they ran out."""
        w = self._w
        task = self._traps.current()
        timer = task + self._timer
        t = self._index(timer)
        if w[t + _T_FUNCTION]:  # this is the call again, after the sleep
            left = w[t + _T_EXPIRES] - w[self._jiffies] & 0xFFFFFFFF
            self._detach(timer)
            w[t + _T_FUNCTION] = 0
            return 0 if left >> 31 else left
        if timeout == MAX_SCHEDULE_TIMEOUT:
            self._result(timeout)
            self.schedule()
            return timeout
        if timeout >> 31:
            self._traps.printk(f"<3>schedule_timeout: wrong timeout value {timeout:x} from {self._traps.caller:08x}\n")
            w[self._index(task) + self._state] = TASK_RUNNING
            return 0
        self._check_atomic()
        w[t + _T_EXPIRES] = w[self._jiffies] + timeout & 0xFFFFFFFF
        w[t + _T_FUNCTION], w[t + _T_DATA] = self._process_timeout, task
        self._attach(timer, w[t + _T_EXPIRES])
        if w[self._index(task) + self._state] != TASK_RUNNING:
            self._dequeue(task)
        else:
            self._rotate(task)
        self._switch(again=True)

    # timers: a list in the order of their time; a program's may lie anywhere in kernel memory

    def _attach(self, timer: int, expires: int, head: int = 0) -> None:
        head = head or self.timers
        vm, at = self._vm, self._vm.word(head)
        while at != head and (vm.word(at + 4 * _T_EXPIRES) - expires & 0xFFFFFFFF) >> 31:
            at = vm.word(at)
        while at != head and vm.word(at + 4 * _T_EXPIRES) == expires:  # behind those of the same time
            at = vm.word(at)
        before = vm.word(at + 4)
        for va, value in ((timer, at), (timer + 4, before), (before, timer), (at + 4, timer)):
            vm.set_word(va, value)

    def _detach(self, timer: int) -> bool:
        vm, following = self._vm, self._vm.word(timer)
        if not following:
            return False
        before = vm.word(timer + 4)
        for va, value in ((before, following), (following + 4, before), (timer, 0), (timer + 4, 0)):
            vm.set_word(va, value)
        return True

    def mod_timer(self, timer: int, expires: int) -> int:
        """Set a timer to the jiffy `expires`; 1 where it was pending before."""
        pending = self._detach(timer)
        self._vm.set_word(timer + 4 * _T_EXPIRES, expires)
        self._attach(timer, expires)
        return int(pending)

    def add_timer(self, timer: int) -> None:
        """Start a timer that is not pending; a BUG where it is."""
        if self._vm.word(timer):
            self._traps.bug()
        self._attach(timer, self._vm.word(timer + 4 * _T_EXPIRES))

    def del_timer(self, timer: int) -> int:
        """Stop a timer; 1 where it was pending."""
        return int(self._detach(timer))

    def tick(self) -> None:
        """scheduler_tick and the timer softirq, at a new jiffy: on the stack of the task at work."""
        left = self._w[self._slice]
        if left:
            self._w[self._slice] = left - 1
        else:
            i = self._index(self._traps.current_thread_info())
            self._w[i + self._info_flags] |= TIF_NEED_RESCHED
        # With softirqs off a later tick does it.
        i = self._index(self._traps.current_thread_info()) + self._preempt_count
        if not self._w[i] & _NO_SOFTIRQS and not self._irqs_disabled():
            self.run_timers()

    def run_timers(self) -> None:
        """Call the function of every timer whose time has come."""
        vm, w = self._vm, self._w
        # Those that are due first, by themselves: one that sets itself anew for now must wait for the next tick.
        while (timer := w[(self.timers ^ 0xC0000000) >> 2]) != self.timers:
            expires = vm.word(timer + 4 * _T_EXPIRES)
            if (w[self._jiffies] - expires & 0xFFFFFFFF) >> 31:
                break
            self._detach(timer)
            self._attach(timer, expires, self.timers_due)
        while (timer := w[(self.timers_due ^ 0xC0000000) >> 2]) != self.timers_due:
            self._detach(timer)
            function, data = vm.word(timer + 4 * _T_FUNCTION), vm.word(timer + 4 * _T_DATA)
            if function == self._process_timeout:
                self.wake_up_process(data)
            else:
                self._in_context(SOFTIRQ_OFFSET, function, data)

    def _in_context(self, offset: int, function: int, data: int) -> None:
        i = self._index(self._traps.current_thread_info()) + self._preempt_count
        self._w[i] = self._w[i] + offset & 0xFFFFFFFF
        self._call_guest(function, data, irqs=offset != HARDIRQ_OFFSET)
        self._w[i] = self._w[i] - offset & 0xFFFFFFFF

    def run_in_irq(self, function: int, data: int) -> None:
        """Call a guest function as a hard interrupt's handler."""
        self._in_context(HARDIRQ_OFFSET, function, data)

    def run_in_softirq(self, function: int, data: int) -> None:
        """Call a guest function as a softirq's."""
        self._in_context(SOFTIRQ_OFFSET, function, data)
