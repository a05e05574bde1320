"""Functions that one CPU has the others run (arch/i386/kernel/smp.c, 2.6.20).

A CPU that does not run stands between two instructions: what it is sent runs there at once, as an interrupt, unless it
has interrupts off. Then the call is pending in `call_cpus`, and the caller lets the others go on and tries again. One
call is served at a time, as under 2.6.20's call_lock.
"""

from __future__ import annotations

from collections.abc import Callable

from mm.errors import KernelBug
from mm.fork import cpu_mask_all
from mm.layout import Layout
from mm.list import Words
from mm.sched import Scheduler
from mm.traps import Traps

EBUSY, EINVAL = 16, 22


class Smp:
    """Calls between CPUs.

    interrupts_on(cpu): whether a CPU that does not run now would take an interrupt. interrupt(cpu, function, data) has
    it run a guest function as one.
    """

    def __init__(
        self, w: Words, layout: Layout, traps: Traps, sched: Scheduler, interrupts_on: Callable[[int], bool],
        interrupt: Callable[[int, int, int], None],
    ) -> None:  # fmt: skip
        self._w = w
        self._traps = traps
        self._sched = sched
        self._interrupts_on = interrupts_on
        self._interrupt = interrupt
        self._online = (layout.va("nr_cpus_online") ^ 0xC0000000) >> 2
        self._func, self._info, self._cpus, self._caller = (
            (layout.va(f"call_{name}") ^ 0xC0000000) >> 2 for name in ("func", "info", "cpus", "caller")
        )

    def _others(self) -> int:
        return cpu_mask_all(self._w[self._online]) & ~(1 << self._traps.cpu)

    def smp_call_function(self, func: int, info: int, retry: int, wait: int) -> int:
        """Have all other CPUs run func(info). `retry` says nothing, in 2.6.20 too, and with `wait` 0 all run it too."""
        return self._call(self._others(), func, info)

    def smp_call_function_single(self, cpu: int, func: int, info: int, retry: int, wait: int) -> int:
        """Have another CPU run func(info); -EBUSY for this one, -EINVAL where there is no such CPU."""
        if cpu == self._traps.cpu:
            return -EBUSY & 0xFFFFFFFF
        if not self._others() >> cpu & 1:
            return -EINVAL & 0xFFFFFFFF
        return self._call(1 << cpu, func, info)

    def _call(self, cpus: int, func: int, info: int) -> int:
        w, me = self._w, self._traps.current()
        if not cpus:
            return 0
        while w[self._caller] not in (0, me):
            self._wait("another call is under way")
        if not w[self._caller]:
            if self._traps.irqs_disabled():
                self._traps.warn()  # two CPUs that call each other so wait for ever
            w[self._caller], w[self._cpus], w[self._func], w[self._info] = me, cpus, func, info
        while not self._deliver():
            self._wait("a CPU has its interrupts off")
        w[self._caller] = w[self._func] = w[self._info] = 0
        return 0

    def _deliver(self) -> bool:
        """Run what is pending where that is possible; whether nothing is pending any longer."""
        w = self._w
        for cpu in range(w[self._online]):
            if w[self._cpus] >> cpu & 1 and self._interrupts_on(cpu):
                w[self._cpus] &= ~(1 << cpu)
                self._interrupt(cpu, w[self._func], w[self._info])
        return not w[self._cpus]

    def _wait(self, why: str) -> None:
        if not self._sched.wait_for_others(again=True):
            raise KernelBug(f"smp_call_function waits for ever: {why}, and no CPU can go on")
