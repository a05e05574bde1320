"""Switching between tasks and sleeping (kernel/sched.c, 2.6.20).

A CPU's runqueue is a list of the tasks that can run on it, the one at work among them; all have one priority, and
switching happens only where a task gives way. No Python frame survives a switch: a call that must switch raises
`Switch`, whoever runs the CPU saves the registers on the task's stack, and what the task waits for is in its struct and
its stack alone. A task that can run stays on its CPU, until one that is idle takes it from the longest queue.

One CPU runs at a time. A call that waits for another CPU raises `TurnOver`: its task stays at work.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from mm.errors import KernelBug
from mm.events import Emit, Events
from mm.fork import PF_STARTING, TASK_INTERRUPTIBLE, cpu_mask_all
from mm.layout import TASK_COMM_LEN, Layout
from mm.list import Words, init_list_head, list_add_tail, list_empty, list_for_each, list_unlink
from mm.maccess import KernelMemory
from mm.page_alloc import MOST_PAUSES
from mm.time import TICK_NSEC, TRAP_NSEC, Clock
from mm.timer import T_DATA, T_EXPIRES, T_FUNCTION, Timers
from mm.traps import TIF_MEMDIE, Traps

TASK_RUNNING = 0
TASK_UNINTERRUPTIBLE = 2
TASK_DEAD = 128
EINVAL = 22

TIF_SIGPENDING = 1 << 2  # in our kernel threads only of one that is killed
TIF_NEED_RESCHED = 1 << 3
SIGKILL = 9
DEF_TIMESLICE = 25  # ticks: 100 ms
LONGEST_TURN = 1024  # instructions, under a schedule: a power of two
MAX_SCHEDULE_TIMEOUT = 0x7FFFFFFF
_PAUSED = 1 << 31  # in task_struct.pauses: the call that runs next is the same one, again

SOFTIRQ_OFFSET = 1 << 8
HARDIRQ_OFFSET = 1 << 16
_NO_SOFTIRQS = 0x0FFFFF00  # in one, in an interrupt, or local_bh_disable()


class Switch(Exception):  # no error: the call ends by giving way
    """The task at work gives way. again: its call runs once more when it comes back; else it is done."""

    def __init__(self, again: bool = False) -> None:
        super().__init__()
        self.again = again


class TurnOver(Exception):  # no error: another CPU goes on
    """The CPU at work gives its turn away. again: its call runs once more at its next turn; else it is done."""

    def __init__(self, again: bool = False) -> None:
        super().__init__()
        self.again = again


class TaskExit(Exception):
    """The task at work ends with `code` (do_exit), or because `signal` kills it."""

    def __init__(self, code: int, signal: int = 0) -> None:
        super().__init__()
        self.code = code
        self.signal = signal


class Deadlock(Exception):
    """Every task sleeps and no timer is set."""


class Scheduler:
    """Who runs next. call_guest(function, *arguments, irqs) runs a timer's function on the stack at work.

    depth() is the number of guest functions at work within each other: 1 in a call of a task's, more inside a
    function that the kernel has called, 0 where the kernel works for no task. let_others_run() gives another CPU a
    turn in the middle of such a function's call; whether there was one.
    """

    def __init__(
        self, w: Words, layout: Layout, traps: Traps, events: Events, clock: Clock, vm: KernelMemory,
        timers: Timers, call_guest: Callable[..., int], depth: Callable[[], int], let_others_run: Callable[[], bool],
    ) -> None:  # fmt: skip
        self._w = w
        self._traps = traps
        self._events = events
        self._clock = clock
        self._vm = vm
        self.timers = timers
        self._call_guest = call_guest
        self._depth = depth
        self._let_others_run = let_others_run
        task, info = layout["task_struct"], layout["thread_info"]
        self._state = task.word("state")
        self._run_list = task.offset("run_list")
        self._timer = task.offset("timer")
        self._wait = task.offset("wait")
        self._wait_link = self._wait + layout["__wait_queue"].offset("task_list")
        self._queue_list = layout["wait_queue_head"].offset("task_list")
        self._stime = task.word("stime")
        self._thread_info = task.word("thread_info")
        self._info_flags = info.word("flags")
        self._preempt_count = info.word("preempt_count")
        self._pid, self._prio, self._comm = task.word("pid"), task.word("prio"), task.word("comm")
        self._flags = task.word("flags")
        self._cpu = info.word("cpu")
        self._cpus_allowed = task.word("cpus_allowed") if layout.smp else 0
        self._runqueues = layout.va("runqueues")
        rq = layout["rq"]
        self._rq_size = rq.size
        self._nr_cpus = layout.nr_cpus
        self._curr, self._idle, self._slice = (
            (self._runqueues + rq.offset(name) ^ 0xC0000000) >> 2 for name in ("curr", "idle", "time_slice")
        )
        self._rq_words = rq.words
        self._online = (layout.va("nr_cpus_online") ^ 0xC0000000) >> 2
        self._init_task = layout.va("init_task")
        self._call_caller = (layout.va("call_caller") ^ 0xC0000000) >> 2
        self._call = [(layout.va(f"call_{name}") ^ 0xC0000000) >> 2 for name in ("func", "info", "cpus", "caller")]
        self._pkmap_wait = layout.va("pkmap_map_wait")
        self._jiffies = (layout.va("jiffies") ^ 0xC0000000) >> 2
        self._process_timeout = layout.va("process_timeout")
        self._autoremove = layout.va("autoremove_wake_function")
        self.place_woken: Callable[[int], int] | None = None  # which place in its queue a task gets that is woken
        # What hears that a CPU changes its task, where readers are waited for; put in where the kernel is wired.
        self.quiescent: Callable[[int], None] = lambda cpu: None
        # What changes the address space with the task of a CPU.
        self.context_switch: Callable[[int, int, int], None] = lambda cpu, before, following: None
        self._rcu_cpumask = (layout.va("rcu_cpumask") ^ 0xC0000000) >> 2
        self.work_pending = (layout.va("work_pending") ^ 0xC0000000) >> 2
        self._pauses = task.word("pauses")

    def sched_init(self) -> None:
        """Empty queues, and the first CPU with its idle task."""
        for cpu in range(self._nr_cpus):
            init_list_head(self._w, self._queue(cpu))
        self.init_idle(0, self._init_task)
        self.timers.init_timers()
        init_list_head(self._w, self._pkmap_wait + self._queue_list)

    def init_idle(self, cpu: int, task: int) -> None:
        """A CPU comes up, and `task` is its idle task."""
        w, i = self._w, cpu * self._rq_words
        w[self._curr + i] = w[self._idle + i] = task
        w[self._slice + i] = DEF_TIMESLICE
        if self._cpus_allowed:
            w[self._index(task) + self._cpus_allowed] = 1 << cpu

    # the runqueues

    def _index(self, task: int) -> int:
        return (task ^ 0xC0000000) >> 2

    def _queue(self, cpu: int) -> int:
        return self._runqueues + cpu * self._rq_size

    def idle_task(self, cpu: int) -> int:
        """The task of a CPU that has nothing to do."""
        return self._w[self._idle + cpu * self._rq_words]

    def at_work(self, cpu: int) -> int:
        """The task whose registers are in a CPU, 0 where it is idle."""
        i = cpu * self._rq_words
        task = self._w[self._curr + i]
        return 0 if task == self._w[self._idle + i] else task

    def leave(self, cpu: int) -> None:
        """The task at work on a CPU is so no longer."""
        w, i = self._w, cpu * self._rq_words
        task, idle = w[self._curr + i], w[self._idle + i]
        if task != idle:
            self.context_switch(cpu, task, idle)
            w[self._curr + i] = idle
            if (emit := self._events.sched_switch) is not None:
                self._trace_switch(emit, task, idle)
        if w[self._rcu_cpumask]:
            self.quiescent(cpu)

    def _queued(self, task: int) -> bool:
        return self._w[(task + self._run_list ^ 0xC0000000) >> 2] != 0

    def _cpu_of(self, task: int) -> int:
        """Word index of thread_info->cpu."""
        return self._index(self._w[self._index(task) + self._thread_info]) + self._cpu

    def _allowed(self, task: int) -> int:
        """The CPUs that a task may run on: all, where it may run on none that there is."""
        online = cpu_mask_all(self._w[self._online])
        return self._w[self._index(task) + self._cpus_allowed] & online or online

    def _enqueue(self, task: int, place: Callable[[int], int] | None = None) -> None:
        """Put a task into its CPU's queue, last, or where `place(number of places)` says."""
        w, i = self._w, self._cpu_of(task)
        if self._cpus_allowed and not self._allowed(task) >> w[i] & 1:
            w[i] = next(cpu for cpu in range(self._nr_cpus) if self._allowed(task) >> cpu & 1)
        before = self._queue(w[i])
        if place is not None:
            entries = [*list_for_each(w, before), before]
            before = entries[place(len(entries))]
        list_add_tail(w, task + self._run_list, before)

    def _length(self, cpu: int) -> int:
        return sum(1 for _ in list_for_each(self._w, self._queue(cpu)))

    def _place_new(self, task: int) -> None:
        """A thread begins where the fewest tasks are; the kernel itself, while it boots, counts as one."""
        boots = self._traps.cpu if not self.serves_task() else -1
        allowed = [cpu for cpu in range(self._w[self._online]) if self._allowed(task) >> cpu & 1]
        self._w[self._cpu_of(task)] = min(allowed, key=lambda cpu: self._length(cpu) + (cpu == boots))

    def balance(self) -> None:
        """load_balance_newidle: each idle CPU takes a waiting task from the longest queue of two and more."""
        lengths = [self._length(cpu) for cpu in range(self._w[self._online])]
        if max(lengths) < 2:
            return
        for cpu, length in enumerate(lengths):
            if not length:
                lengths[cpu] = self._pull(cpu, lengths)

    def _pull(self, cpu: int, lengths: list[int]) -> int:
        """The number of tasks taken."""
        w = self._w
        for other in sorted((other for other, n in enumerate(lengths) if n > 1), key=lambda other: -lengths[other]):
            for entry in list_for_each(w, self._queue(other)):
                task = entry - self._run_list
                if task != self.at_work(other) and self._allowed(task) >> cpu & 1:
                    self._dequeue(task)
                    w[self._cpu_of(task)] = cpu
                    self._enqueue(task)
                    lengths[other] -= 1
                    return 1
        return 0

    def has_work(self, cpu: int) -> bool:
        """Whether a CPU has a task to run."""
        return self.at_work(cpu) != 0 or not list_empty(self._w, self._queue(cpu))

    def _dequeue(self, task: int) -> None:
        self._unlink(task + self._run_list)

    def _unlink(self, entry: int) -> None:
        list_unlink(self._w, entry)
        i = (entry ^ 0xC0000000) >> 2
        self._w[i] = self._w[i + 1] = 0

    def wake_up_process(self, task: int) -> int:
        """Make a sleeping task runnable; 1 where it slept, else 0."""
        t = self._index(task) + self._state
        if self._w[t] not in (TASK_INTERRUPTIBLE, TASK_UNINTERRUPTIBLE):
            return 0
        self._w[t] = TASK_RUNNING
        self._finish_wait(task)
        if not self._queued(task):
            if self._w[self._online] > 1 and self._w[self._index(task) + self._flags] & PF_STARTING:
                self._place_new(task)
            self._enqueue(task, self.place_woken)
        if (emit := self._events.sched_wakeup) is not None:
            emit(*self._trace_task(task), 1, self._w[self._cpu_of(task)])
        return 1

    def _finish_wait(self, task: int) -> None:
        """A task waits no longer for what its interrupted call waited for."""
        w = self._w
        if w[(task + self._wait_link ^ 0xC0000000) >> 2]:
            self._unlink(task + self._wait_link)
        t = self._index(task + self._timer)
        if w[t + T_FUNCTION] == self._autoremove:
            self.timers.detach(task + self._timer)
            w[t + T_FUNCTION] = 0

    def alive(self, task: int) -> bool:
        """Whether a task has not ended yet."""
        return self._w[self._index(task) + self._state] != TASK_DEAD

    def forget(self, task: int) -> None:
        """A task ends: it leaves the runqueue, and its timer is off."""
        w = self._w
        w[self._index(task) + self._state] = TASK_DEAD
        if self._queued(task):
            self._dequeue(task)
        self._finish_wait(task)
        self.timers.detach(task + self._timer)
        if w[self._call_caller] == task:
            for i in self._call:
                w[i] = 0
        i = self._index(w[self._index(task) + self._thread_info]) + self._info_flags
        if w[i] & TIF_SIGPENDING:
            w[i] &= ~(TIF_SIGPENDING | TIF_MEMDIE)
            w[self.work_pending] -= 1
        self._forget_pauses(task)

    def pick_next(self, cpu: int) -> int:
        """Put the first task of a CPU's queue to work there; its address."""
        w, i = self._w, cpu * self._rq_words
        task = w[(self._queue(cpu) ^ 0xC0000000) >> 2] - self._run_list
        self.context_switch(cpu, w[self._idle + i], task)
        w[self._slice + i] = DEF_TIMESLICE
        w[self._curr + i] = task
        if (emit := self._events.sched_switch) is not None:
            self._trace_switch(emit, w[self._idle + i], task)
        return task

    def _trace_switch(self, emit: Emit, before: int, following: int) -> None:
        state = self._w[self._index(before) + self._state]
        emit(*self._trace_task(before), state, *self._trace_task(following))

    def _trace_task(self, task: int) -> tuple[str, int, int]:
        """A task's comm, pid and prio."""
        w, t = self._w, self._index(task)
        comm = w[t + self._comm : t + self._comm + (TASK_COMM_LEN >> 2)].tobytes().split(b"\0")[0].decode("latin-1")
        return comm, w[t + self._pid], w[t + self._prio]

    def wait_for_timer(self) -> None:
        """All is idle: time jumps to the next timer, which goes off. Deadlock where none can wake anybody."""
        if self.timers.next_timer() is None:
            raise Deadlock
        expires, now = self.timers.first(), self._w[self._jiffies]
        past = (expires - now - 1 & 0xFFFFFFFF) >> 31  # it goes off at the next tick
        self._clock.jump_to(now + 1 & 0xFFFFFFFF if past else expires)
        self.run_timers()

    def sleep(self) -> NoReturn:
        """Take the task at work off the runqueue until it is woken; its call then runs again."""
        self._check_sleep()
        task = self._traps.current()
        self._w[self._index(task) + self._state] = TASK_UNINTERRUPTIBLE
        self._dequeue(task)
        self._switch(again=True)

    def sleep_on(self, queue: int, state: int = TASK_UNINTERRUPTIBLE) -> NoReturn:
        """Wait on a `struct wait_queue_head` of the kernel's for `wake_up`; the call then runs again."""
        self._check_sleep()
        w, task = self._w, self._traps.current()
        i = self._index(task + self._wait)
        w[i], w[i + 1], w[i + 2] = 0, task, self._autoremove
        list_add_tail(w, task + self._wait_link, queue + self._queue_list)
        w[self._index(task) + self._state] = state
        self._dequeue(task)
        self._switch(again=True)

    def wake_up(self, queue: int) -> None:
        """Wake every task that waits on a queue with `sleep_on`."""
        for entry in list(list_for_each(self._w, queue + self._queue_list)):
            task = entry - self._wait_link
            if not self.wake_up_process(task):
                self._finish_wait(task)

    def congestion_wait(self, rw: int, timeout: int) -> int:
        """Sleep for `timeout` jiffies: no device is ever congested here, so nobody wakes the sleeper before."""
        self._w[self._index(self._traps.current()) + self._state] = TASK_UNINTERRUPTIBLE
        return self.schedule_timeout(timeout)

    def serves_task(self) -> bool:
        """Whether what is done now is done for a task; else it is for the host, or for the boot."""
        return self._depth() > 0

    def can_sleep(self) -> bool:
        """Whether the call is a task's own, not one out of a function that the kernel has called."""
        return self._depth() == 1

    def pause(self, timeout: int) -> bool:
        """Sleep for `timeout` jiffies; the call then runs again. False, at once, where the caller is no task.

        In a function that the kernel has called nothing can run meanwhile: the time passes, and the call goes on.
        """
        if not self.serves_task():
            return False
        w, task = self._w, self._traps.current()
        if self._depth() != 1:
            self._clock.jump_to(w[self._jiffies] + timeout & 0xFFFFFFFF)
            return True
        self._check_sleep()
        i = self._index(task) + self._pauses
        w[self.work_pending] += not w[i]
        w[i] = w[i] + 1 | _PAUSED
        t = self._index(task + self._timer)
        w[t + T_FUNCTION], w[t + T_DATA] = self._autoremove, task
        w[t + T_EXPIRES] = w[self._jiffies] + timeout & 0xFFFFFFFF
        self.timers.attach(task + self._timer, w[t + T_EXPIRES])
        w[self._index(task) + self._state] = TASK_UNINTERRUPTIBLE
        self._dequeue(task)
        self._switch(again=True)

    def tired(self) -> bool:
        """Whether the call at work has paused so often that waiting leads nowhere."""
        return self._w[self._index(self._traps.current()) + self._pauses] & ~_PAUSED >= MOST_PAUSES

    def _forget_pauses(self, task: int) -> None:
        i = self._index(task) + self._pauses
        if self._w[i]:
            self._w[i] = 0
            self._w[self.work_pending] -= 1

    def give_way(self) -> None:
        """cond_resched in the middle of a call, which then runs again; nothing where the caller cannot be stopped."""
        i = self._index(self._traps.current_thread_info())
        flags, count = self._w[i + self._info_flags], self._w[i + self._preempt_count]
        if flags & TIF_NEED_RESCHED and not count and self._depth() == 1:
            self.try_later()

    def kill(self, task: int) -> None:
        """Send SIGKILL: the task ends at its next call."""
        i = self._index(self._w[self._index(task) + self._thread_info]) + self._info_flags
        if not self._w[i] & TIF_SIGPENDING:
            self._w[i] |= TIF_SIGPENDING
            self._w[self.work_pending] += 1
        if self._w[self._index(task) + self._state] == TASK_INTERRUPTIBLE:
            self.wake_up_process(task)

    def do_pending_work(self) -> None:
        """At a call's begin, where `work_pending` is not 0: some task was killed, or has paused.

        A killed task ends here; but a function that the kernel has called goes on, and the task ends behind it. With a
        new call the pauses of the last one are forgotten.
        """
        if self._depth() != 1:
            return
        w, task = self._w, self._traps.current()
        if w[self._index(self._traps.current_thread_info()) + self._info_flags] & TIF_SIGPENDING:
            raise TaskExit(128 + SIGKILL, SIGKILL)
        i = self._index(task) + self._pauses
        if w[i] & _PAUSED:
            w[i] &= ~_PAUSED
        else:
            self._forget_pauses(task)

    def try_later(self) -> NoReturn:
        """Let the others run, then run the call again."""
        self._rotate(self._traps.current())
        self._switch(again=True)

    def _check_sleep(self) -> None:
        self._check_atomic()
        self._check_depth()

    def _check_depth(self) -> None:
        if self._depth() != 1:
            raise KernelBug("a guest function that the kernel called (a constructor, a handler) sleeps")

    def _switch(self, again: bool = False) -> NoReturn:
        self._check_depth()
        i = self._index(self._traps.current_thread_info())
        self._w[i + self._info_flags] &= ~TIF_NEED_RESCHED
        raise Switch(again)

    def _rotate(self, task: int) -> bool:
        """Put the task at work behind the others; whether it must give way: to them, or to go to another CPU."""
        self._dequeue(task)
        alone = list_empty(self._w, self._queue(self._traps.cpu))
        self._enqueue(task)
        return not alone or self._w[self._cpu_of(task)] != self._traps.cpu

    def schedule(self) -> None:
        """Give way: for a while, or where the task's state is not TASK_RUNNING, until it is woken."""
        self._check_atomic()
        w, task = self._w, self._traps.current()
        if w[self._index(task) + self._state] != TASK_RUNNING:
            self._dequeue(task)
            self._switch()
        elif self._rotate(task):
            self._switch()
        else:
            self._give_turn()

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
        self._give_turn()
        return 1

    def schedule_timeout(self, timeout: int) -> int:
        """schedule() for at most `timeout` jiffies; those that are left, 0 when they ran out."""
        w = self._w
        task = self._traps.current()
        timer = task + self._timer
        t = self._index(timer)
        if w[t + T_FUNCTION]:  # this is the call again, after the sleep
            left = w[t + T_EXPIRES] - w[self._jiffies] & 0xFFFFFFFF
            self.timers.detach(timer)
            w[t + T_FUNCTION] = 0
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
        w[t + T_EXPIRES] = w[self._jiffies] + timeout & 0xFFFFFFFF
        w[t + T_FUNCTION], w[t + T_DATA] = self._process_timeout, task
        self.timers.attach(timer, w[t + T_EXPIRES])
        if w[self._index(task) + self._state] != TASK_RUNNING:
            self._dequeue(task)
        else:
            self._rotate(task)
        self._switch(again=True)

    def tick(self) -> None:
        """scheduler_tick on every CPU, and the timer softirq, at a new jiffy: on the stack of the task at work."""
        w, info = self._w, self._traps.current_thread_info()
        self._scheduler_tick(self._traps.cpu, self._traps.current(), info)
        if w[self._online] > 1:
            for cpu in range(w[self._online]):
                if cpu != self._traps.cpu and (task := self.at_work(cpu)):
                    self._scheduler_tick(cpu, task, w[self._index(task) + self._thread_info])
        # With softirqs off a later tick does it.
        i = self._index(self._traps.current_thread_info()) + self._preempt_count
        if not self._w[i] & _NO_SOFTIRQS and not self._traps.irqs_disabled():
            self.run_timers()
        self._give_turn(again=True)  # the call at hand has not begun

    def timer_interrupt(self, irqs_on: bool, nsec: int = TRAP_NSEC) -> None:
        """Up to a jiffy passes between two instructions of the CPU at work. Without interrupts no tick comes."""
        nsec += self._w[self._clock.nsec]
        if nsec < TICK_NSEC:
            self._w[self._clock.nsec] = nsec
        elif irqs_on:
            self._clock.tick()
            self.tick()

    def _scheduler_tick(self, cpu: int, task: int, info: int) -> None:
        w, i = self._w, self._slice + cpu * self._rq_words
        w[self._index(task) + self._stime] += 1
        if w[i]:
            w[i] -= 1
        else:
            w[self._index(info) + self._info_flags] |= TIF_NEED_RESCHED

    def run_timers(self) -> None:
        """The softirq of the timers: call the function of every one whose time has come."""
        self.timers.run(self._expired)

    def _expired(self, function: int, data: int) -> None:
        if function in (self._process_timeout, self._autoremove):
            self.wake_up_process(data)
        else:
            self._in_context(SOFTIRQ_OFFSET, function, data)

    def _in_context(self, offset: int, function: int, data: int) -> None:
        i = self._index(self._traps.current_thread_info()) + self._preempt_count
        self._w[i] = self._w[i] + offset & 0xFFFFFFFF
        try:
            self._call_guest(function, data, irqs=offset != HARDIRQ_OFFSET)
        finally:
            self._w[i] = self._w[i] - offset & 0xFFFFFFFF

    def run_in_irq(self, function: int, data: int) -> None:
        """Call a guest function as a hard interrupt's handler."""
        self._in_context(HARDIRQ_OFFSET, function, data)

    def run_in_softirq(self, function: int, data: int) -> None:
        """Call a guest function as a softirq's."""
        self._in_context(SOFTIRQ_OFFSET, function, data)

    # other CPUs

    def _give_turn(self, again: bool = False) -> None:
        """Where there is another CPU, it goes on now; behind a nested call the turn goes on."""
        if self._w[self._online] > 1 and self._depth() == 1:
            raise TurnOver(again)

    def cpu_relax(self) -> None:
        """A loop waits for what another CPU does: let that one run."""
        if self._w[self._online] > 1:
            self.wait_for_others(again=False)

    def wait_for_others(self, again: bool) -> bool:
        """Let another CPU run: behind the call, which runs `again` or is done, or inside of one that was nested.

        Returns, whether one ran, in a nested call only.
        """
        if self._depth() == 1:
            raise TurnOver(again)
        return self._let_others_run()

    def set_cpus_allowed(self, task: int, mask: int) -> int:
        """Say where a task may run: 0, or -EINVAL for no CPU that there is. mask: its address.

        It leaves a CPU that it may not be on at once; where it is at work on another CPU, when it next gives way.
        """
        w = self._w
        allowed = self._vm.word(mask)
        if not allowed & cpu_mask_all(w[self._online]):
            return -EINVAL & 0xFFFFFFFF
        if not self._cpus_allowed:
            return 0
        w[self._index(task) + self._cpus_allowed] = allowed & cpu_mask_all(self._nr_cpus)
        here, cpu = task == self._traps.current(), w[self._cpu_of(task)]
        if allowed >> cpu & 1 or not self._queued(task) or not here and task == self.at_work(cpu):
            return 0
        if here:
            self._result(0)
        self._dequeue(task)
        self._enqueue(task)
        if here:
            self._switch()
        return 0
