"""Timers (kernel/timer.c, 2.6.20): a list in the order of their time. A program's may lie anywhere in kernel memory.

Their functions are called in the softirq that follows a tick, which the scheduler begins.
"""

from __future__ import annotations

from collections.abc import Callable

from mm.events import Events
from mm.layout import Layout
from mm.list import Words, init_list_head
from mm.maccess import KernelMemory
from mm.traps import Traps

# Words of struct timer_list.
T_NEXT, T_PREV, T_EXPIRES, T_FUNCTION, T_DATA = range(5)


class Timers:
    """The timers that are set. `vm` is memory as the kernel sees it: a `struct timer_list` that is none is a fault."""

    def __init__(self, w: Words, layout: Layout, traps: Traps, events: Events, vm: KernelMemory) -> None:
        self._w = w
        self._traps = traps
        self._events = events
        self._vm = vm
        self._timers, self._due = layout.va("timers"), layout.va("timers_due")
        self._jiffies = (layout.va("jiffies") ^ 0xC0000000) >> 2
        rq = layout["rq"]
        self._rq_words, self._nr_cpus = rq.words, layout.nr_cpus
        self._running = (layout.va("runqueues") + rq.offset("running_timer") ^ 0xC0000000) >> 2
        #: functions that our own code serves
        self.own: dict[int, Callable[[int], None]] = {}

    def init_timers(self) -> None:
        """No timer is set."""
        init_list_head(self._w, self._timers)
        init_list_head(self._w, self._due)

    def attach(self, timer: int, expires: int, due: bool = False) -> None:
        """Enter a timer that is in no list behind those of its time and before."""
        head = self._due if due else self._timers
        vm, at = self._vm, self._vm.word(head)
        while at != head and (vm.word(at + 4 * T_EXPIRES) - expires & 0xFFFFFFFF) >> 31:
            at = vm.word(at)
        while at != head and vm.word(at + 4 * T_EXPIRES) == expires:
            at = vm.word(at)
        before = vm.word(at + 4)
        for va, value in ((timer, at), (timer + 4, before), (before, timer), (at + 4, timer)):
            vm.set_word(va, value)

    def detach(self, timer: int) -> bool:
        """Take a timer out of its list; whether it was in one."""
        vm, following = self._vm, self._vm.word(timer)
        if not following:
            return False
        before = vm.word(timer + 4)
        for va, value in ((before, following), (following + 4, before), (timer, 0), (timer + 4, 0)):
            vm.set_word(va, value)
        return True

    def mod_timer(self, timer: int, expires: int) -> int:
        """Set a timer to the jiffy `expires`; 1 where it was pending before."""
        pending = self.detach(timer)
        self._vm.set_word(timer + 4 * T_EXPIRES, expires)
        self.attach(timer, expires)
        return int(pending)

    def add_timer(self, timer: int) -> None:
        """Start a timer that is not pending; a BUG where it is."""
        if self._vm.word(timer):
            self._traps.bug()
        self.attach(timer, self._vm.word(timer + 4 * T_EXPIRES))

    def del_timer(self, timer: int) -> int:
        """Stop a timer; 1 where it was pending."""
        return int(self.detach(timer))

    def try_to_del_timer_sync(self, timer: int) -> int:
        """Stop a timer; 1 where it was pending, -1 where its function is at work on a CPU (and the kernel is SMP)."""
        if self._nr_cpus > 1 and timer in self._w[self._running :: self._rq_words][: self._nr_cpus].tolist():
            return 0xFFFFFFFF
        return self.del_timer(timer)

    def drop(self, start: int, end: int) -> None:
        """Stop every timer whose function lies in [start, end), which is about to go."""
        vm = self._vm
        for head in (self._timers, self._due):
            timer = vm.word(head)
            while timer != head:
                following = vm.word(timer)
                if start <= vm.word(timer + 4 * T_FUNCTION) < end:
                    self.detach(timer)
                timer = following

    def first(self) -> int:
        """The jiffy of the timer that is due first. There must be one."""
        if self._vm.word(self._due) != self._due:
            return self._w[self._jiffies]
        return self._vm.word(self._vm.word(self._timers) + 4 * T_EXPIRES)

    def next_timer(self) -> int | None:
        """In how many jiffies the next timer is due, but for those of the kernel's own work, which never end."""
        if self._vm.word(self._due) != self._due:  # a function before was cut off
            return 0
        at = self._vm.word(self._timers)
        while at != self._timers:
            if self._vm.word(at + 4 * T_FUNCTION) not in self.own:
                left = self._vm.word(at + 4 * T_EXPIRES) - self._w[self._jiffies] & 0xFFFFFFFF
                return 0 if left >> 31 else left
            at = self._vm.word(at)
        return None

    def run(self, call: Callable[[int, int], None]) -> None:
        """__run_timers: `call(function, data)` of every timer whose time has come."""
        vm, w = self._vm, self._w
        # Those that are due first, by themselves: one that sets itself anew for now must wait for the next tick.
        while (timer := w[(self._timers ^ 0xC0000000) >> 2]) != self._timers:
            expires = vm.word(timer + 4 * T_EXPIRES)
            if (w[self._jiffies] - expires & 0xFFFFFFFF) >> 31:
                break
            self.detach(timer)
            self.attach(timer, expires, due=True)
        while (timer := w[(self._due ^ 0xC0000000) >> 2]) != self._due:
            self.detach(timer)
            function, data = vm.word(timer + 4 * T_FUNCTION), vm.word(timer + 4 * T_DATA)
            if (emit := self._events.timer_expire_entry) is not None:
                emit(timer, w[self._jiffies], function)
            if function in self.own:
                self.own[function](data)
            else:
                i = self._running + self._traps.cpu * self._rq_words
                before, w[i] = w[i], timer
                try:
                    call(function, data)
                finally:
                    w[i] = before
            if (emit := self._events.timer_expire_exit) is not None:
                emit(timer)
